"""Ranges that cut off the tails of a distribution, where that costs less than it gains.

Both methods are those of the literature: percentiles as in TensorRT's and ONNX
Runtime's calibrators, here for each end apart, since activations are asymmetric; and
the range with the least mean squared error over the histogram, found by search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.quantization.histogram import Histogram

_STEPS = 48  # of a search; neighbours differ by 6 %
_FINE_STEPS = 24
_LEAST_SHARE = 1 / 16  # of the whole range that a search may go down to
_SYMMETRIC_BITS = 16  # LiteRT's int16 has no zero point


def percentile_range(histogram: Histogram, percent: float) -> tuple[float, float]:
    """Return the values that *percent* of all lie above, and that *percent* lie below.

    An end that would meet the other one stays where it is: a tensor that is nearly
    always zero has its values in its tail.
    """
    total = int(histogram.counts.sum())
    cumulative = np.cumsum(histogram.counts)
    tail = (1 - percent / 100) * total
    low_bin = int(np.searchsorted(cumulative, tail, side="right"))
    high_bin = int(np.searchsorted(cumulative, total - tail, side="left"))
    low = histogram.low + low_bin * histogram.width
    high = histogram.low + (high_bin + 1) * histogram.width
    if high - low <= 2 * histogram.width:
        return histogram.low, histogram.high
    return low, min(high, histogram.high)


def least_error_range(histogram: Histogram, *, bits: int) -> tuple[float, float]:
    """Return the range that quantizes the values to *bits* with the least error.

    Both ends are shrunk together first, then each alone.
    """
    present = np.flatnonzero(histogram.counts)
    values = histogram.centres[present]
    weights = histogram.counts[present].astype(np.float64)

    def best(candidates: list[tuple[float, float]]) -> tuple[float, float]:
        return min(candidates, key=lambda ends: _error(values, weights, ends, bits))

    shares = np.geomspace(1.0, _LEAST_SHARE, _STEPS)
    ends = best([(histogram.low * s, histogram.high * s) for s in shares])
    fine = np.geomspace(1.25, 0.5, _FINE_STEPS)
    for _ in range(2):
        low, high = ends
        ends = best([ends, *((max(low * s, histogram.low), high) for s in fine)])
        low, high = ends
        ends = best([ends, *((low, min(high * s, histogram.high)) for s in fine)])
    return ends


def _error(
    values: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    ends: tuple[float, float],
    bits: int,
) -> float:
    """Return the sum of squared errors of quantizing *values* over the range *ends*."""
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)  # zero is always exact
    if bits >= _SYMMETRIC_BITS:
        high = max(high, -low)
        low = -high
    step = (high - low) / (2**bits - 1)
    if step == 0:
        return float(np.dot(weights, values * values))
    zero = np.round(low / step)
    quantized = np.clip(np.round(values / step), zero, zero + 2**bits - 1)
    error = values - quantized * step
    return float(np.dot(weights, error * error))
