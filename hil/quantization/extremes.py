"""The least and the greatest value of every activation, for each sample apart.

LiteRT's own profiler takes them while it runs, which costs a tenth of reading every
tensor back into Python. AI Edge Quantizer's `Calibrator` offers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_quantizer.calibrator import CalibrationMode, Calibrator
from ai_edge_quantizer.recipe_manager import RecipeManager

from hil.quantization.signature import with_signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from hil.models.graph import Graph, Tensor

# AI Edge Quantizer's own statistics of one tensor: {"min": array, "max": array}.
_Statistics = dict[str, "npt.NDArray[np.float64]"]

_THREADS = 1  # the result does not depend on the machine, and small models run faster


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extremes:
    """`lows` and `highs` have shape [samples, tensors]; tensors are in graph order.

    Only float activations are there: integers, such as computed shapes, are never
    quantized.
    """

    names: tuple[str, ...]
    lows: npt.NDArray[np.float64]
    highs: npt.NDArray[np.float64]

    @property
    def samples(self) -> int:
        """The number of samples."""
        return len(self.lows)

    def without(self, samples: Sequence[int]) -> Extremes:
        """Return the same, with the rows of *samples* left out."""
        return Extremes(
            names=self.names,
            lows=np.delete(self.lows, list(samples), axis=0),
            highs=np.delete(self.highs, list(samples), axis=0),
        )


def measure_extremes(
    model: bytes, x: npt.NDArray[np.generic], graph: Graph
) -> Extremes:
    """Run *model* on the samples *x* [n, ...], one after the other."""
    calibrator = _calibrator(model)
    signatures: Mapping[str, Mapping[str, list[str]]] = calibrator.get_signature_list()
    if not signatures:
        calibrator = _calibrator(with_signature(model))
        signatures = calibrator.get_signature_list()
    key, signature = next(iter(signatures.items()))
    (name,) = signature["inputs"]
    samples = [{name: row[np.newaxis]} for row in x.astype(np.float32)]
    # This mode takes its minima and maxima from the runtime's own profiler and never
    # asks the recipe: an empty one does.
    calibrator.calibrate({key: samples}, RecipeManager())
    found: Mapping[str, _Statistics] = calibrator.get_model_qsvs()
    names = tuple(t.name for t in float_activations(graph) if t.name in found)
    return Extremes(
        names=names,
        lows=_columns(found, names, "min", samples=len(x)),
        highs=_columns(found, names, "max", samples=len(x)),
    )


def float_activations(graph: Graph) -> list[Tensor]:
    """Return the float activations in the order in which they are computed."""
    main = graph.subgraphs[0]
    outputs = [index for operator in main.operators for index in operator.outputs]
    tensors = (main.tensors[index] for index in (*main.inputs, *outputs))
    return [tensor for tensor in tensors if tensor.type == "float32"]


class _Series(dict[str, "npt.NDArray[np.float64]"]):
    """The statistics of one tensor over all samples so far, which only grow."""

    def __init__(self, first: _Statistics) -> None:
        super().__init__(first)
        self.all = [first]


def _collect(old: _Statistics, new: _Statistics) -> _Statistics:
    """Keep each sample's statistics, where a calibrator would merge them."""
    series = old if isinstance(old, _Series) else _Series(old)
    series.all.append(new)
    return series


def _columns(
    found: Mapping[str, _Statistics], names: tuple[str, ...], end: str, *, samples: int
) -> npt.NDArray[np.float64]:
    table = np.empty((samples, len(names)))
    for column, name in enumerate(names):
        statistics = found[name]
        each = statistics.all if isinstance(statistics, _Series) else [statistics]
        table[:, column] = [item[end].item() for item in each]
    return table


def _calibrator(model: bytes) -> Calibrator:
    return Calibrator(
        model,
        num_threads=_THREADS,
        mode=CalibrationMode.CALIBRATION_PROFILER_BASED,
        qsv_update_func=_collect,
    )
