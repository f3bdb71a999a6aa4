"""A quantized file held against its recipe: a silent no-op is never a success.

AI Edge Quantizer leaves out what a rule does not reach and says nothing: a pattern
that matches no name, an algorithm that knows one operator only (GPTQ), an operator
without an integer kernel. So only the file itself says what was done.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.errors import WrongQuantization
from hil.models.finite import MOST_OF_FLOAT16, cut_off
from hil.models.label import Kind, label
from hil.models.weights import FLOATS, converts, find_weights, origins_of
from hil.quantization.recipes import Scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.models.graph import Graph, Operator, SubGraph, Tensor
    from hil.models.label import Label
    from hil.quantization.recipes import Recipe

_NAMED = 5  # tensors or operators named in an error
# Constants of these are arguments rather than weights: where activations are floats,
# they stay floats too. Where activations are integers, no operator may hold a float.
_ELEMENTWISE = frozenset(
    {"ADD", "SUB", "MUL", "DIV", "POW", "PRELU", "MAXIMUM", "MINIMUM"}
    | {"SQUARED_DIFFERENCE", "ADD_N"}
)
# Layers that multiply with weights: these have no zero point, and their biases are
# sums of products.
_LAYERS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_BIASES = frozenset({"int32", "int64"})
_BIAS = 2  # the input that holds it
_KINDS = {
    Scheme.STATIC: {
        "int8": frozenset({Kind.INT8}),
        # Without any weight there is no int8 in it, and nothing is missing.
        "int16": frozenset({Kind.INT16X8, Kind.INT16}),
    },
    Scheme.DYNAMIC: {"float32": frozenset({Kind.DYNAMIC_RANGE})},
    Scheme.WEIGHT_ONLY: {"float32": frozenset({Kind.WEIGHT_ONLY, Kind.FLOAT16})},
}


def check_result(graph: Graph, recipe: Recipe, *, where: str) -> Label:
    """Return the truth label; WrongQuantization unless it is what *recipe* asks.

    The error names the tensors and operators that are something else.
    """
    truth = label(graph)
    findings = [*_weights(graph, recipe), *_unmatched(graph, recipe)]
    beyond = cut_off(graph)
    if beyond:
        findings.append(
            f"{len(beyond)} weights or biases hold more than {MOST_OF_FLOAT16:,.0f}, "
            f"the most of float16: {_named(beyond)}"
        )
    if recipe.scheme is Scheme.STATIC:
        findings += [*_boundary(graph, recipe), *_arithmetic(graph)]
        if recipe.layer_rules:
            findings += _layers(graph, recipe)
        else:
            findings += _floats(graph, truth)
    explained = truth.floats if recipe.scheme is Scheme.STATIC else findings
    if not (explained or _is_kind(truth, recipe)):
        findings.append(f"its activations are not {recipe.activations}")
    if findings:
        raise WrongQuantization(
            f"the file that was made is not {recipe.name}",
            where=where,
            found=f"{truth.text}: " + "; ".join(findings),
            allowed=recipe.summary,
            remedy=_fixed_batch(graph, truth)
            or "a recipe that the model's operators allow; "
            "docs/recipes.md says what each does",
        )
    return truth


def _fixed_batch(graph: Graph, truth: Label) -> str | None:
    """Return the remedy where operators that an open batch needs are in the way."""
    if not any(place.name == "SHAPE" for place in truth.floats):
        return None
    main = graph.subgraphs[0]
    inputs = [main.tensors[index] for index in main.inputs]
    if len(inputs) != 1 or inputs[0].shape_signature[:1] != (-1,):
        return None
    sizes = ",".join(str(size) for size in inputs[0].shape)
    return (
        "a model of a fixed batch, which needs no SHAPE: "
        f"hil convert --input-shape {sizes}"
    )


def _is_kind(truth: Label, recipe: Recipe) -> bool:
    """Return whether the label is the recipe's; a mixed file was checked by layer."""
    mixed = recipe.layer_rules and recipe.scheme is Scheme.STATIC
    return bool(mixed) or truth.kind in _KINDS[recipe.scheme][recipe.activations]


def _unmatched(graph: Graph, recipe: Recipe) -> Iterator[str]:
    """Say which rules of layers meet no operator: a misspelt name is a no-op."""
    scopes = [
        _scope(subgraph, operator)
        for subgraph in graph.subgraphs
        for operator in subgraph.operators
        if not converts(operator)
    ]
    for rule in recipe.layer_rules:
        if not any(re.search(rule.pattern, scope) for scope in scopes):
            yield f"no layer is called {rule.pattern!r}"


def _layers(graph: Graph, recipe: Recipe) -> Iterator[str]:
    """Say which operators compute in another type than the rules of layers ask."""
    for subgraph in graph.subgraphs:
        constants = origins_of(subgraph)
        for operator in subgraph.operators:
            if converts(operator) or all(i in constants for i in operator.outputs):
                continue
            wanted = recipe.activations_of(_scope(subgraph, operator))
            for tensor in subgraph.outputs_of(operator):
                computed = tensor.type in FLOATS or tensor.quantization is not None
                if computed and tensor.type != wanted:
                    name = _listed([tensor.name])
                    yield f"{operator.name} {name} is {tensor.type}, not {wanted}"


