"""The truth label: what a .tflite really is, told by its tensors alone.

File names, recipes and documentation are not asked. An operator computes in float
where an activation of it is float, and in integers where one has an integer type with
scales; what only moves values (RESHAPE) or converts them (QUANTIZE, DEQUANTIZE) does
not compute. A weight is what an operator multiplies with and never changes. It counts
as what it is stored as, also where a DEQUANTIZE stands between it and its operator.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.models.activity import Activity, activity_of
from hil.models.weights import (
    FLOATS,
    INTEGERS,
    SHORT_FLOATS,
    Weight,
    find_weights,
    per_channel,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.models.activity import Place
    from hil.models.graph import Graph

_BOUNDARY = dict.fromkeys(FLOATS, "float")
_SMALL = ("int4", "uint4", "int2")


class Kind(enum.Enum):
    """The sorts of models; `Label.text` says more."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"  # float16 weights, arithmetic in float
    DYNAMIC_RANGE = "dynamic-range"  # integer weights straight into float operators
    WEIGHT_ONLY = "weight-only"  # integer weights, dequantized before use
    INT8 = "int8"
    INT16X8 = "int16x8"  # int16 activations, int8 weights
    INT16 = "int16"  # int16 activations, no int8 weight
    UINT8 = "uint8"
    INT4 = "int4"  # integer arithmetic, at least one weight below 8 bits
    INTEGER = "integer"  # integers without scales: signal processing, indices
    MIXED = "mixed"
    EMPTY = "empty"  # no operator computes anything


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightCount:
    """How many weights there are, how many are integers, and of which types."""

    quantized: int
    total: int
    types: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a model is.

    `boundary` is the type of the main subgraph's inputs and outputs: "float", "int8",
    "int16", "uint8", another type's name, "mixed" or "none". `floats` are the operators
    that compute in float; `islands` is the number of connected groups of them.
    `per_channel` is "yes", "no", "mixed" or "none" (no integer weight).
    """

    kind: Kind
    boundary: str
    text: str
    floats: tuple[Place, ...]
    islands: int
    weights: WeightCount
    per_channel: str


def label(graph: Graph) -> Label:
    """Return the truth label of *graph*."""
    weights = find_weights(graph)
    activity = activity_of(graph)
    kind = _kind(activity, weights)
    boundary, boundary_text = _boundary(graph)
    count = _count(weights)
    return Label(
        kind=kind,
        boundary=boundary,
        text=_text(kind, activity, weights, boundary=boundary_text),
        floats=activity.floats,
        islands=activity.islands,
        weights=count,
        per_channel=per_channel(weights),
    )


def _kind(activity: Activity, weights: Sequence[Weight]) -> Kind:
    if activity.floats and activity.integers:
        return Kind.MIXED
    if activity.floats:
        return _float_kind(activity, weights)
    if activity.integers:
        return _integer_kind(activity, weights)
    return Kind.INTEGER if activity.plain else Kind.EMPTY


def _float_kind(activity: Activity, weights: Sequence[Weight]) -> Kind:
    """Return the kind of a model that computes in float throughout."""
    ways = {
        "direct" if not weight.dequantized else "dequantized"
        for weight in weights
        if weight.tensor.type in INTEGERS
    }
    halves = bool(_short_floats(weights)) or activity.float_types <= SHORT_FLOATS
    if len(ways) > 1 or (ways and halves):
        return Kind.MIXED
    if ways:
        return Kind.DYNAMIC_RANGE if "direct" in ways else Kind.WEIGHT_ONLY
    return Kind.FLOAT16 if halves else Kind.FLOAT32


def _integer_kind(activity: Activity, weights: Sequence[Weight]) -> Kind:
    """Return the kind of a model that computes in integers throughout."""
    types = {weight.tensor.type for weight in weights if weight.tensor.type in INTEGERS}
    match sorted(activity.types):
        case ["int8"]:
            return Kind.INT4 if types & set(_SMALL) else Kind.INT8
        case ["int16"]:
            if types & set(_SMALL):
                return Kind.INT4
            return Kind.INT16X8 if "int8" in types else Kind.INT16
        case ["uint8"]:
            return Kind.UINT8
        case _:
            return Kind.MIXED


def _boundary(graph: Graph) -> tuple[str, str]:
    """Return the boundary as one word, and in words for the text."""
    main = graph.subgraphs[0]
    sides = []
    for indices in (main.inputs, main.outputs):
        types = {main.tensors[index].type for index in indices}
        sides.append(sorted({_BOUNDARY.get(name, name) for name in types}))
    words = {word for side in sides for word in side}
    if len(words) == 1:
        word = words.pop()
        return word, f"{word} boundary"
    if not words:
        return "none", "no boundary"
    into, out = ("+".join(side) or "nothing" for side in sides)
    return "mixed", f"mixed boundary ({into} in, {out} out)"


def _count(weights: Sequence[Weight]) -> WeightCount:
    types = Counter(weight.tensor.type for weight in weights)
    return WeightCount(
        quantized=sum(n for name, n in types.items() if name in INTEGERS),
        total=len(weights),
        types=dict(sorted(types.items())),
    )


def _text(
    kind: Kind, activity: Activity, weights: Sequence[Weight], *, boundary: str
) -> str:
    """Return the label in words."""
    # That a float model takes and gives floats goes without saying.
    extra = "" if boundary == "float boundary" else f", {boundary}"
    types = "+".join(_integer_types(weights))
    stored = _stored(weights)
    shares = stored.removesuffix(f" {types}")  # named already where there is one
    activations = "+".join(sorted(activity.types))
    texts = {
        Kind.FLOAT32: f"float32{extra}",
        Kind.FLOAT16: f"{_halves(weights)}{extra}",
        Kind.DYNAMIC_RANGE: f"dynamic range, {stored}{extra}",
        Kind.WEIGHT_ONLY: f"weight-only {types}, {shares}{extra}",
        Kind.INT8: f"full int8, {boundary}",
        Kind.UINT8: f"full uint8, {boundary}",
        Kind.INT16X8: f"16x8, {boundary}",
        Kind.INT16: f"int16 activations, {boundary}",
        Kind.INT4: f"{stored}, {activations} activations, {boundary}",
        Kind.INTEGER: f"integers without scales, {boundary}",
        Kind.EMPTY: f"no operator computes, {boundary}",
        Kind.MIXED: _mixed(activity, weights, boundary=boundary),
    }
    return texts[kind]


def _mixed(activity: Activity, weights: Sequence[Weight], *, boundary: str) -> str:
    integers = " and ".join(sorted(activity.types))
    if activity.floats and activity.integers:
        plural = "s" if activity.islands != 1 else ""
        text = f"mixed: {activity.islands} float island{plural}, {integers} elsewhere"
        return f"{text}, {boundary}"
    if activity.integers:
        return f"mixed: {integers} activations, {boundary}"
    ways = Counter(
        f"{weight.tensor.type} {'dequantized' if weight.dequantized else 'direct'}"
        for weight in weights
    )
    parts = ", ".join(f"{count} {way}" for way, count in sorted(ways.items()))
    return f"mixed: float with weights {parts}"


def _integer_types(weights: Sequence[Weight]) -> list[str]:
    return sorted(
        {weight.tensor.type for weight in weights if weight.tensor.type in INTEGERS}
    )


def _stored(weights: Sequence[Weight]) -> str:
    """Return "5 of 14 weights int8", type by type."""
    counts = Counter(weight.tensor.type for weight in weights)
    parts = [f"{counts[name]} {name}" for name in _integer_types(weights)[1:]]
    for first in _integer_types(weights)[:1]:
        parts.insert(0, f"{counts[first]} of {len(weights)} weights {first}")
    return ", ".join(parts)


def _short_floats(weights: Sequence[Weight]) -> list[str]:
    return sorted(
        {weight.tensor.type for weight in weights if weight.tensor.type in SHORT_FLOATS}
    )


def _halves(weights: Sequence[Weight]) -> str:
    """Return "float16 weights", and how many where it is not all of them."""
    names = _short_floats(weights)
    count = sum(weight.tensor.type in names for weight in weights)
    share = f", {count} of {len(weights)}" if count < len(weights) else ""
    return f"{'+'.join(names)} weights{share}" if names else "float16 activations"
