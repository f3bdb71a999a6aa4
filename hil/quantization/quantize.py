"""A float model quantized by AI Edge Quantizer and proved to be what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
from ai_edge_quantizer.quantizer import Quantizer

from hil.errors import ConfigError, ModelError
from hil.models.finite import not_finite
from hil.models.graph import read_graph
from hil.models.label import Kind, label
from hil.quantization.calibration import check_calibration, measure_ranges
from hil.quantization.calibrators import MINMAX
from hil.quantization.check import check_result
from hil.quantization.operator_codes import with_operator_codes
from hil.quantization.quiet import quiet
from hil.quantization.recipes import Scheme

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.models.graph import Graph
    from hil.quantization.calibration import CalibrationData, Ranges
    from hil.quantization.calibrators import Calibrator
    from hil.quantization.recipes import ElementType, Recipe

# AI Edge Quantizer has no exceptions of its own: these are what it and LiteRT raise
# where a model surprises them.
_LIBRARY_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
_BITS: dict[ElementType, int] = {"float16": 16, "int16": 16, "int8": 8, "int4": 4}
_EVERY = TFLOperationName.ALL_SUPPORTED
_ANY_NAME = ".*"
# A second rule for all operators needs another pattern: an equal one replaces the
# first. Where the second is not allowed for an operator, the first stands.
_ANY_NAME_AGAIN = ".+"
_ANY_NAME_LAST = "^"  # for what holds whatever the rules of layers say


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedModel:
    """The file, the recipe that made it, and the truth label that was read back."""

    data: bytes
    recipe: Recipe
    label: str


def quantize(
    model: bytes,
    recipe: Recipe,
    calibration: CalibrationData | None,
    *,
    where: str,
    calibrator: Calibrator = MINMAX,
) -> QuantizedModel:
    """Quantize the float *model* and read the result back.

    *calibration* and *calibrator* are used by recipes that need them only. Raises
    ModelError where the model is no float model or cannot be quantized, ConfigError
    where the calibration data are missing or unfit, WrongQuantization where the result
    is not as asked for.
    """
    graph = read_graph(model, where)
    _require_float(graph, where=where)
    _require_finite(graph, where=where)
    data = _calibration_for(recipe, calibration, graph, where=where)
    try:
        source = with_operator_codes(model)
        statistics = (
            None
            if data is None
            else _statistics(
                measure_ranges(
                    source,
                    data,
                    graph,
                    where=where,
                    calibrator=calibrator,
                    activations=recipe.activations,
                )
            )
        )
        with quiet():
            quantizer = Quantizer(source)
            _add_rules(quantizer, recipe)
            result = quantizer.quantize(
                statistics, enable_progress_bar=False, enable_progress_report=False
            )
    except _LIBRARY_ERRORS as exc:
        raise ModelError(
            f"AI Edge Quantizer cannot make {recipe.name} of this model",
            where=where,
            found=f"{type(exc).__name__}: {exc}",
            remedy="another recipe",
        ) from exc
    quantized = bytes(result.quantized_model)
    made = read_graph(quantized, f"{where} as {recipe.name}")
    truth = check_result(made, recipe, where=where)
    return QuantizedModel(data=quantized, recipe=recipe, label=truth.text)


def _statistics(ranges: Ranges) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """Return *ranges* as AI Edge Quantizer wants them."""
    return {
        name: {"min": np.array([low]), "max": np.array([high])}
        for name, (low, high) in ranges.items()
    }


def _require_float(graph: Graph, *, where: str) -> None:
    truth = label(graph)
    if truth.kind is not Kind.FLOAT32:
        empty = truth.kind in {Kind.EMPTY, Kind.INTEGER}
        raise ModelError(
            "the model has nothing to quantize"
            if empty
            else "the model is quantized already",
            where=where,
            found=truth.text,
            allowed="a float32 model",
            remedy=None if empty else "the float model from which this one was made",
        )


def _require_finite(graph: Graph, *, where: str) -> None:
    broken = not_finite(graph)
    if broken:
        raise ModelError(
            "weights of the model are NaN or infinite",
            where=where,
            found=f"{len(broken)} weights or biases, the first of them "
            f"{broken[0].name.split(';', 1)[0]}",
            allowed="finite weights",
            remedy="the weights from before the training went wrong",
        )


def _calibration_for(
    recipe: Recipe, data: CalibrationData | None, graph: Graph, *, where: str
) -> CalibrationData | None:
    if not recipe.needs_calibration:
        return None
    if data is None:
        raise ConfigError(
            f"{recipe.name} needs calibration data",
            where=where,
            found="none",
            allowed="sample inputs with the preprocessing of the model's training",
            remedy="name a dataset for calibration, or take a recipe without: dynamic, "
            "float16, weight-only-int8",
        )
    check_calibration(data, graph, where=where)
    return data


def _add_rules(quantizer: Quantizer, recipe: Recipe) -> None:
    granularity = (
        QuantGranularity.CHANNELWISE
        if recipe.per_channel
        else QuantGranularity.TENSORWISE
    )
    bits = _BITS[recipe.weights]
    if recipe.scheme is Scheme.STATIC:
        quantizer.add_static_config(
            _ANY_NAME, _EVERY, _BITS[recipe.activations], bits, granularity
        )
    elif recipe.scheme is Scheme.WEIGHT_ONLY:
        algorithm = (
            AlgorithmName.FLOAT_CASTING
            if recipe.weights == "float16"
            else AlgorithmName.MIN_MAX_UNIFORM_QUANT
        )
        quantizer.add_weight_only_config(
            _ANY_NAME, _EVERY, bits, granularity, algorithm
        )
    else:
        for other in sorted(set(recipe.exceptions.values())):
            quantizer.add_dynamic_config(_ANY_NAME, _EVERY, _BITS[other], granularity)
        quantizer.add_dynamic_config(_ANY_NAME_AGAIN, _EVERY, bits, granularity)
    for rule in recipe.layer_rules:
        if rule.activations == "float32":
            quantizer.update_quantization_recipe(
                rule.pattern, _EVERY, algorithm_key=AlgorithmName.NO_QUANTIZE
            )
        else:
            quantizer.add_static_config(
                rule.pattern, _EVERY, _BITS[rule.activations], bits, granularity
            )
    if recipe.scheme is Scheme.STATIC:
        _add_boundary(quantizer, recipe, bits=bits, granularity=granularity)


def _add_boundary(
    quantizer: Quantizer, recipe: Recipe, *, bits: int, granularity: QuantGranularity
) -> None:
    """Say what inputs and outputs are: the patterns of layers match their names too."""
    for end in (TFLOperationName.INPUT, TFLOperationName.OUTPUT):
        if recipe.boundary == "float32":
            quantizer.update_quantization_recipe(
                _ANY_NAME_LAST, end, algorithm_key=AlgorithmName.NO_QUANTIZE
            )
        elif recipe.layer_rules:
            quantizer.add_static_config(
                _ANY_NAME_LAST, end, _BITS[recipe.boundary], bits, granularity
            )
