"""`hil compare` from the command line: tables, JSON, notes and exit status."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hil.cli.main import main
from hil.results.records import to_line
from hil.vocab import RunRecord, RunStatus, TargetKind, TimeBasis, Timing


def windows(seed, *, median_us=1000.0, arena=24_000, **changes):
    noise = np.random.default_rng(seed).normal(0, 0.01, (6, 40))
    ticks = np.rint(1000 * median_us * np.exp(noise)).astype(int)
    values = {
        "schema": 1,
        "run": "run",
        "model": "m",
        "variant": "int8",
        "device": "board",
        "kind": TargetKind.EMULATED_MCU,
        "status": RunStatus.OK,
        "started_utc": "2026-01-01T00:00:00.000+00:00",
        "seconds": 0.5,
        "model_sha256": "ab" * 32,
        "size_bytes": 1000,
        "time_basis": TimeBasis.HOST_CLOCK,
        "engine": "tflm",
        "memory": {"arena_bytes": arena},
    }
    return [
        RunRecord(
            job_id=f"job.{window}",
            window=window,
            timing=Timing(
                basis=TimeBasis.HOST_CLOCK,
                tick_hz=1_000_000_000,
                invoke_ticks=tuple(row.tolist()),
            ),
            **(values | changes),
        )
        for window, row in enumerate(ticks)
    ]


@pytest.fixture
def compare(tmp_path, capsys):
    """Write two runs, compare them, and return status, output and notes."""
    runs = {}

    def run(base, new, *words):
        for name, rows in (("base", base), ("new", new)):
            runs[name] = tmp_path / name
            runs[name].mkdir()
            (runs[name] / "records.jsonl").write_bytes(b"".join(map(to_line, rows)))
        status = main(["compare", str(runs["base"]), str(runs["new"]), *words])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def test_a_slower_run_says_what_changed_and_what_else_is_different(compare):
    slow = windows(2, median_us=1100, model_sha256="cd" * 32)
    status, out, _ = compare(windows(1), slow)
    assert status == 0
    line = next(line for line in out.splitlines() if " latency " in line)
    assert "m int8 on board (tflm)\n" in out
    assert "n=240" in line
    assert "worse    host clock; bootstrap over 6 windows each" in line
    assert "same: size 1,000 B, arena 24,000 B" in out
    assert "model_sha256  abababababab -> cdcdcdcdcdcd" in out
    assert "Changes stand with their 95% intervals." in out


def test_broken_gates_are_named_each_and_the_status_is_one(compare):
    status, out, err = compare(
        windows(1),
        windows(2, median_us=1100, arena=24_200),
        "--gate",
        "latency<+5%",
        "arena<=24000",
        "size<=+0B",
    )
    assert status == 1
    assert "BROKEN     latency<+5%  m int8 on board (tflm): +10." in out
    assert "BROKEN     arena<=24000  m int8 on board (tflm): 24,200 B" in out
    assert "held       size<=+0B" in out
    assert "gate broken: latency<+5%  m int8 on board (tflm)" in err
    assert "gate broken: arena<=24000  m int8 on board (tflm)" in err
    assert "size" not in err


def test_an_undecided_gate_fails_unless_it_is_accepted(compare, tmp_path):
    base, new = windows(1)[:3], windows(2)[:3]
    status, out, err = compare(base, new, "--gate", "latency<+5%")
    assert status == 1
    assert "undecided  latency<+5%" in out
    assert "gate undecided: latency<+5%" in err
    runs = [str(tmp_path / name) for name in ("base", "new")]
    words = ["compare", *runs, "--gate", "latency<+5%", "--accept-undecided"]
    assert main(words) == 0


def test_json_is_one_document_with_changes_gates_and_facts(compare):
    status, out, _ = compare(
        windows(1), windows(2, median_us=1100), "--json", "--gate", "latency<+5%"
    )
    document = json.loads(out)
    assert status == 1
    assert (document["schema"], document["passed"]) == (1, False)
    (row,) = document["rows"]
    latency = row["changes"][0]
    assert (latency["figure"], latency["verdict"]) == ("latency", "worse")
    assert (latency["basis"], latency["n_base"]) == ("host_clock", 240)
    assert latency["low"] < latency["difference"] < latency["high"]
    (gate,) = document["gates"]
    assert (gate["gate"], gate["outcome"]) == ("latency<+5%", "broken")
    assert gate["device"] == "board"
    assert document["only_base"] == document["only_new"] == []


def test_rows_without_a_partner_are_told(compare):
    base = [*windows(1), *windows(2, variant="float16")]
    new = [*windows(1), *windows(2, device="[red]\x1b[2J")]
    _, out, _ = compare(base, new)
    assert "only in the base:\n  m float16 on board (tflm)" in out
    assert "only in the new run:\n  m int8 on [red]\\x1b[2J (tflm)" in out


def test_a_row_that_fails_now_is_told_with_its_problem(compare):
    lost = windows(1, status=RunStatus.CRASHED, problem="it died", memory={})[:1]
    status, out, _ = compare(windows(1), lost, "--gate", "latency<+5%")
    assert status == 1
    assert "  ok -> crashed\n    it died" in out
    assert "the new run has no such figure: crashed" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--gate", "insn<+0.1%"], "allowed: latency, size, arena"),
        (["--gate", "latency<5%"], "^ a change needs its sign"),
        (["--confidence", "1.5"], "allowed: above 0.5 and below 1"),
    ],
)
def test_wrong_input_ends_with_status_two(compare, words, message):
    status, out, err = compare(windows(1), windows(2), *words)
    assert (status, out) == (2, "")
    assert message in err


def test_different_bases_are_refused_and_forced(compare, tmp_path):
    new = windows(2, time_basis=TimeBasis.DEVICE_CLOCK)
    status, _, err = compare(windows(1), new)
    assert status == 2
    assert "the runs count different times" in err
    runs = [str(tmp_path / name) for name in ("base", "new")]
    assert main(["compare", *runs, "--force"]) == 0


def test_an_empty_run_is_refused(compare):
    status, _, err = compare(windows(1), [])
    assert status == 2
    assert "the run has no records" in err
