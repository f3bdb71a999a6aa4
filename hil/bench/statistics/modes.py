"""Whether runs fall into two groups, as on a core that is left and come back to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_FEWEST = 30
_LEAST_SHARE = 0.1  # fewer runs are outliers, not a mode
_TRIMMED = 0.025  # at each end, or a few outliers would be the second group
_LEAST_RATIO = 1.05
_LEAST_STEPS = 3  # of the timer: two neighbouring ticks are no modes
_LEAST_APART = 5.0  # a normal distribution cut in the middle has 2.7, a flat one 3.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """The medians of two groups of runs, and the share of the slower one."""

    fast: float
    slow: float
    slow_share: float
    n: int


def find_modes(values: Sequence[float], *, step: float = 0.0) -> Modes | None:
    """Return the two groups of *values* where they stand clearly apart, else None.

    The logarithms are cut where the groups are tightest, and held apart by Ashman's D
    (K. M. Ashman, C. M. Bird, S. E. Zepf, The Astronomical Journal 108, 1994), of which
    2 is the least for two modes to be seen; here it must be 5, since the cut itself
    makes some. *step* is the timer's.
    """
    if len(values) < _FEWEST or min(values) <= 0:
        return None
    ordered = np.sort(np.asarray(values, np.float64))
    drop = int(_TRIMMED * len(ordered))
    kept = ordered[drop : len(ordered) - drop]
    cut = _best_cut(np.log(kept))
    fast, slow = (float(np.median(part)) for part in (kept[:cut], kept[cut:]))
    far = slow >= _LEAST_RATIO * fast and slow - fast >= _LEAST_STEPS * step
    if not far or _apart(np.log(kept), cut) < _LEAST_APART:
        return None
    share = 1 - cut / len(kept)
    return Modes(fast=fast, slow=slow, slow_share=share, n=len(values))


def _best_cut(ordered: npt.NDArray[np.float64]) -> int:
    """Return how many of *ordered* go to the first group, at the least variance."""
    n = len(ordered)
    first = max(1, math.ceil(_LEAST_SHARE * n))
    sizes = np.arange(first, n - first + 1)
    sums = np.cumsum(ordered)
    # The least variance within is the most between.
    between = sums[sizes - 1] ** 2 / sizes + (sums[-1] - sums[sizes - 1]) ** 2 / (
        n - sizes
    )
    return int(sizes[between.argmax()])


def _apart(ordered: npt.NDArray[np.float64], cut: int) -> float:
    first, second = ordered[:cut], ordered[cut:]
    spread = math.sqrt(float(first.var() + second.var()) / 2)
    distance = float(second.mean() - first.mean())
    return distance / spread if spread else math.inf
