from __future__ import annotations

import math
import statistics

from hypothesis import given, settings
from hypothesis import strategies as st

from hil.android.run_stats import parse_stats


def _percentile(runs: list[int], percent: int) -> int:
    return sorted(runs)[len(runs) * percent // 100]


def _line(runs: list[int], *, with_percentiles: bool) -> str:
    """Write what stats_calculator.h writes of *runs*."""
    n, last = len(runs), runs[-1]
    if min(runs) == max(runs):
        line = f"count={n} curr={last}" + ("(all same)" if n > 1 else "")
    else:
        line = (
            f"count={n} first={runs[0]} curr={last} min={min(runs)} max={max(runs)} "
            f"avg={statistics.fmean(runs):g} std={math.floor(statistics.pstdev(runs))}"
        )
    if with_percentiles:
        p5, median, p95 = (_percentile(runs, percent) for percent in (5, 50, 95))
        line += f" p5={p5} median={median} p95={p95}"
    return line


RUNS = st.one_of(
    st.lists(st.integers(0, 10**8), min_size=1, max_size=60),
    st.lists(st.integers(0, 3), min_size=1, max_size=20),
    st.lists(st.integers(10**7, 10**7 + 5), min_size=1, max_size=60),
)


@settings(max_examples=300, deadline=None)
@given(runs=RUNS, with_percentiles=st.booleans())
def test_whatever_the_tool_can_print_is_read_and_found_true(
    *, runs: list[int], with_percentiles: bool
) -> None:
    stats = parse_stats(_line(runs, with_percentiles=with_percentiles))
    assert stats is not None
    assert (stats.n, stats.first_us, stats.last_us) == (len(runs), runs[0], runs[-1])
    assert (stats.min_us, stats.max_us) == (min(runs), max(runs))
    assert math.isclose(stats.avg_us, statistics.fmean(runs), rel_tol=5.1e-6)
    assert stats.std_us == math.floor(statistics.pstdev(runs))
    expected = _percentile(runs, 50) if with_percentiles else None
    assert stats.median_us == expected
