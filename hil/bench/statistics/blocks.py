"""Runs in blocks: windows, or parts of the one window that there is; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST_BLOCKS = 3
PARTS = 12  # of a single window: enough for an interval, each long enough for a median
_FEWEST_RUNS = 5 * PARTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Values of runs, each block measured at one time.

    Runs of one window are alike, for they share its clock, heat and neighbours, so it
    is whole blocks that are resampled. `windows` is how many windows they come from:
    what differs from window to window is not seen where that is one.
    """

    values: tuple[tuple[float, ...], ...]
    windows: int

    @property
    def n(self) -> int:
        """How many runs there are in all."""
        return sum(len(block) for block in self.values)

    @property
    def basis(self) -> str:
        """What an interval over the blocks is of, in words."""
        if self.windows > 1 or len(self.values) == 1:
            return f"{self.windows} windows" if self.windows > 1 else "1 window"
        return f"{len(self.values)} parts of 1 window"


def blocks_of(windows: Sequence[Sequence[float]]) -> Blocks:
    """Return the windows as blocks; a single long one is cut into twelve."""
    full = [tuple(window) for window in windows if window]
    if len(full) == 1 and len(full[0]) >= _FEWEST_RUNS:
        (runs,) = full
        ends = [round(part * len(runs) / PARTS) for part in range(PARTS + 1)]
        parts = tuple(runs[start:end] for start, end in pairwise(ends))
        return Blocks(values=parts, windows=1)
    return Blocks(values=tuple(full), windows=len(full))


def can_tell_apart(base: int, new: int, *, confidence: float) -> bool:
    """Return whether so many blocks could ever show a difference.

    The strongest sign there is, every block of one side above all of the other's,
    comes by chance too: in two of all the ways to deal the blocks out. Four blocks a
    side are the fewest for 95 %, or three against five. Two never do, however many
    stand against them: no draw of two lies beyond both, so their interval is too
    narrow (9 % false alarms against 12, 13 % against 20).
    """
    enough = min(base, new) >= _FEWEST_BLOCKS
    return enough and 2 / math.comb(base + new, base) <= 1 - confidence
