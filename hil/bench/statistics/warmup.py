"""Whether the first runs of a window are still slower than those that follow; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.bench.statistics.order import mad, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST_RUNS = 10
_SIGMA_FROM_MAD = 1.4826
_SIGMAS = 3.0
_LEAST_SHARE = 0.02
_LEAST_WINDOWS = 0.75  # of them must show it: one slow start is chance
_ALONE = 3  # runs in a row, where there is only one window


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """How many first runs were slow, how much, and in how many windows."""

    runs: int
    share: float  # of the first run above the window's median
    windows: int
    of_windows: int


def find_warm_up(windows: Sequence[Sequence[float]]) -> WarmUp | None:
    """Return the slow start that most of *windows* show, else None.

    A run is slow where it lies three robust standard deviations, and 2 %, above the
    median of its window.
    """
    long = [window for window in windows if len(window) >= _FEWEST_RUNS]
    starts = [(_slow_start(window), window) for window in long]
    slow = [(runs, window) for runs, window in starts if runs]
    if len(long) == 1:
        slow = [(runs, window) for runs, window in slow if runs >= _ALONE]
    if not slow or len(slow) < _LEAST_WINDOWS * len(long):
        return None
    excess = [window[0] / quantile(window, 0.5) - 1 for _, window in slow]
    return WarmUp(
        runs=math.ceil(quantile([runs for runs, _ in slow], 0.5)),
        share=quantile(excess, 0.5),
        windows=len(slow),
        of_windows=len(long),
    )


def _slow_start(window: Sequence[float]) -> int:
    """Return how many runs from the first on are slow; 0 where most of them are."""
    middle = quantile(window, 0.5)
    if middle <= 0:
        return 0
    limit = middle + max(_SIGMAS * _SIGMA_FROM_MAD * mad(window), _LEAST_SHARE * middle)
    runs = next((i for i, value in enumerate(window) if value <= limit), 0)
    return runs if 2 * runs < len(window) else 0
