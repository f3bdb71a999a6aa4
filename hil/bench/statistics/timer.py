"""What a timer can tell: its step and its own cost; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

COARSE = 0.01  # of a run: a step above that shows in the figure


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerStep:
    """The largest step that all ticks are multiples of, and of how many values.

    `ticks` is an upper bound of the timer's resolution: runs that take whole
    milliseconds would let a fine timer look coarse.
    """

    ticks: int
    distinct: int


def find_step(ticks: Iterable[int]) -> TimerStep | None:
    """Return the step of *ticks*; None where they are all alike and tell nothing."""
    distinct = set(ticks)
    if len(distinct) <= 1:
        return None
    return TimerStep(ticks=math.gcd(*distinct), distinct=len(distinct))
