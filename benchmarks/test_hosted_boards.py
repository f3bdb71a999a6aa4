"""The firmware in QEMU: what streaming costs, and that instructions stay what they are.

The limits of instructions and arenas are about half of what TFLite Micro's reference
kernels take on the same core (43.1 and 107.5 million), and its arenas.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.profiles import find_profile
from hil.targets.hosted import HostedTarget
from hil.vocab import Job, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    Start = Callable[[str, npt.NDArray[np.int8]], tuple[HostedTarget, Job]]

BOARD = "qemu-mps2-an386"
KWS = "kws_ref_model.tflite"
IC = "pretrainedResnet_quant.tflite"
SHAPES = {KWS: (49, 10, 1), IC: (32, 32, 3)}
MOST_INSTRUCTIONS = {KWS: 22_000_000, IC: 55_000_000}
MOST_ARENA_BYTES = {KWS: 22_868, IC: 54_436}
MOST_MS_PER_INPUT = 3.0
SECONDS = 600


@pytest.fixture
def prepared(tmp_path: Path, shared: Path) -> Iterator[Start]:
    """Starts the board with a model's firmware, in a QEMU of its own."""
    for tool in ("arm-none-eabi-gcc", "cmake", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: scripts/test installs it")
    profile = find_profile(BOARD)
    opened: list[HostedTarget] = []

    def start(name: str, samples: npt.NDArray[np.int8]) -> tuple[HostedTarget, Job]:
        path = shared / "models" / name
        data = path.read_bytes()
        job = Job(
            id="benchmark",
            model=ModelArtifact(
                name=path.stem,
                variant="as-is",
                path=path,
                sha256=hashlib.sha256(data).hexdigest(),
                size_bytes=len(data),
                ops=(),
            ),
            device=profile,
            window=0,
            warmup=0,
            min_runs=3,
            min_seconds=0,
            probe=samples[:1],
            samples=samples,
        )
        log, cache = tmp_path / f"{len(opened)}.log", tmp_path / "cache"
        target = HostedTarget(profile, log_path=log, cache=cache)
        opened.append(target)
        target.open(Deadline(SECONDS))
        target.prepare(job, Deadline(SECONDS))
        return target, job

    yield start
    for target in opened:
        target.close()


def test_an_input_costs_at_most_3_ms_above_the_kernels(
    prepared: Start, shared: Path
) -> None:
    with np.load(shared / "data/kws/kws01.npz", allow_pickle=False) as data:
        samples = data["x"]
    target, job = prepared(KWS, samples)
    session, deadline = target.target.session, Deadline(SECONDS)
    session.load_model(job.model.path.read_bytes(), deadline)
    inputs = [row.tobytes() for row in samples]
    start = time.perf_counter()
    answers = list(session.run_samples(inputs, deadline))
    streamed = time.perf_counter()
    ticks = session.invoke(inputs[:1], deadline, n=len(inputs))
    ended = time.perf_counter()
    assert len(answers) == len(ticks) == 1000
    kernels_ms, all_ms = 1000 * (ended - streamed), 1000 * (streamed - start)
    cost_ms = (all_ms - kernels_ms) / len(inputs)
    print(
        f"\n{len(inputs):,} keyword inputs through {BOARD}: {all_ms / 1000:.2f} s, the "
        f"kernels alone {kernels_ms / 1000:.2f} s; {cost_ms:.3f} ms an input above them"
    )
    assert cost_ms <= MOST_MS_PER_INPUT


@pytest.mark.parametrize("name", [KWS, IC])
def test_two_runs_count_the_same_and_stay_within_their_limits(
    prepared: Start, name: str
) -> None:
    samples = np.random.default_rng(0).integers(
        -128, 128, (3, *SHAPES[name]), dtype=np.int8
    )
    counts: list[tuple[int, ...]] = []
    for _ in range(2):
        target, job = prepared(name, samples)
        seen = target.measure(job, Deadline(SECONDS))
        assert seen.timing is not None
        counts.append(seen.timing.invoke_ticks)
        arena_bytes = seen.memory["arena_bytes"]
    print(f"\n{name}: {counts[0][0]:,} instructions, arena {arena_bytes:,} bytes")
    assert counts[0] == counts[1]
    assert max(counts[0]) <= MOST_INSTRUCTIONS[name]
    assert arena_bytes <= MOST_ARENA_BYTES[name]
