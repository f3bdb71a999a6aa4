"""Whether figures go up or down in the course of a run; pure."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import TYPE_CHECKING

from hil.bench.statistics.order import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.bench.statistics.blocks import Blocks

_ALPHA = 0.02  # five windows in perfect order have p = 0.017
_LEAST_SHARE = 0.01
_EXACT_UP_TO = 30
_MOST_BLOCKS = 200  # pairs are looked at, so more of them are thinned out


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A trend from the first block to the last, as a share of the median."""

    share: float
    p_value: float
    basis: str


def find_drift(blocks: Blocks) -> Drift | None:
    """Return the trend of the blocks' medians where it is shown and 1 % at least.

    By Mann and Kendall's test (M. G. Kendall, Biometrika 30, 1938) with the slope of
    Theil and Sen, which a single bad window does not carry along.
    """
    medians = [quantile(block, 0.5) for block in blocks.values]
    medians = medians[:: math.ceil(len(medians) / _MOST_BLOCKS) or 1]
    count = len(medians)
    middle = quantile(medians, 0.5) if medians else 0.0
    if middle <= 0:
        return None
    pairs = list(combinations(range(count), 2))
    rises = sum(_sign(medians[b] - medians[a]) for a, b in pairs)
    p_value = _p_value(abs(rises), count)
    if p_value > _ALPHA:
        return None
    slope = quantile([(medians[b] - medians[a]) / (b - a) for a, b in pairs], 0.5)
    share = slope * (count - 1) / middle
    if abs(share) < _LEAST_SHARE:
        return None
    return Drift(share=share, p_value=p_value, basis=blocks.basis)


def _p_value(rises: int, count: int) -> float:
    """Return how often chance gives as many rises over falls, or more, either way."""
    pairs = count * (count - 1) // 2
    if count > _EXACT_UP_TO:
        deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
        return 2 * NormalDist().cdf(-max(0.0, (rises - 1) / deviation))
    falls = (pairs - rises) // 2
    orders = _orders_by_falls(count)
    return min(1.0, 2 * sum(orders[: falls + 1]) / math.factorial(count))


@functools.cache
def _orders_by_falls(count: int) -> Sequence[int]:
    """Return how many orders of *count* values have 0, 1, 2, ... pairs that fall."""
    orders = [1]
    for size in range(2, count + 1):
        longer = [0] * (len(orders) + size - 1)
        for falls, ways in enumerate(orders):
            for more in range(size):
                longer[falls + more] += ways
        orders = longer
    return orders


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
