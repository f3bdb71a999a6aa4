"""The range of every activation, measured on sample inputs.

The ranges are true minima and maxima unless another calibrator is asked for. AI Edge
Quantizer's own default is a moving average of them (0.95 of the old value), which
clips and depends on the order of the samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError, ModelError
from hil.quantization.calibrators import MINMAX, Method
from hil.quantization.clipping import least_error_range, percentile_range
from hil.quantization.extremes import measure_extremes
from hil.quantization.histogram import measure_histograms
from hil.quantization.quiet import quiet

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.models.graph import Graph, Tensor
    from hil.quantization.calibrators import Calibrator
    from hil.quantization.extremes import Extremes

# The least and the greatest value of each float activation, by its name.
Ranges = dict[str, tuple[float, float]]

_KEPT = 0.95  # of the old value in AI Edge Quantizer's moving average
_BITS = {"int8": 8, "int16": 16}
_NAMED = 3  # tensors named in an error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibrationData:
    """Sample inputs `x` [n, *input shape without batch], and what to call them."""

    name: str
    x: npt.NDArray[np.generic]


def check_calibration(data: CalibrationData, graph: Graph, *, where: str) -> None:
    """Raise ConfigError unless *data* can calibrate the model, ModelError if none can.

    Refused are no samples, another shape or type than the model's, NaN, infinity, and
    samples that are all alike.
    """
    tensor = _only_input(graph, where=where)
    x = data.x
    if x.ndim == 0 or len(x) == 0:
        raise ConfigError(
            "the calibration data hold no sample",
            where=data.name,
            found=f"shape {list(x.shape)}",
            allowed="at least one sample; 100 or more are better",
        )
    if x.dtype.kind != "f" or tensor.type != "float32":
        raise ConfigError(
            "the calibration data do not have the type of the model's input",
            where=data.name,
            found=f"samples of {x.dtype}",
            allowed=f"floats, for the model takes {tensor.type}",
            remedy="samples with the preprocessing that the model was trained with",
        )
    if not _fits(x.shape[1:], tensor):
        raise ConfigError(
            "the calibration data do not have the shape of the model's input",
            where=data.name,
            found=f"samples of shape {list(x.shape[1:])}",
            allowed=f"{list(tensor.shape[1:])}",
        )
    if not np.isfinite(x).all():
        raise ConfigError(
            "the calibration data hold NaN or infinity",
            where=data.name,
            found=f"{int((~np.isfinite(x)).sum())} of {x.size} values",
            allowed="finite numbers",
        )
    if x.min() == x.max():
        raise ConfigError(
            "the calibration data are constant",
            where=data.name,
            found=f"every value of {tensor.name} is {float(x.flat[0]):g}",
            allowed="samples as the device will see them",
        )


def measure_ranges(
    model: bytes,
    data: CalibrationData,
    graph: Graph,
    *,
    where: str,
    calibrator: Calibrator = MINMAX,
    activations: str = "int8",
) -> Ranges:
    """Return the range of every float activation over *data*, as *calibrator* has it.

    *activations* is the type that they will have. Raises ConfigError where a range is a
    single point, ModelError where the model computes NaN or infinity.
    """
    extremes = checked_extremes(model, data, graph, where=where)
    if not calibrator.needs_values:
        return ranges_of(extremes, calibrator)
    histograms = measure_histograms(model, data.x, graph, extremes=extremes)
    if calibrator.percent is not None:
        return {
            name: percentile_range(histogram, calibrator.percent)
            for name, histogram in histograms.items()
        }
    bits = _BITS[activations]
    return {
        name: least_error_range(histogram, bits=bits)
        for name, histogram in histograms.items()
    }


def checked_extremes(
    model: bytes, data: CalibrationData, graph: Graph, *, where: str
) -> Extremes:
    """Return each sample's minima and maxima; raises as `measure_ranges` does."""
    with quiet():
        extremes = measure_extremes(model, data.x, graph)
    _check_ranges(ranges_of(extremes, MINMAX), data, where=where)
    return extremes


def ranges_of(extremes: Extremes, calibrator: Calibrator) -> Ranges:
    """Return what the minima and maxima of the samples, in their order, come to."""
    if calibrator.method is Method.MOVING_AVERAGE:
        lows, highs = moving_average(extremes.lows), moving_average(extremes.highs)
    else:
        lows, highs = extremes.lows.min(axis=0), extremes.highs.max(axis=0)
    return {
        name: (float(low), float(high))
        for name, low, high in zip(extremes.names, lows, highs, strict=True)
    }


def moving_average(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return AI Edge Quantizer's average of *values* [samples, ...] in their order.

    Its `moving_average_update` begins with the first sample, which so keeps more
    weight than any other: 60 % after ten samples.
    """
    average: npt.NDArray[np.float64] = values[0]
    for sample in values[1:]:
        average = _KEPT * average + (1 - _KEPT) * sample
    return average


def _only_input(graph: Graph, *, where: str) -> Tensor:
    main = graph.subgraphs[0]
    if len(graph.subgraphs) > 1 or len(main.inputs) != 1:
        raise ModelError(
            "the model cannot be calibrated",
            where=where,
            found=f"{len(graph.subgraphs)} subgraphs, {len(main.inputs)} inputs",
            allowed="one subgraph with one input",
            remedy="a recipe that needs no calibration, such as dynamic",
        )
    return main.tensors[main.inputs[0]]


def _fits(shape: tuple[int, ...], tensor: Tensor) -> bool:
    open_sizes = tensor.shape_signature or tensor.shape
    return len(shape) == len(tensor.shape) - 1 and all(
        wanted in {size, -1} for size, wanted in zip(shape, open_sizes[1:], strict=True)
    )


def _check_ranges(ranges: Ranges, data: CalibrationData, *, where: str) -> None:
    broken = [name for name, pair in ranges.items() if not np.isfinite(pair).all()]
    if broken:
        raise ModelError(
            "the model computes NaN or infinity on the calibration data",
            where=where,
            found=_names(broken),
            allowed="finite values in every tensor",
        )
    points = [
        f"{name} = {low:g}" for name, (low, high) in ranges.items() if low == high
    ]
    if points:
        raise ConfigError(
            "the range of a tensor is a single point over the calibration data",
            where=data.name,
            found=f"{len(points)} of {len(ranges)} tensors: {_names(points)}",
            allowed="samples that make every tensor vary",
            remedy="more samples, as varied as the device will see",
        )


def _names(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
