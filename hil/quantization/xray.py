"""The X-ray of a calibration set: which sample sets which range, which ones spoil it.

All of it follows from each sample's minima and maxima (hil.quantization.extremes), so
the model runs over the set once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.quantization.calibration import moving_average

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.quantization.extremes import Extremes

# The bulk of a set: all but the most extreme tenth at either end of a tensor.
_TRIMMED = 0.1
# An outlier widens half of all ranges twofold, or one of them fivefold. Of 800 clean
# spectra of keywords none came near (1.6 and 3.9); one scaled by ten did (3.6 and 6.1).
_WIDE_MEDIAN = 2.0
_WIDE_MOST = 5.0
# Samples of two kinds leave a gap between their sizes, with a tenth on either side.
_GAP = 2.5
_FEWEST = 10  # samples; with fewer there is no bulk to hold one against
_DRAWS = 100  # of resampling
_ORDERS = 20
_SEED = 0  # the same report every time
_ENOUGH = 0.95  # of the range that the whole set gives
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorRange:
    """One tensor's range, the samples that set its ends, and the range without them.

    An end that several samples share, such as the 0 of a ReLU, has no sample.
    `without` is the range if the sample that widens it most were absent, `factor` how
    many times wider it is with it. `spread` is the width's 5th to 95th percentile
    over bootstrap draws, as a share of the whole width; `average` is what AI Edge
    Quantizer's moving average makes of the samples in their order.
    """

    name: str
    low: float
    high: float
    low_sample: int | None
    high_sample: int | None
    without: tuple[float, float]
    factor: float
    spread: tuple[float, float]
    average: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """What one sample does to the ranges.

    `sets` counts the tensors of which it sets an end other than a shared one, and
    `widest` is the most that it widens a range, held against the set without it.
    `median` and `most` hold it against the bulk of the set, so that outliers do not
    hide each other.
    """

    sample: int
    sets: int
    widest: float
    median: float
    most: float

    @property
    def is_outlier(self) -> bool:
        """Whether the sample is unlike the bulk of the set."""
        return self.median >= _WIDE_MEDIAN or self.most >= _WIDE_MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDependence:
    """Moving-average widths over random orders of the same samples.

    `least` and `most` are of the tensor that differs most, as shares of its true width.
    """

    tensor: str
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Xray:
    """`coverage` maps a number of samples to the share of the range that they give.

    The share is the mean over tensors and random draws, outliers left out. `enough` is
    the least number that gives 95 % of it, None where the set is too small to tell.
    `split` is the size of the smaller of two groups that differ in scale, None where
    the samples are of one kind.
    """

    samples: int
    tensors: tuple[TensorRange, ...]
    influences: tuple[Influence, ...]  # the strongest first
    order: OrderDependence
    coverage: dict[int, float]
    enough: int | None
    split: int | None

    @property
    def outliers(self) -> tuple[Influence, ...]:
        """The samples to drop, the strongest first."""
        if self.samples < _FEWEST:
            return ()
        return tuple(i for i in self.influences if i.is_outlier)


def examine(extremes: Extremes) -> Xray:
    """Return the X-ray of the samples that *extremes* were measured on."""
    rng = np.random.default_rng(_SEED)
    influences = _influences(extremes)
    kept = extremes
    if extremes.samples >= _FEWEST:
        kept = extremes.without([i.sample for i in influences if i.is_outlier])
    coverage = _coverage(kept, rng)
    return Xray(
        samples=extremes.samples,
        tensors=_tensors(extremes, rng),
        influences=influences,
        order=_order(extremes, rng),
        coverage=coverage,
        enough=_enough(coverage, kept.samples),
        split=_split(extremes),
    )


def _width(
    lows: npt.NDArray[np.float64], highs: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the width of ranges as quantizing has it: they always hold zero."""
    widths: npt.NDArray[np.float64] = np.maximum(highs, 0) - np.minimum(lows, 0)
    return np.maximum(widths, np.finfo(np.float64).tiny)


