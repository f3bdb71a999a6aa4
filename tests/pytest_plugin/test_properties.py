"""Names, units and values of the properties of a test."""

from __future__ import annotations

from hil.pytest_plugin.properties import properties
from hil.vocab import Latency, Result, RunStatus, Setting, TargetKind, TimeBasis


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
    found = dict(properties(result(latency=Latency(basis=basis, n=10, median=971923))))
    assert found["keyword int8 on board: latency_median_insn"] == "971923"
    assert found["keyword int8 on board: latency_n"] == "10"
    assert found["keyword int8 on board: time_basis"] == "emulated_instructions"
    assert not [name for name in found if name.endswith("_us")]


def test_what_was_not_measured_is_absent():
    found = dict(properties(result()))
    assert list(found) == [
        f"keyword int8 on board: {name}"
        for name in ("status", "time_basis", "size_bytes", "windows")
    ]


def test_the_setting_of_a_phone_is_in_the_name_and_doubts_are_told():
    latency = Latency(
        basis=TimeBasis.HOST_CLOCK, n=2, median=8.5, doubts=("coarse timer",)
    )
    found = dict(properties(result(latency=latency, setting=Setting(threads=4))))
    assert found["keyword int8 on board (4 threads): latency_median_us"] == "8.5"
    assert found["keyword int8 on board (4 threads): doubt"] == "coarse timer"


def test_control_characters_do_not_reach_the_xml():
    found = dict(properties(result(variant="a\x00b", memory={"arena_bytes": 8944})))
    assert found["keyword a\\x00b on board: memory_arena_bytes"] == "8944"
