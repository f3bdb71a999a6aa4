from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.emulators.phone.benchmark_text import statistics_line


@pytest.mark.parametrize(
    ("runs_us", "line"),
    [
        ([], "count=0 p5=0 median=0 p95=0"),
        ([7], "count=1 curr=7 p5=7 median=7 p95=7"),
        ([3] * 50, "count=50 curr=3(all same) p5=3 median=3 p95=3"),
        (
            [339304, 266325],
            (
                "count=2 first=339304 curr=266325 min=266325 max=339304 avg=302814 "
                "std=36489 p5=266325 median=339304 p95=339304"
            ),
        ),
        (
            [1254313, 1249401, 1248801],
            (
                "count=3 first=1254313 curr=1248801 min=1248801 max=1254313 "
                "avg=1.25084e+06 "
                "std=2469 p5=1248801 median=1249401 p95=1254313"
            ),
        ),
        (
            [1, 2, 2],
            "count=3 first=1 curr=2 min=1 max=2 avg=1.66667 std=0 p5=1 median=2 p95=2",
        ),
    ],
)
def test_the_line_is_that_of_the_real_program(runs_us: list[int], line: str) -> None:
    assert statistics_line(runs_us) == line


@given(st.lists(st.integers(1, 10**7), min_size=2, max_size=60))
def test_the_figures_are_those_of_the_runs(runs_us: list[int]) -> None:
    line = statistics_line(runs_us)
    if "all same" in line:
        assert len(set(runs_us)) == 1
        return
    figures = dict(pair.split("=") for pair in line.split())
    assert float(figures["avg"]) == pytest.approx(statistics.fmean(runs_us), rel=1e-5)
    assert int(figures["std"]) == pytest.approx(statistics.pstdev(runs_us), abs=2)
    assert int(figures["median"]) == sorted(runs_us)[len(runs_us) // 2]
    assert int(figures["p95"]) == sorted(runs_us)[len(runs_us) * 95 // 100]
