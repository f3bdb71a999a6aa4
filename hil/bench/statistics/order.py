"""Order statistics of latencies; pure."""

from __future__ import annotations

import math
from math import comb
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Above this the normal approximation of the ranks is off by less than one rank.
_EXACT_UP_TO = 200
_Z_95 = 1.959963984540054
_TAIL_95 = 0.025


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which *share* of *values* lies, linearly interpolated.

    The definition is Hyndman and Fan's type 7, the default of NumPy. *values* need
    not be sorted and must not be empty.
    """
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def fewest_for(share: float) -> int:
    """Return the smallest sample of which a 95 % interval of the quantile is known.

    It is the smallest n whose largest value lies above the quantile with 97.5 %: 36 for
    the 90th percentile, 368 for the 99th (for the median it is 6).
    """
    return math.ceil(math.log(_TAIL_95) / math.log(share))


def tail_quantile(values: Sequence[float], share: float) -> float | None:
    """Return a high quantile, or None where the sample is too small for it."""
    if len(values) < fewest_for(share):
        return None
    return quantile(values, share)


def mad(values: Sequence[float]) -> float:
    """Return the median distance of *values* from their median, not scaled."""
    middle = quantile(values, 0.5)
    return quantile([abs(value - middle) for value in values], 0.5)


def median_interval(
    values: Sequence[float], *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return a distribution-free interval of the median, or None for too few values.

    The interval is a pair of order statistics whose binomial coverage is at least
    *confidence*; the smallest sample that allows 95 % has six values.
    """
    n = len(values)
    rank = _lower_rank(n, (1 - confidence) / 2)
    if rank is None:
        return None
    ordered = sorted(values)
    return ordered[rank - 1], ordered[n - rank]


def _lower_rank(n: int, tail: float) -> int | None:
    """Return the largest r with P(Binomial(n, 1/2) < r) <= tail, or None if r < 1."""
    if n > _EXACT_UP_TO:
        return max(1, int((n - _Z_95 * n**0.5) / 2))
    below, rank = 0, 0
    while (below + comb(n, rank)) / 2**n <= tail:
        below += comb(n, rank)
        rank += 1
    return rank or None