def _arithmetic(graph: Graph) -> Iterator[str]:
    """Say where an integer layer is not as its kernels want: docs/recipes.md."""
    for subgraph in graph.subgraphs:
        for operator in subgraph.operators:
            if operator.name not in _LAYERS:
                continue
            inputs = subgraph.inputs_of(operator)
            output = subgraph.outputs_of(operator)[0]
            if output.type in FLOATS:
                continue
            weight = inputs[1]
            quantization = weight.quantization if weight else None
            if weight and quantization and any(quantization.zero_points):
                yield f"the weight {_listed([weight.name])} has a zero point"
            bias = inputs[2] if len(inputs) > _BIAS else None
            if bias and bias.type not in _BIASES:
                yield f"the bias {_listed([bias.name])} is {bias.type}"


def _scope(subgraph: SubGraph, operator: Operator) -> str:
    """Return what AI Edge Quantizer searches a pattern in: names of the outputs."""
    return "".join(f"{tensor.name};" for tensor in subgraph.outputs_of(operator))


def _weights(graph: Graph, recipe: Recipe) -> Iterator[str]:
    expected = _expected_types(graph, recipe)
    if not expected and recipe.scheme is not Scheme.STATIC:
        yield f"it has no weight that could be {recipe.weights}"
        return
    wrong: dict[str, list[Tensor]] = {}
    for tensor, wanted in expected:
        may_stay = tensor.elements < recipe.min_weight_elements
        if tensor.type != wanted and not (may_stay and tensor.type == "float32"):
            wrong.setdefault(tensor.type, []).append(tensor)
    for found, tensors in sorted(wrong.items()):
        yield (
            f"{len(tensors)} of {len(expected)} weights are {found}: {_named(tensors)}"
        )
    if expected and all(tensor.type == "float32" for tensor, _ in expected):
        yield "no weight was quantized"
    scaled = [
        tensor
        for tensor, _ in expected
        if tensor.quantization is not None and len(tensor.quantization.scales) > 1
    ]
    if scaled and not recipe.per_channel:
        yield f"{len(scaled)} weights have a scale for each channel: {_named(scaled)}"
    if recipe.scheme is not Scheme.STATIC:
        yield from _way(graph, recipe)


def _way(graph: Graph, recipe: Recipe) -> Iterator[str]:
    """Say which integer weights reach their operators in another way than asked."""
    dequantized = recipe.scheme is Scheme.WEIGHT_ONLY
    wrong = [
        weight.tensor
        for weight in find_weights(graph)
        if weight.tensor.type != "float32" and weight.dequantized != dequantized
    ]
    if wrong:
        way = "directly" if dequantized else "through DEQUANTIZE"
        yield f"{len(wrong)} weights reach their operator {way}: {_named(wrong)}"


def _expected_types(graph: Graph, recipe: Recipe) -> list[tuple[Tensor, str]]:
    """Return each stored weight once, with the type that its operator asks for."""
    weights = {(w.subgraph, w.tensor.index) for w in find_weights(graph)}
    expected: dict[tuple[int, int], tuple[Tensor, str]] = {}
    for subgraph in graph.subgraphs:
        origins = origins_of(subgraph)
        for operator in subgraph.operators:
            if operator.name in _ELEMENTWISE:
                continue
            for index in operator.inputs:
                origin = origins.get(index)
                key = (subgraph.index, origin.tensor.index if origin else -1)
                if origin is None or key not in weights or key in expected:
                    continue
                if _only_passes_on(operator.name):
                    continue
                expected[key] = (
                    origin.tensor,
                    _weight_type(recipe, subgraph, operator),
                )
    return list(expected.values())


def _weight_type(recipe: Recipe, subgraph: SubGraph, operator: Operator) -> str:
    rule = recipe.rule_of(_scope(subgraph, operator))
    left_float = rule is not None and rule.activations == "float32"
    return "float32" if left_float else recipe.weights_of(operator.name)


def _only_passes_on(operator: str) -> bool:
    return operator in {"DEQUANTIZE", "QUANTIZE", "CAST", "RESHAPE", "TRANSPOSE"}


def _floats(graph: Graph, truth: Label) -> Iterator[str]:
    if truth.floats:
        places = [
            f"{place.name} {_output_name(graph, place.subgraph, place.operator)}"
            for place in truth.floats
        ]
        operators = sum(len(subgraph.operators) for subgraph in graph.subgraphs)
        yield f"{len(places)} of {operators} operators compute in float: " + _listed(
            places
        )


def _boundary(graph: Graph, recipe: Recipe) -> Iterator[str]:
    """Say which inputs and outputs are not as asked; indices stay what they are."""
    main = graph.subgraphs[0]
    for side, indices in (("input", main.inputs), ("output", main.outputs)):
        for tensor in (main.tensors[index] for index in indices):
            takes_part = tensor.type in FLOATS or tensor.quantization is not None
            if takes_part and tensor.type != recipe.boundary:
                yield f"{side} {tensor.name} is {tensor.type}, not {recipe.boundary}"


def _output_name(graph: Graph, subgraph: int, operator: int) -> str:
    tensors = graph.subgraphs[subgraph].tensors
    outputs = graph.subgraphs[subgraph].operators[operator].outputs
    return tensors[outputs[0]].name if outputs else ""


def _named(tensors: list[Tensor]) -> str:
    return _listed([tensor.name for tensor in tensors])


def _listed(names: list[str]) -> str:
    # A name may be a list of all the operators that a converter merged into one.
    short = [name.split(";", 1)[0] for name in names[:_NAMED]]
    more = len(names) - _NAMED
    return ", ".join(short) + (f" and {more} more" if more > 0 else "")
