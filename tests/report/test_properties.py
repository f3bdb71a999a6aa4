"""Names, units and values of the figures of a row."""

from __future__ import annotations

from hil.report.properties import properties
from hil.vocab import Latency, Result, RunStatus, TargetKind, TimeBasis


def result(**changes):
    known = {
        "run": "run",
        "model": "keyword",
        "variant": "int8",
        "device": "board",
        "kind": TargetKind.QEMU,
        "engine": "compiled",
        "status": RunStatus.OK,
        "problem": None,
        "size_bytes": 27488,
        "time_basis": TimeBasis.EMULATED_INSTRUCTIONS,
        "windows": 2,
    }
    return Result(**{**known, **changes})


def test_instructions_are_named_so_and_are_no_time():
    basis = TimeBasis.EMULATED_INSTRUCTIONS
    found = dict(
        properties(result(latency=Latency(basis=basis, n=10, median=971923)), None)
    )
    assert found["latency_median_insn"] == "971923"
    assert found["latency_n"] == "10"
    assert found["time_basis"] == "emulated_instructions"
    assert not [name for name in found if name.endswith("_us")]


def test_what_was_not_measured_is_absent():
    found = dict(properties(result(), None))
    assert list(found) == ["status", "time_basis", "size_bytes", "windows", "engine"]


def test_doubts_and_retries_are_told():
    latency = Latency(
        basis=TimeBasis.HOST_CLOCK, n=2, median=8.5, doubts=("coarse timer",)
    )
    found = dict(
        properties(result(latency=latency, retries=("run 3: no answer",)), None)
    )
    assert found["latency_median_us"] == "8.5"
    assert found["doubt"] == "coarse timer"
    assert found["retry"] == "run 3: no answer"
