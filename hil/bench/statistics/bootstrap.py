"""The ratio of two medians by a bootstrap over blocks; pure, always the same draws.

Percentiles of few blocks are too narrow: with six windows a side, of which each counts
as one, a plain bootstrap raises 10 % false alarms. They are taken further out, at the
tail of Student's t with the smaller side's degrees of freedom (T. C. Hesterberg, "What
Teachers Should Know About the Bootstrap", The American Statistician 69, 2015, "expanded
percentile"). benchmarks/test_comparing.py counts the alarms that are left.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from hil.bench.statistics.blocks import can_tell_apart
from hil.bench.statistics.order import quantile

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.bench.statistics.blocks import Blocks

_DRAWS = 2000
_POINTS = 25  # stand for the runs of a block, so that long windows cost no more
_BISECTIONS = 60
_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """new / base of the medians; `low` and `high` are absent for too few blocks."""

    value: float
    confidence: float
    low: float | None = None
    high: float | None = None


def median_ratio(base: Blocks, new: Blocks, *, confidence: float = 0.95) -> Ratio:
    """Return the ratio of the medians of all runs, with its interval over the blocks.

    Neither side may be empty, nor the median of *base* be 0 or less.
    """
    value = _median(new) / _median(base)
    sizes = len(base.values), len(new.values)
    if not can_tell_apart(*sizes, confidence=confidence):
        return Ratio(value=value, confidence=confidence)
    below = _drawn_medians(base, seed=1)
    above = _drawn_medians(new, seed=2)
    tail = _expanded_tail(min(sizes), (1 - confidence) / 2)
    low, high = np.quantile(above / below, [tail, 1 - tail])
    # The draws stand for windows by some points each, the value is of every run.
    return Ratio(
        value=value,
        confidence=confidence,
        low=min(value, float(low)),
        high=max(value, float(high)),
    )


def _median(blocks: Blocks) -> float:
    return quantile([value for block in blocks.values for value in block], 0.5)


def _drawn_medians(blocks: Blocks, *, seed: int) -> npt.NDArray[np.float64]:
    """Return the median of all runs for each draw of as many blocks as there are."""
    points, owners, weights = [], [], []
    for index, block in enumerate(blocks.values):
        count = min(_POINTS, len(block))
        shares = (np.arange(count) + 0.5) / count
        points.append(_quantiles(np.sort(np.asarray(block)), shares))
        owners.append(np.full(count, index))
        weights.append(np.full(count, len(block) / count))
    order = np.argsort(np.concatenate(points), kind="stable")
    ordered = np.concatenate(points)[order]
    owner, weight = np.concatenate(owners)[order], np.concatenate(weights)[order]
    # What each block adds to the runs up to each value: [blocks, values].
    mine = owner == np.arange(len(blocks.values))[:, None]
    up_to = np.cumsum(np.where(mine, weight, 0.0), axis=1)
    draws = _draws(len(blocks.values), seed)
    # Some draws at a time stay in the processor's cache.
    parts = [
        _middles(draws[start : start + _AT_ONCE] @ up_to, ordered)
        for start in range(0, _DRAWS, _AT_ONCE)
    ]
    medians: npt.NDArray[np.float64] = np.concatenate(parts)
    return medians


def _quantiles(
    ordered: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return quantiles, straight between two values as numpy's; without its checks."""
    places = shares * (len(ordered) - 1)
    below = places.astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    found: npt.NDArray[np.float64] = ordered[below] + (places - below) * (
        ordered[above] - ordered[below]
    )
    return found


def _middles(
    reached: npt.NDArray[np.float64], ordered: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the median of each draw, by how many runs it has up to each value."""
    half = reached[:, -1:] / 2
    # Between two middle values lies their mean, as in the median of an even number.
    tiny = half * 1e-9
    first = (reached >= half - tiny).argmax(axis=1)
    second = (reached > half + tiny).argmax(axis=1)
    middles: npt.NDArray[np.float64] = (ordered[first] + ordered[second]) / 2
    return middles


@functools.cache
def _draws(blocks: int, seed: int) -> npt.NDArray[np.float64]:
    """Return how often each block is drawn: [draws, blocks]."""
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, blocks, (_DRAWS, blocks))
    offsets = np.arange(_DRAWS)[:, None] * blocks
    counts = np.bincount((drawn + offsets).ravel(), minlength=_DRAWS * blocks)
    return counts.reshape(_DRAWS, blocks).astype(np.float64)


@functools.cache
def _expanded_tail(blocks: int, tail: float) -> float:
    """Return the share of draws to leave out at each end."""
    freedom = blocks - 1
    low, high = 0.0, 1e6
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _student_tail(middle, freedom) > tail:
            low = middle
        else:
            high = middle
    return NormalDist().cdf(-math.sqrt(blocks / freedom) * high)


def _student_tail(t: float, freedom: int) -> float:
    """Return P(T > t) of Student's t; the sums are exact for whole degrees.

    Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4.
    Written out to spare the import of scipy, most of a second.
    """
    angle = math.atan(t / math.sqrt(freedom))
    square = math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for step in range(1 + odd, freedom, 2):
        total += term
        term *= square * step / (step + 1)
    inside = math.sin(angle) * total
    if odd:
        inside = 2 / math.pi * (angle + inside)
    return (1 - inside) / 2
