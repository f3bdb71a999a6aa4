"""A quantized file held against its recipe: a silent no-op is never a success.

AI Edge Quantizer leaves out what a rule does not reach and says nothing: a pattern
that matches no name, an algorithm that knows one operator only (GPTQ), an operator
without an integer kernel. So only the file itself says what was done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import WrongQuantization
from hil.models.label import Kind, label
from hil.models.weights import FLOATS, find_weights, origins_of
from hil.quantization.recipes import Scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.models.graph import Graph, Tensor
    from hil.models.label import Label
    from hil.quantization.recipes import Recipe

_NAMED = 5  # tensors or operators named in an error
# Constants of these are arguments rather than weights: where activations are floats,
# they stay floats too. Where activations are integers, no operator may hold a float.
_ELEMENTWISE = frozenset(
    {"ADD", "SUB", "MUL", "DIV", "POW", "PRELU", "MAXIMUM", "MINIMUM"}
    | {"SQUARED_DIFFERENCE", "ADD_N"}
)
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
    findings = [*_weights(graph, recipe)]
    if recipe.scheme is Scheme.STATIC:
        findings += [*_floats(graph, truth), *_boundary(graph, recipe)]
    explained = truth.floats if recipe.scheme is Scheme.STATIC else findings
    if truth.kind not in _KINDS[recipe.scheme][recipe.activations] and not explained:
        findings.append(f"its activations are not {recipe.activations}")
    if findings:
        raise WrongQuantization(
            f"the file that was made is not {recipe.name}",
            where=where,
            found=f"{truth.text}: " + "; ".join(findings),
            allowed=recipe.summary,
            remedy="a recipe that the model's operators allow; "
            "docs/recipes.md says what each does",
        )
    return truth


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
                expected[key] = (origin.tensor, recipe.weights_of(operator.name))
    return list(expected.values())


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
