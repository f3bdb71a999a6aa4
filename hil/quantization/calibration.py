"""The range of every activation, measured on sample inputs.

The ranges are true minima and maxima. AI Edge Quantizer's own default is a moving
average of them (0.95 of the old value), which clips and depends on the order of the
samples; its `Quantizer.calibrate` cannot be told otherwise, its `Calibrator` can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_quantizer.calibrator import CalibrationMode, Calibrator
from ai_edge_quantizer.recipe_manager import RecipeManager
from ai_edge_quantizer.utils.qsv_utils import min_max_update

from hil.errors import ConfigError, ModelError
from hil.quantization.signature import with_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from hil.models.graph import Graph, Tensor

# AI Edge Quantizer's own: {"min": array, "max": array}, of shape [1, ...].
Ranges = dict[str, dict[str, "npt.NDArray[np.float32]"]]

_THREADS = 1  # the result does not depend on the machine, and small models run faster
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
    model: bytes, data: CalibrationData, graph: Graph, *, where: str
) -> Ranges:
    """Return the least and the greatest value of every float activation over *data*.

    Raises ConfigError where a range is a single point, ModelError where the model
    computes NaN or infinity.
    """
    calibrator = _calibrator(model)
    signatures: Mapping[str, Mapping[str, list[str]]] = calibrator.get_signature_list()
    if not signatures:
        calibrator = _calibrator(with_signature(model))
        signatures = calibrator.get_signature_list()
    key, signature = next(iter(signatures.items()))
    (name,) = signature["inputs"]
    samples = [{name: row[np.newaxis]} for row in data.x.astype(np.float32)]
    # This mode takes its minima and maxima from the runtime's own profiler and never
    # asks the recipe: an empty one does.
    calibrator.calibrate({key: samples}, RecipeManager())
    ranges: Ranges = calibrator.get_model_qsvs()
    _check_ranges(ranges, data, graph, where=where)
    return ranges


def _calibrator(model: bytes) -> Calibrator:
    return Calibrator(
        model,
        num_threads=_THREADS,
        mode=CalibrationMode.CALIBRATION_PROFILER_BASED,
        qsv_update_func=min_max_update,
    )


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


def _check_ranges(
    ranges: Ranges, data: CalibrationData, graph: Graph, *, where: str
) -> None:
    # Integers, such as computed shapes, are measured too but never quantized.
    ends = {
        tensor.name: (
            float(np.min(ranges[tensor.name]["min"])),
            float(np.max(ranges[tensor.name]["max"])),
        )
        for tensor in _in_order(graph)
        if tensor.type == "float32" and tensor.name in ranges
    }
    broken = [name for name, pair in ends.items() if not np.isfinite(pair).all()]
    if broken:
        raise ModelError(
            "the model computes NaN or infinity on the calibration data",
            where=where,
            found=_names(broken),
            allowed="finite values in every tensor",
        )
    points = [f"{name} = {low:g}" for name, (low, high) in ends.items() if low == high]
    if points:
        raise ConfigError(
            "the range of a tensor is a single point over the calibration data",
            where=data.name,
            found=f"{len(points)} of {len(ends)} tensors: {_names(points)}",
            allowed="samples that make every tensor vary",
            remedy="more samples, as varied as the device will see",
        )


def _in_order(graph: Graph) -> list[Tensor]:
    """Return the activations in the order in which they are computed."""
    main = graph.subgraphs[0]
    outputs = [index for operator in main.operators for index in operator.outputs]
    return [main.tensors[index] for index in (*main.inputs, *outputs)]


def _names(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