def _without_each(
    extremes: Extremes,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return [samples, tensors]: the ends of every range without that sample."""
    return -_max_without(-extremes.lows), _max_without(extremes.highs)


def _max_without(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if len(values) == 1:
        return values
    first = values.argmax(axis=0)
    second = np.partition(values, -2, axis=0)[-2]
    result = np.broadcast_to(values.max(axis=0), values.shape).copy()
    result[first, np.arange(values.shape[1])] = second
    return result


def _tensors(extremes: Extremes, rng: np.random.Generator) -> tuple[TensorRange, ...]:
    low, high = extremes.lows.min(axis=0), extremes.highs.max(axis=0)
    lows, highs = _without_each(extremes)
    factors = _width(low, high) / _width(lows, highs)
    worst = factors.argmax(axis=0)
    spread = _bootstrap(extremes, rng)
    average = moving_average(extremes.lows), moving_average(extremes.highs)
    columns = np.arange(len(extremes.names))
    without = lows[worst, columns], highs[worst, columns]
    return tuple(
        TensorRange(
            name=name,
            low=float(low[t]),
            high=float(high[t]),
            low_sample=_only(extremes.lows[:, t] == low[t]),
            high_sample=_only(extremes.highs[:, t] == high[t]),
            without=(float(without[0][t]), float(without[1][t])),
            factor=float(factors[worst[t], t]),
            spread=(float(spread[0, t]), float(spread[1, t])),
            average=(float(average[0][t]), float(average[1][t])),
        )
        for t, name in enumerate(extremes.names)
    )


def _only(chosen: npt.NDArray[np.bool_]) -> int | None:
    """Return the index of the one that is chosen, None where there are several."""
    (rows,) = np.nonzero(chosen)
    return int(rows[0]) if len(rows) == 1 else None


def _bootstrap(extremes: Extremes, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return [2, tensors]: the 5th and 95th percentile of the width's share."""
    n = extremes.samples
    whole = _width(extremes.lows.min(axis=0), extremes.highs.max(axis=0))
    shares = np.empty((_DRAWS, len(extremes.names)))
    for draw in range(_DRAWS):
        rows = rng.integers(0, n, n)
        low, high = extremes.lows[rows].min(axis=0), extremes.highs[rows].max(axis=0)
        shares[draw] = _width(low, high) / whole
    ends: npt.NDArray[np.float64] = np.percentile(shares, (5, 95), axis=0)
    return ends


def _influences(extremes: Extremes) -> tuple[Influence, ...]:
    low, high = extremes.lows.min(axis=0), extremes.highs.max(axis=0)
    lows, highs = _without_each(extremes)
    alone = (lows > low) | (highs < high)
    widened = _width(low, high) / _width(lows, highs)
    against = _against_bulk(extremes)
    median, most = np.median(against, axis=1), against.max(axis=1)
    order = np.lexsort((most, median))[::-1]
    return tuple(
        Influence(
            sample=int(sample),
            sets=int(alone[sample].sum()),
            widest=float(widened[sample].max()),
            median=float(median[sample]),
            most=float(most[sample]),
        )
        for sample in order
    )


def _against_bulk(extremes: Extremes) -> npt.NDArray[np.float64]:
    """Return [samples, tensors]: how many times each widens the range of the bulk."""
    left_out = min(int(np.ceil(_TRIMMED * extremes.samples)), extremes.samples - 1)
    low = np.sort(extremes.lows, axis=0)[left_out]
    high = np.sort(extremes.highs, axis=0)[-1 - left_out]
    both = _width(np.minimum(low, extremes.lows), np.maximum(high, extremes.highs))
    factors: npt.NDArray[np.float64] = both / _width(low, high)
    return factors


def _split(extremes: Extremes) -> int | None:
    """Return the size of the smaller group where sizes of samples leave a gap."""
    n = extremes.samples
    sizes = np.sort(np.log(_width(extremes.lows, extremes.highs)).mean(axis=1))
    least = max(int(np.ceil(_TRIMMED * n)) + 1, 2)
    if n < _FEWEST or 2 * least > n:
        return None
    gaps = np.diff(sizes)[least - 1 : n - least]
    at = int(gaps.argmax()) + least
    return min(at, n - at) if gaps.max() >= np.log(_GAP) else None


def _order(extremes: Extremes, rng: np.random.Generator) -> OrderDependence:
    whole = _width(extremes.lows.min(axis=0), extremes.highs.max(axis=0))
    shares = []
    for _ in range(_ORDERS):
        rows = rng.permutation(extremes.samples)
        low = moving_average(extremes.lows[rows])
        high = moving_average(extremes.highs[rows])
        shares.append(_width(low, high) / whole)
    least, most = np.min(shares, axis=0), np.max(shares, axis=0)
    tensor = int((most / least).argmax())
    return OrderDependence(
        tensor=extremes.names[tensor],
        least=float(least[tensor]),
        most=float(most[tensor]),
    )


def _coverage(extremes: Extremes, rng: np.random.Generator) -> dict[int, float]:
    n = extremes.samples
    whole = _width(extremes.lows.min(axis=0), extremes.highs.max(axis=0))
    coverage = {}
    for size in [*(size for size in _SIZES if size < n), n]:
        shares = []
        for _ in range(_ORDERS if size < n else 1):
            rows = rng.choice(n, size, replace=False)
            low = extremes.lows[rows].min(axis=0)
            high = extremes.highs[rows].max(axis=0)
            shares.append((_width(low, high) / whole).mean())
        coverage[size] = float(np.mean(shares))
    return coverage


def _enough(coverage: dict[int, float], n: int) -> int | None:
    """Return the least number that is enough; beyond half of the set nobody knows.

    The largest of n values says nothing of the values that were not drawn: only where
    half of the set gives the range already, more samples would hardly widen it.
    """
    sizes = [size for size, share in coverage.items() if share >= _ENOUGH]
    return min(sizes) if min(sizes) <= n / 2 else None
