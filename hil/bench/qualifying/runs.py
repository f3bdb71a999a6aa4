"""The runs of windows in ticks, whether a device or a tool told of them; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from hil.bench.statistics.timer import find_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.bench.qualifying.observation import WindowSeen

_US_HZ = 1_000_000
_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """All runs of some windows. `step` is None where the ticks do not tell it.

    A tool that prints statistics only tells `n` and a mean; its ticks are microseconds.
    """

    n: int
    total: float
    middle: float
    step: float | None
    no_time: int
    too_long: int
    tick_hz: int | None
    longest: tuple[int, ...]

    @property
    def seconds(self) -> float | None:
        """How long they took by the device, where a tick is a time."""
        return self.total / self.tick_hz if self.tick_hz else None

    def time(self, ticks: float) -> str:
        """Return so many ticks in words."""
        if not self.tick_hz:
            return f"{ticks:,.0f} ticks"
        return f"{ticks:,.0f} ticks = {ticks / self.tick_hz * 1e6:.3g} us"


def runs_of(
    windows: Sequence[WindowSeen], *, tick_hz: int | None, room: float = 0.0
) -> Runs:
    """Return the runs of *windows*, of which there is one at least.

    One is too long that took longer than the host waited for its window, by more than
    the share *room*.
    """
    if windows[0].summary is not None:
        return _told(windows, room=room)
    pairs = [(tick, window.seconds) for window in windows for tick in window.ticks]
    ticks = [tick for tick, _ in pairs]
    step = find_step(ticks)
    long = [t for t, seconds in pairs if tick_hz and t > seconds * (1 + room) * tick_hz]
    return Runs(
        n=len(ticks),
        total=sum(ticks),
        middle=median(ticks),
        step=step.ticks if step else None,
        no_time=ticks.count(0),
        too_long=len(long),
        tick_hz=tick_hz,
        longest=tuple(sorted(set(ticks))[-_MOST_SHOWN:]),
    )


def with_figures(windows: Sequence[WindowSeen]) -> list[WindowSeen]:
    """Return the windows that ran: a phone that is too hot is not made to run."""
    return [window for window in windows if window.ticks or window.summary]


def medians_of(windows: Sequence[WindowSeen]) -> list[float]:
    """Return the median of each window, in ticks."""
    return [_middle(window) for window in windows]


def _middle(window: WindowSeen) -> float:
    told = window.summary
    if told is None:
        return median(window.ticks)
    return told.avg_us if told.median_us is None else told.median_us


def _told(windows: Sequence[WindowSeen], *, room: float) -> Runs:
    told = [(w.summary, w.seconds) for w in windows if w.summary is not None]
    long = [s for s, seconds in told if s.max_us > seconds * (1 + room) * _US_HZ]
    return Runs(
        n=sum(s.n for s, _ in told),
        total=math.fsum(s.n * s.avg_us for s, _ in told),
        middle=median(_middle(w) for w in windows),
        step=max(s.resolution_us for s, _ in told) or None,
        no_time=sum(s.min_us <= 0 for s, _ in told),
        too_long=len(long),
        tick_hz=_US_HZ,
        longest=tuple(sorted({math.ceil(s.max_us) for s, _ in told})[-_MOST_SHOWN:]),
    )
