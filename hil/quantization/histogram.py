"""How the values of every activation are distributed, in one pass and fixed memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.quantization.tensor_reader import load_readable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from hil.models.graph import Graph
    from hil.quantization.extremes import Extremes

# One sample ten times too large leaves 800 bins for all the others.
_BINS = 8192


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histogram:
    """Counts [bins] of equal width from `low` to `high`, the ends of the values."""

    low: float
    high: float
    counts: npt.NDArray[np.int64]

    @property
    def width(self) -> float:
        """The width of one bin."""
        return (self.high - self.low) / len(self.counts)

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """The middle of each bin."""
        bins = np.arange(len(self.counts), dtype=np.float64)
        return self.low + (bins + 0.5) * self.width


def measure_histograms(
    model: bytes,
    x: npt.NDArray[np.generic],
    graph: Graph,
    *,
    extremes: Extremes,
) -> dict[str, Histogram]:
    """Count the values of each tensor of *extremes* over the samples *x*.

    *extremes* are those of the same samples. Of the values themselves one sample at a
    time is in memory. Raises ModelError where LiteRT cannot run the model.
    """
    lows, highs = extremes.lows.min(axis=0), extremes.highs.max(axis=0)
    ends = {
        name: (float(low), float(high))
        for name, low, high in zip(extremes.names, lows, highs, strict=True)
    }
    counts = {name: np.zeros(_BINS, np.int64) for name in ends}
    indices = _indices(graph, ends)
    engine = load_readable(model)
    for row in x.astype(np.float32):
        engine.invoke([row[np.newaxis]])
        values = engine.tensors()
        for name, index in indices.items():
            counts[name] += _binned(values[index], *ends[name])
    return {
        name: Histogram(low=low, high=high, counts=counts[name])
        for name, (low, high) in ends.items()
    }


def _binned(
    values: npt.NDArray[np.generic], low: float, high: float
) -> npt.NDArray[np.int64]:
    scaled = (values.ravel().astype(np.float64) - low) * (_BINS / (high - low))
    # The greatest value belongs to the last bin; the profiler's ends are float32.
    bins = np.clip(scaled, 0, _BINS - 1).astype(np.int64)
    return np.bincount(bins, minlength=_BINS)


def _indices(graph: Graph, names: Mapping[str, object]) -> dict[str, int]:
    tensors = graph.subgraphs[0].tensors
    return {tensor.name: tensor.index for tensor in tensors if tensor.name in names}
