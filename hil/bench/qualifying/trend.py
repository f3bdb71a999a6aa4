"""How far figures go up or down in the course of windows, with an interval; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from hil.bench.statistics.order import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

_Z_95 = 1.959963984540054
FEWEST_WINDOWS = 5  # fewer in perfect order come by chance in more than 5 % of cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The change from the first window to the last, as a share of the median."""

    share: float
    low: float
    high: float


def find_trend(medians: Sequence[float]) -> Trend:
    """Return the trend of five values or more, by the slopes between all pairs.

    The median slope with its 95 % interval by Kendall's distribution: P. K. Sen,
    JASA 63 (1968). A single bad window does not carry it along.
    """
    count = len(medians)
    assert count >= FEWEST_WINDOWS
    slopes = sorted(
        (medians[b] - medians[a]) / (b - a) for a, b in combinations(range(count), 2)
    )
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    below = max(0, math.floor((len(slopes) - _Z_95 * deviation) / 2))
    scale = (count - 1) / max(quantile(medians, 0.5), 1e-12)
    return Trend(
        share=quantile(slopes, 0.5) * scale,
        low=slopes[below] * scale,
        high=slopes[len(slopes) - 1 - below] * scale,
    )
