"""A converted file held against its request: what TensorFlow left float is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.conversion.request import Mode
from hil.errors import ConfigError, WrongQuantization
from hil.models.finite import MOST_OF_FLOAT16, cut_off, not_finite
from hil.models.label import Kind, label
from hil.models.weights import FLOATS, INTEGERS, find_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.conversion.request import ConversionRequest
    from hil.models.graph import Graph, Tensor
    from hil.models.label import Label
    from hil.models.weights import Weight

_KINDS: Final = {
    Mode.FLOAT: {Kind.FLOAT32, Kind.INTEGER, Kind.EMPTY},
    Mode.FLOAT16: {Kind.FLOAT16},
    Mode.DYNAMIC: {Kind.DYNAMIC_RANGE},
    Mode.INT8: {Kind.INT8},
    Mode.INT16X8: {Kind.INT16X8, Kind.INT16},
}
# TensorFlow's dynamic range leaves smaller weights float: kMinWeightElements... of the
# MLIR quantizer, also in lite/toco/tflite/export.h as quantize_weights' minimum.
MIN_WEIGHT_ELEMENTS: Final = 1024
# TensorFlow widens a range that is a single point by 1e-6 to each side; the scale is
# then 2e-6 / 255 for int8 (measured), 1e-6 / 32767 for int16.
_POINT_SCALES: Final = {"int8": 2.1e-6 / 255, "uint8": 2.1e-6 / 255, "int16": 1e-10}
_NAMED = 5
# Constants of these are arguments; with float activations they stay float too.
_ELEMENTWISE: Final = frozenset(
    {"ADD", "SUB", "MUL", "DIV", "POW", "PRELU", "MAXIMUM", "MINIMUM"}
    | {"SQUARED_DIFFERENCE", "ADD_N"}
)


def check_result(
    graph: Graph, request: ConversionRequest, *, fake_quants: Sequence[str]
) -> tuple[Label, list[str]]:
    """Return the truth label and warnings; WrongQuantization unless as asked for.

    ConfigError where calibration gave a tensor a range that is a single point.
    """
    truth = label(graph)
    mode = request.mode
    _require_weights(graph, request)
    findings = [*_floats(graph, truth, fake_quants)] if mode.is_static else []
    findings += [*_boundary(graph, request), *_channels(graph, request)]
    beyond = cut_off(graph)
    if beyond:
        findings.append(
            f"{len(beyond)} weights or biases are cut off at {MOST_OF_FLOAT16:,.0f}, "
            f"the most of float16: {_listed([_short(tensor) for tensor in beyond])}"
        )
    if truth.kind not in _KINDS[mode]:
        findings += [*_weights_left(graph)] if mode is Mode.DYNAMIC else []
        if not findings:
            findings.append(f"it is {truth.kind.value}")
    if findings:
        raise WrongQuantization(
            f"the file that TensorFlow made is not {mode.value}",
            where=str(request.source),
            found=f"{truth.text}: " + "; ".join(findings),
            allowed=_asked(request),
            remedy=_remedy(request, truth, fake_quants),
        )
    _refuse_points(graph, request)
    return truth, [*_warnings(graph, request, fake_quants)]


def _require_weights(graph: Graph, request: ConversionRequest) -> None:
    """Refuse variables that nothing fills: the weights were left behind."""
    names = [op.name for subgraph in graph.subgraphs for op in subgraph.operators]
    if "VAR_HANDLE" in names and "CALL_ONCE" not in names:
        raise WrongQuantization(
            "the weights are not in the file that TensorFlow made",
            where=str(request.source),
            found=f"{names.count('VAR_HANDLE')} variables that no operator fills",
            allowed="weights as constants",
            remedy="a SavedModel of the same model: model.export(FOLDER)",
        )


def _asked(request: ConversionRequest) -> str:
    into, out = request.boundary
    channel = "" if request.per_channel else ", one scale a tensor"
    return f"{request.mode.value}, {into} input, {out} output{channel}"


def _floats(graph: Graph, truth: Label, fake_quants: Sequence[str]) -> Iterator[str]:
    if not truth.floats:
        return
    places = []
    for place in truth.floats:
        subgraph = graph.subgraphs[place.subgraph]
        outputs = subgraph.outputs_of(subgraph.operators[place.operator])
        places.append(f"{place.name} {_short(outputs[0]) if outputs else ''}")
    operators = sum(len(subgraph.operators) for subgraph in graph.subgraphs)
    why = ", as a FakeQuant is missing at them or beside them" if fake_quants else ""
    yield (
        f"{len(places)} of {operators} operators compute in float{why}: "
        f"{_listed(places)}"
    )


def _boundary(graph: Graph, request: ConversionRequest) -> Iterator[str]:
    """Say which inputs and outputs are not as asked; indices stay what they are."""
    main = graph.subgraphs[0]
    into, out = request.boundary
    for side, indices, wanted in (
        ("input", main.inputs, into),
        ("output", main.outputs, out),
    ):
        for tensor in (main.tensors[index] for index in indices):
            takes_part = tensor.type in FLOATS or tensor.quantization is not None
            if takes_part and tensor.type != wanted:
                yield f"{side} {tensor.name} is {tensor.type}, not {wanted}"


def _channels(graph: Graph, request: ConversionRequest) -> Iterator[str]:
    """Say which weights have a scale a channel where that was switched off."""
    if request.per_channel and request.per_channel_dense:
        return
    dense = {
        subgraph.tensors[operator.inputs[1]].index
        for subgraph in graph.subgraphs[:1]
        for operator in subgraph.operators
        if operator.name == "FULLY_CONNECTED"
    }
    scaled = [
        weight.tensor
        for weight in find_weights(graph)
        if weight.tensor.quantization is not None
        and len(weight.tensor.quantization.scales) > 1
        and (not request.per_channel or weight.tensor.index in dense)
    ]
    if scaled:
        names = _listed([_short(tensor) for tensor in scaled])
        yield f"{len(scaled)} weights have a scale a channel: {names}"


def _left(graph: Graph) -> list[Weight]:
    """Return the weights of conv, dense and lookups that stayed float."""
    users = _users(graph)
    return [
        weight
        for weight in find_weights(graph)
        if weight.tensor.type not in INTEGERS
        and users.get((weight.subgraph, weight.tensor.index)) not in _ELEMENTWISE
    ]


def _users(graph: Graph) -> dict[tuple[int, int], str]:
    """Return the operator that uses each tensor, by subgraph and tensor."""
    return {
        (subgraph.index, index): operator.name
        for subgraph in graph.subgraphs
        for operator in subgraph.operators
        for index in operator.inputs
    }


def _weights_left(graph: Graph) -> Iterator[str]:
    users = _users(graph)
    stayed = _left(graph)
    left = [
        f"{users.get((weight.subgraph, weight.tensor.index), 'weight')} "
        f"{_short(weight.tensor)} ({weight.tensor.elements:,} elements)"
        for weight in stayed
    ]
    if left:
        small = all(w.tensor.elements < MIN_WEIGHT_ELEMENTS for w in stayed)
        why = (
            f": TensorFlow leaves those with fewer than {MIN_WEIGHT_ELEMENTS:,}"
            if small
            else ""
        )
        total = len(find_weights(graph))
        yield f"{len(left)} of {total} weights stayed float ({_listed(left)}){why}"


def _warnings(
    graph: Graph, request: ConversionRequest, fake_quants: Sequence[str]
) -> Iterator[str]:
    if request.mode is Mode.DYNAMIC:
        for text in _weights_left(graph):
            yield f"{text}; hil quantize --recipe dynamic takes all, of a float .tflite"
    yield from _open_batch(graph)
    broken = not_finite(graph)
    if broken:
        yield (
            f"{len(broken)} weights or biases are NaN or infinite: "
            f"{_listed([_short(tensor) for tensor in broken])}"
        )
    if request.float_from_qat and fake_quants:
        names = [op.name for sub in graph.subgraphs for op in sub.operators]
        yield (
            f"the ranges stay in the float model as {names.count('QUANTIZE')} QUANTIZE "
            "operators, which round every value to 8 bits"
        )


def _open_batch(graph: Graph) -> Iterator[str]:
    """Tell of operators that are there only because the batch is left open."""
    main = graph.subgraphs[0]
    inputs = [main.tensors[index] for index in main.inputs]
    shapes = sum(operator.name == "SHAPE" for operator in main.operators)
    is_open = any(tensor.shape_signature[:1] == (-1,) for tensor in inputs)
    if shapes and is_open and len(inputs) == 1:
        sizes = ",".join(str(size) for size in inputs[0].shape)
        yield (
            f"the batch is open, so {shapes} SHAPE and the operators behind them work "
            f"it out at every run; --input-shape {sizes} leaves them out"
        )


def _remedy(
    request: ConversionRequest, truth: Label, fake_quants: Sequence[str]
) -> str | None:
    if request.mode is Mode.DYNAMIC and truth.kind is Kind.FLOAT32:
        return (
            "hil quantize --recipe dynamic, on the float .tflite: it takes weights "
            "of any size"
        )
    if not truth.floats or not request.mode.is_static:
        return None
    if fake_quants and request.representative is None:
        return (
            "a FakeQuant at each output and weight of these operators, or "
            "--representative DATA, which fills in the ranges that are missing"
        )
    return "a model without these operators, or hil quantize on the float .tflite"


def _refuse_points(graph: Graph, request: ConversionRequest) -> None:
    if request.representative is None:
        return
    points = [
        _short(tensor)
        for tensor in graph.subgraphs[0].tensors
        if not tensor.is_constant
        and tensor.quantization is not None
        and tensor.type in _POINT_SCALES
        and max(tensor.quantization.scales, default=1.0) < _POINT_SCALES[tensor.type]
    ]
    if points:
        raise ConfigError(
            "the range of a tensor is a single point over the representative data",
            where=str(request.representative),
            found=f"{len(points)} tensors: {_listed(points)}",
            allowed="samples that make every tensor vary",
            remedy="more samples, as varied as the device will see",
        )


def _short(tensor: Tensor) -> str:
    # A name may be a list of all the operators that a converter merged into one.
    return tensor.name.split(";", 1)[0]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
