"""Run folders that were never run: records, scores and environment as asked for."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from hil.results import records, scores
from hil.vocab import (
    AccuracyCount,
    RunRecord,
    RunStatus,
    TargetKind,
    TimeBasis,
    Timing,
)

INSTRUCTIONS = TimeBasis.EMULATED_INSTRUCTIONS
QEMU = {
    "compiler": "arm-none-eabi-gcc: 12.2.1",
    "compiler_flags": ["-O2"],
    "qemu": "QEMU emulator version 7.2.22",
    "machine": "mps2-an386",
    "icount_shift": 0,
}


def record(window=0, **changes):
    values = {
        "schema": 1,
        "run": "run",
        "job_id": f"m.int8.board.{window}",
        "model": "m",
        "variant": "int8",
        "device": "board",
        "kind": TargetKind.EMULATED_MCU,
        "window": window,
        "status": RunStatus.OK,
        "started_utc": "2026-01-01T00:00:00.000+00:00",
        "seconds": 0.5,
        "model_sha256": "ab" * 32,
        "size_bytes": 1000,
        "time_basis": TimeBasis.HOST_CLOCK,
        "engine": "tflm",
        "memory": {"arena_bytes": 24000},
    }
    return RunRecord(**(values | changes))


def timed(
    seed=0,
    *,
    count=6,
    runs=30,
    median_us=1000.0,
    of_window=0.005,
    of_run=0.02,
    **changes,
):
    """Return windows of noisy times; those of one window share a part of the noise."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(0, of_window, (count, 1))
    noise = noise + generator.normal(0, of_run, (count, runs))
    ticks = np.rint(1000 * median_us * np.exp(noise)).astype(int)
    basis = changes.get("time_basis", TimeBasis.HOST_CLOCK)
    return [
        record(
            window,
            timing=Timing(
                basis=basis, tick_hz=1_000_000_000, invoke_ticks=tuple(row.tolist())
            ),
            **changes,
        )
        for window, row in enumerate(ticks)
    ]


def counted(instructions=971_923, *, count=6, **changes):
    """Return windows of a board in QEMU, where each run counts the same."""
    values = {
        "kind": TargetKind.QEMU,
        "time_basis": INSTRUCTIONS,
        "engine": "compiled",
        "evidence": QEMU,
        "timing": Timing(basis=INSTRUCTIONS, invoke_ticks=(instructions,) * 20),
    }
    return [record(window, **(values | changes)) for window in range(count)]


def judged(rows, wrong, *, n=1000):
    """Return *rows*, the first of which counted its answers."""
    told = AccuracyCount(
        metric="top1", n=n, correct=n - len(wrong), wrong=tuple(sorted(wrong))
    )
    first = {name: getattr(rows[0], name) for name in rows[0].__dataclass_fields__}
    return [RunRecord(**(first | {"accuracy": told})), *rows[1:]]


@pytest.fixture(scope="session")
def made():
    """What makes records."""
    return SimpleNamespace(
        record=record, timed=timed, counted=counted, judged=judged, qemu=QEMU
    )


@pytest.fixture
def folder(tmp_path):
    """Write a run folder and return its path."""

    def write(name, rows, *, stored=(), environment=None):
        path = tmp_path / name
        path.mkdir()
        lines = b"".join(map(records.to_line, rows))
        (path / "records.jsonl").write_bytes(lines)
        if stored:
            lines = b"".join(map(scores.to_line, stored))
            (path / "scores.jsonl").write_bytes(lines)
        if environment is not None:
            (path / "environment.json").write_text(json.dumps(environment))
        return path

    return write
