"""What a plan asks for and its run does not have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.bench.cut_off import missing, with_cut_rows
from hil.bench.plan import PlanSize, read_size
from hil.vocab import Latency, Result, RunStatus, TargetKind, TimeBasis

PLAN = """
[[model]]
path = "gone.tflite"
variants = ["as-is", "int8"]
[[device]]
profile = "emulated-mcu"
[[device]]
profile = "nobody-knows-it-any-more"
"""


SIZE = PlanSize(variants=2, devices=2, windows=6)
PHONE = replace(SIZE, settings=4)


def result(
    windows, *, variant="int8", status=RunStatus.OK, kind=TargetKind.MCU, device="d"
):
    latency = Latency(
        basis=TimeBasis.HOST_CLOCK, n=9, median=5.0, min=1, max=9, doubts=("drift",)
    )
    return Result(
        run="r",
        model="m",
        variant=variant,
        device=device,
        kind=kind,
        engine="tflm",
        status=status,
        problem=None,
        size_bytes=1,
        time_basis=TimeBasis.HOST_CLOCK,
        windows=windows,
        latency=latency if status is RunStatus.OK else None,
        memory={},
        accuracy=None,
        agreement=None,
    )


@pytest.mark.parametrize(
    ("plan", "size"),
    [
        (PLAN, SIZE),
        (f"{PLAN}\n[measure]\nwindows = 2\n", replace(SIZE, windows=2)),
        (f"{PLAN}\n[measure]\npreset = 'mlperf-tiny'\n", replace(SIZE, windows=5)),
        (f"{PLAN}\n[phone]\nthreads = [1, 4]\ncores = ['big', 'little']\n", PHONE),
        (f"{PLAN}\n[tune]\ntrials = 3\n", None),
        ("[", None),
        (None, None),
    ],
)
def test_the_size_of_a_plan_is_read_without_its_files_and_devices(plan, size):
    assert read_size(plan) == size


def test_rows_and_windows_that_a_killed_run_lacks_are_told():
    rows = [
        result(6),
        result(1, variant="as-is"),
        result(0, variant="float16", status=RunStatus.UNSUPPORTED_OP),
    ]
    assert missing(rows, SIZE) == (
        "the run was cut off, or is not done: rows without a record: 1 of 4; rows with "
        "fewer than 6 windows: 1"
    )
    whole, cut, refused = with_cut_rows(rows, SIZE)
    assert (whole, refused) == (rows[0], rows[2])
    assert cut.latency.doubts == ("cut off: 1 of 6 windows measured", "drift")


def test_each_setting_of_a_phone_is_a_row():
    rows = [result(6, kind=TargetKind.MCU, device="board")]
    rows += [result(6, kind=TargetKind.PHONE, device="phone") for _ in range(4)]
    size = replace(PHONE, variants=1)
    assert missing(rows, size) is None
    told = "the run was cut off, or is not done: rows without a record: 1 of"
    assert missing(rows[1:], size) == f"{told} 5"
    assert missing(rows[:-1], size) == f"{told} 5"


def test_a_whole_run_and_one_without_a_plan_lack_nothing():
    rows = [result(6)]
    for size in (PlanSize(variants=1, devices=1, windows=6), None):
        assert missing(rows, size) is None
        assert with_cut_rows(rows, size) == rows
