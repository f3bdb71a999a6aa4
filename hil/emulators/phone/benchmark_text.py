"""The statistics line of benchmark_model, as TSL's `stats_calculator.h` prints it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def average(runs_us: Sequence[int]) -> float:
    """Return the mean; 0.0 of none, since C++ casts a NaN of an integer type to 0."""
    return sum(runs_us) / len(runs_us) if runs_us else 0.0


def percentile(runs_us: Sequence[int], percent: int) -> int:
    """Return sorted[floor(n * percent / 100)] for 0 <= *percent* < 100; 0 of none."""
    if not runs_us:
        return 0
    return sorted(runs_us)[len(runs_us) * percent // 100]


def statistics_line(runs_us: Sequence[int]) -> str:
    """Return `count=.. first=.. .. p95=..` of whole microseconds.

    The average is a C++ double at precision 6 (so 1.25081e+06 from one second on); the
    population variance and its root are each cut to a whole number.
    """
    n = len(runs_us)
    if not runs_us:
        text = "count=0"
    elif min(runs_us) == max(runs_us):
        text = f"count={n} curr={runs_us[-1]}" + ("(all same)" if n > 1 else "")
    else:
        mean = average(runs_us)
        squares = float(sum(run * run for run in runs_us))
        deviation = int(math.sqrt(max(0, int(squares / n - mean * mean))))
        text = (
            f"count={n} first={runs_us[0]} curr={runs_us[-1]} min={min(runs_us)} "
            f"max={max(runs_us)} avg={mean:g} std={deviation}"
        )
    p5, median, p95 = (percentile(runs_us, percent) for percent in (5, 50, 95))
    return f"{text} p5={p5} median={median} p95={p95}"
