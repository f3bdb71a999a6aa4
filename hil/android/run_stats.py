"""One statistics line of benchmark_model, and whether its figures can be true."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from hil.errors import FirmwareFault
from hil.printable import printable

# Grammar: xla/tsl/util/stats_calculator.h. Whole microseconds except the mean, which
# C++ prints with six digits and so in scientific notation from one second on.
_INT = r"\d+"
_MEAN = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_LINE = re.compile(
    rf"count=(?P<n>{_INT})"
    rf"(?: curr=(?P<only>{_INT})(?P<same>\(all same\))?"
    rf"| first=(?P<first>{_INT}) curr=(?P<curr>{_INT}) min=(?P<min>{_INT})"
    rf" max=(?P<max>{_INT}) avg=(?P<avg>{_MEAN}) std=(?P<std>{_INT}))?"
    rf"(?: p5=(?P<p5>{_INT}) median=(?P<median>{_INT}) p95=(?P<p95>{_INT}))?"
)
_MEAN_DIGITS = 5e-6  # half a unit in the sixth digit, relative to the figure
_SLACK = 1e-3  # std comes from a difference of large squares


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
    if match is None or not _count_fits(match):
        raise FirmwareFault(
            "a statistics line of benchmark_model cannot be read",
            where="benchmark_model's output",
            found=printable(line).strip(),
            allowed="count=N first=.. curr=.. min=.. max=.. avg=.. std=.., or curr=..",
        )
    if match["first"] is None and match["only"] is None:
        return None
    text = {key: value for key, value in match.groupdict().items() if value is not None}
    if match["only"] is not None:
        text |= dict.fromkeys(("first", "curr", "min", "max", "avg"), match["only"])
        text["std"] = "0"
    stats = RunStats(
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
    wrong = (
        _outside(stats) or _wrong_mean(stats) or _wrong_std(stats) or _unordered(stats)
    )
    if wrong is not None:
        raise FirmwareFault(
            "benchmark_model's figures contradict each other",
            where=printable(line).strip(),
            found=wrong,
        )
    return stats


def _count_fits(match: re.Match[str]) -> bool:
    """Tell whether the count is one that the tool prints in this shape of line."""
    n = int(match["n"])
    if match["first"] is not None:
        return n > 1 and match["min"] != match["max"]
    if match["only"] is not None:
        return n > 1 if match["same"] else n == 1
    return n == 0


def _outside(stats: RunStats) -> str | None:
    low, high = stats.min_us, stats.max_us
    for name, value in (("first", stats.first_us), ("curr", stats.last_us)):
        if not low <= value <= high:
            return f"{name}={value:g} is not between min={low:g} and max={high:g}"
    return None


def _wrong_mean(stats: RunStats) -> str | None:
    if stats.n == 1:
        return None
    # The shortest and the longest run are both among the n.
    rest = stats.n - 1
    smallest = (rest * stats.min_us + stats.max_us) / stats.n
    largest = (stats.min_us + rest * stats.max_us) / stats.n
    slack = stats.avg_us * _MEAN_DIGITS
    if smallest - slack <= stats.avg_us <= largest + slack:
        return None
    return (
        f"avg={stats.avg_us:g} cannot be the mean of {stats.n} runs "
        f"from min={stats.min_us:g} to max={stats.max_us:g}"
    )


def _wrong_std(stats: RunStats) -> str | None:
    slack = stats.avg_us * _MEAN_DIGITS
    below = max(0.0, stats.avg_us - stats.min_us)
    above = max(0.0, stats.max_us - stats.avg_us)
    # `least`: the two extreme runs alone cause that much. `most`: every run lies at
    # one of the two ends. The printed figure has lost its fraction.
    least = math.sqrt((below**2 + above**2) / stats.n) * (1 - _SLACK) - slack - 1
    most = math.sqrt((below + slack) * (above + slack)) * (1 + _SLACK) + 1
    if least <= stats.std_us <= most:
        return None
    return (
        f"std={stats.std_us:g} cannot be that of {stats.n} runs with "
        f"min={stats.min_us:g}, avg={stats.avg_us:g}, max={stats.max_us:g}"
    )


def _unordered(stats: RunStats) -> str | None:
    if stats.p5_us is None or stats.median_us is None or stats.p95_us is None:
        return None
    ordered = (stats.min_us, stats.p5_us, stats.median_us, stats.p95_us, stats.max_us)
    if list(ordered) == sorted(ordered):
        return None
    names = ("min", "p5", "median", "p95", "max")
    shown = " ".join(f"{k}={v:g}" for k, v in zip(names, ordered, strict=True))
    return f"{shown} do not rise"
