"""Rows stand in the order of the plan, whichever device was done first."""

from __future__ import annotations

import pytest

from hil.report.order import ordered
from hil.vocab import Result, RunStatus, TargetKind, TimeBasis

PLAN = """
[[model]]
path = "digits.tflite"
[[device]]
profile = "qemu-b"
[[device]]
profile = "boards/own.toml"
[[device]]
profile = "qemu-b"
name = "first-in-the-alphabet"
"""


def result(device, *, variant="int8", model="digits", run="r"):
    return Result(
        run=run,
        model=model,
        variant=variant,
        device=device,
        kind=TargetKind.QEMU,
        engine="compiled",
        status=RunStatus.OK,
        problem=None,
        size_bytes=1,
        time_basis=TimeBasis.EMULATED_INSTRUCTIONS,
        windows=1,
    )


def devices(results, plan):
    return [row.device for row in ordered(results, plan)]


def test_devices_come_as_the_plan_names_them_then_by_name():
    rows = [
        result(name)
        for name in ("z", "first-in-the-alphabet", "own", "another", "qemu-b")
    ]
    expected = ["qemu-b", "own", "first-in-the-alphabet", "another", "z"]
    assert devices(rows, PLAN) == expected
    assert devices(reversed(rows), PLAN) == expected


@pytest.mark.parametrize(
    "plan", [None, "", "[[device", "device = 3", "[device]\nprofile = 'b'"]
)
def test_without_a_plan_that_can_be_read_they_come_by_name(plan):
    assert devices([result("b"), result("c"), result("a")], plan) == ["a", "b", "c"]


def test_variants_and_models_keep_their_order_and_stand_together():
    rows = [
        result("b", variant="int8"),
        result("a", variant="int8"),
        result("b", variant="dynamic"),
        result("b", variant="int8", model="another"),
        result("a", variant="dynamic"),
    ]
    assert [(r.model, r.variant, r.device) for r in ordered(rows, None)] == [
        ("digits", "int8", "a"),
        ("digits", "int8", "b"),
        ("digits", "dynamic", "a"),
        ("digits", "dynamic", "b"),
        ("another", "int8", "b"),
    ]


def test_runs_are_not_mixed():
    rows = [result("b", run="2"), result("a", run="1"), result("a", run="2")]
    assert [(r.run, r.device) for r in ordered(rows, None)] == [
        ("2", "a"),
        ("2", "b"),
        ("1", "a"),
    ]
