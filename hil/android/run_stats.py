"""One statistics line of benchmark_model, and whether its figures can be true."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.order_bounds import OrderBounds
from hil.android.printed_number import DOUBLE, INTEGER, half_unit, is_printed
from hil.android.refusal import WHERE, contradiction
from hil.errors import FirmwareFault
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

# Grammar: xla/tsl/util/stats_calculator.h. Whole microseconds except the mean.
_LINE = re.compile(
    rf"count=(?P<n>{INTEGER})"
    rf"(?: curr=(?P<only>{INTEGER})(?P<same>\(all same\))?"
    rf"| first=(?P<first>{INTEGER}) curr=(?P<curr>{INTEGER}) min=(?P<min>{INTEGER})"
    rf" max=(?P<max>{INTEGER}) avg=(?P<avg>{DOUBLE}) std=(?P<std>{INTEGER}))?"
    rf"(?: p5=(?P<p5>{INTEGER}) median=(?P<median>{INTEGER}) p95=(?P<p95>{INTEGER}))?"
)
PERCENTS = (5, 50, 95)
_ROUNDING = 1e-15  # of a double, in a sum of squares


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStats:
    """What one phase (warm-up or timed runs) printed; microseconds.

    `std_us` is the population standard deviation without its fraction. Percentiles
    are printed since 2025.
    """

    n: int
    first_us: float
    last_us: float
    min_us: float
    max_us: float
    avg_us: float
    std_us: float
    p5_us: float | None = None
    median_us: float | None = None
    p95_us: float | None = None


def parse_stats(line: str) -> RunStats | None:
    """Return the figures of a line `count=...`; None where it says that nothing ran.

    FirmwareFault where the line breaks the grammar or its figures cannot all be true.
    """
    match = _LINE.fullmatch(line.strip())
    if match is None or not _shape_fits(match):
        raise FirmwareFault(
            "a statistics line of benchmark_model cannot be read",
            where=WHERE,
            found=printable(line).strip(),
            allowed="count=N first=.. curr=.. min=.. max=.. avg=.. std=.., or curr=..",
        )
    if match["first"] is None and match["only"] is None:
        return None
    stats = _stats(match)
    checks: tuple[Callable[[RunStats], str | None], ...] = (
        _outside,
        _unordered,
        _too_many,
        _wrong_mean,
        _wrong_std,
    )
    for check in checks:
        wrong = check(stats)
        if wrong is not None:
            raise contradiction(
                wrong,
                where=line.strip(),
                allowed="figures that one set of runs can have",
            )
    return stats


def _shape_fits(match: re.Match[str]) -> bool:
    """Tell whether the tool prints these figures in this shape of line."""
    n = int(match["n"])
    if match["first"] is not None:
        return n > 1 and match["min"] != match["max"] and is_printed(match["avg"])
    percentiles = {match["p5"], match["median"], match["p95"]}
    if match["only"] is not None:
        is_one_value = percentiles in ({None}, {match["only"]})
        return is_one_value and (n > 1 if match["same"] else n == 1)
    return n == 0 and percentiles in ({None}, {"0"})


def _stats(match: re.Match[str]) -> RunStats:
    text = {key: value for key, value in match.groupdict().items() if value is not None}
    if match["only"] is not None:
        text |= dict.fromkeys(("first", "curr", "min", "max", "avg"), match["only"])
        text["std"] = "0"
    return RunStats(
        n=int(match["n"]),
        first_us=float(text["first"]),
        last_us=float(text["curr"]),
        min_us=float(text["min"]),
        max_us=float(text["max"]),
        avg_us=float(text["avg"]),
        std_us=float(text["std"]),
        p5_us=float(text["p5"]) if "p5" in text else None,
        median_us=float(text["median"]) if "median" in text else None,
        p95_us=float(text["p95"]) if "p95" in text else None,
    )


def _outside(stats: RunStats) -> str | None:
    low, high = stats.min_us, stats.max_us
    for name, value in (("first", stats.first_us), ("curr", stats.last_us)):
        if not low <= value <= high:
            return f"{name}={value:g} is not between min={low:g} and max={high:g}"
    return None


def _unordered(stats: RunStats) -> str | None:
    if stats.p5_us is None or stats.median_us is None or stats.p95_us is None:
        return None
    ordered = (stats.min_us, stats.p5_us, stats.median_us, stats.p95_us, stats.max_us)
    names = ("min", "p5", "median", "p95", "max")
    shown = " ".join(f"{k}={v:g}" for k, v in zip(names, ordered, strict=True))
    if list(ordered) != sorted(ordered):
        return f"{shown} do not rise"
    # sorted[floor(n * p / 100)]: of few runs a percentile is the first or the last.
    ranks = [0, *(stats.n * percent // 100 for percent in PERCENTS), stats.n - 1]
    for i, j in zip(range(4), range(1, 5), strict=True):
        if ranks[i] == ranks[j] and ordered[i] != ordered[j]:
            return f"{shown}: {names[i]} and {names[j]} of {stats.n} runs are one run"
    return None


def _known(stats: RunStats) -> list[float]:
    """Return the runs whose times are printed, each once."""
    if stats.n == 1:
        return [stats.first_us]
    ends = (stats.first_us, stats.last_us)
    return [*ends, *(v for v in (stats.min_us, stats.max_us) if v not in ends)]


def _too_many(stats: RunStats) -> str | None:
    known = _known(stats)
    if len(known) <= stats.n:
        return None
    shown = ", ".join(f"{value:g}" for value in known)
    return f"first, curr, min and max are {shown}: more than {stats.n} runs"


def _orders(stats: RunStats) -> list[OrderBounds]:
    """Return what is known of the sorted runs: by their ends, and by percentiles."""
    known = sorted(_known(stats))
    # The other runs lie anywhere between the ends.
    free = OrderBounds(
        fixed=tuple(known),
        between=((stats.n - len(known), stats.min_us, stats.max_us),),
    )
    if stats.p5_us is None or stats.median_us is None or stats.p95_us is None:
        return [free]
    ranks = {0: stats.min_us, stats.n - 1: stats.max_us}
    values = (stats.p5_us, stats.median_us, stats.p95_us)
    for percent, value in zip(PERCENTS, values, strict=True):
        ranks[stats.n * percent // 100] = value
    return [free, OrderBounds.of_ranks(ranks)]


def _wrong_mean(stats: RunStats) -> str | None:
    slack = half_unit(stats.avg_us)
    low = max(order.smallest_mean for order in _orders(stats)) - slack
    high = min(order.largest_mean for order in _orders(stats)) + slack
    total = stats.n * stats.avg_us
    spread = stats.n * slack + total * _ROUNDING
    # Each run is a whole number of microseconds, and so is their sum.
    has_whole_sum = math.floor(total + spread) >= math.ceil(total - spread)
    if low <= stats.avg_us <= high and has_whole_sum:
        return None
    return (
        f"avg={stats.avg_us:g} cannot be the mean of {stats.n} runs "
        f"from min={stats.min_us:g} to max={stats.max_us:g}"
    )


def _wrong_std(stats: RunStats) -> str | None:
    mean, slack = stats.avg_us, half_unit(stats.avg_us)
    # A variance is the difference of two large numbers, and a double holds 53 bits.
    rounding = _ROUNDING * max(4, stats.n) * stats.max_us**2
    orders = _orders(stats)
    least = max(order.least_variance(mean, slack=slack) for order in orders) - rounding
    most = min(order.most_variance(mean, slack=slack) for order in orders) + rounding
    below, above = max(0.0, mean - stats.min_us), max(0.0, stats.max_us - mean)
    most = min(most, (below + slack) * (above + slack) + rounding)  # Bhatia and Davis
    # The printed figure has lost its fraction.
    if least < (stats.std_us + 1) ** 2 and stats.std_us**2 <= most:
        return None
    return (
        f"std={stats.std_us:g} cannot be that of {stats.n} runs with "
        f"min={stats.min_us:g}, avg={stats.avg_us:g}, max={stats.max_us:g}"
    )
