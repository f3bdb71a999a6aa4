"""Figures to places on an axis, and round figures for its ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.report import figures
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterable

# Where the largest is so many times the smallest, a linear axis hides the small ones.
_LOG_FROM: Final = 12.0
_THOUSAND: Final = 1000.0
# Up to so many decades: the ticks in each.
_PER_DECADE: Final[tuple[tuple[float, tuple[float, ...]], ...]] = (
    (2, (1.0, 2.0, 5.0)),
    (3, (1.0, 3.0)),
    (math.inf, (1.0,)),
)
_MOST_TICKS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Places values from `low` to `high` between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return where *value* stands; what is outside stands at the edge."""
        low, high, kept = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, kept = math.log(low), math.log(high), math.log(kept)
        return self.start + (kept - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return the round values on the axis, four to eight or so."""
        return _decades(self.low, self.high) if self.is_log else self._steps()

    def _steps(self) -> list[float]:
        step = _step(self.high - self.low)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def fitted(
    values: Iterable[float],
    *,
    start: float,
    end: float,
    may_be_log: bool = False,
    from_zero: bool = False,
) -> Scale:
    """Return a scale with some room around *values*, which must not be empty."""
    known = sorted(values)
    low, high = known[0], known[-1]
    if may_be_log and low > 0 and high / low >= _LOG_FROM:
        return Scale(
            low=low / 1.15, high=high * 1.15, start=start, end=end, is_log=True
        )
    room = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    # What cannot be negative has no axis that is.
    bottom = 0.0 if from_zero else max(low - room, 0.0) if low >= 0 else low - room
    return Scale(low=bottom, high=high + room, start=start, end=end)


def short(value: float) -> str:
    """Return a count for an axis: 950, 1.25 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g}"


def tick_text(value: float, basis: TimeBasis) -> str:
    """Return a tick of a latency axis: 200 us, 1.25 M."""
    if basis is TimeBasis.EMULATED_INSTRUCTIONS:
        return short(value)
    for unit, size in (("s", _THOUSAND * _THOUSAND), ("ms", _THOUSAND)):
        if value >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g} us"


def latency_axis(basis: TimeBasis) -> str:
    """Return what an axis of that basis is called."""
    if basis is TimeBasis.EMULATED_INSTRUCTIONS:
        return "instructions, counted by an emulator"
    return f"latency, {figures.BASIS_NAMES[basis]}"


def _step(span: float) -> float:
    rough = span / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return next(f * power for f in (1.0, 2.0, 2.5, 5.0, 10.0) if f * power >= rough)


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    per_decade = next(factors for most, factors in _PER_DECADE if last - first <= most)
    found = [
        factor * 10.0**power
        for power in range(first, last + 1)
        for factor in per_decade
        if low <= factor * 10.0**power <= high
    ]
    # An axis of ten decades has room for some of their names only.
    return found[:: max(1, -(-len(found) // _MOST_TICKS))]
