"""A converted line held against what the line says of it, by the file's own tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.conversion.legacy.intent import LIMITS
from hil.models.graph import read_graph
from hil.models.label import Kind, label
from hil.models.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hil.conversion.legacy.intent import Intent
    from hil.models.graph import Graph
    from hil.models.label import Label
    from hil.models.summary import TensorLine

# The float32 of a scale holds 7 digits; a FakeQuant is nudged by far more than this.
_TOLERANCE = 1e-5
_NAMED = 5
_WHOLE = 1e-4
_INTEGERS = frozenset({Kind.INT8, Kind.UINT8, Kind.INT4, Kind.INT16, Kind.INT16X8})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One property of the file: what the line says, what is there, by how much off."""

    what: str
    expected: str
    found: str
    holds: bool
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """All checks of one file; `facts` are figures that nothing was said about."""

    label: Label
    size_bytes: int
    checks: tuple[Check, ...]
    facts: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the file is what the line says."""
        return all(check.holds for check in self.checks)


def prove(
    data: bytes, intent: Intent, *, path: Path, fake_quants: Sequence[str] = ()
) -> Proof:
    """Hold the .tflite *data* against *intent*; ModelError where it is damaged.

    *fake_quants* are the names of the nodes with a range in the source.
    """
    graph = read_graph(data, str(path))
    summary = summarize(data, path)
    checks = [
        *_inputs(summary.inputs, intent, fake_quants),
        *_outputs(summary.outputs, intent),
        _inside(graph, intent),
    ]
    return Proof(
        label=summary.label,
        size_bytes=len(data),
        checks=tuple(checks),
        facts=tuple(_facts(graph, summary.inputs, summary.outputs, intent)),
    )


def _inputs(
    lines: Sequence[TensorLine], intent: Intent, fake_quants: Sequence[str]
) -> Iterator[Check]:
    stats = dict(zip(intent.input_arrays, intent.stats, strict=False))
    wanted = intent.input_dtype or "float32"
    for place, line in enumerate(lines):
        yield _same(f"input {line.name!r}: type", wanted, line.type)
        if wanted not in LIMITS:
            continue
        pair = stats.get(line.name.split(":")[0])
        if pair is None and place < len(intent.stats):
            pair = intent.stats[place]
        if pair is not None and pair[1] > 0:
            yield _scale(line, *pair, fake_quants=fake_quants)


def _scale(
    line: TensorLine, mean: float, std: float, *, fake_quants: Sequence[str]
) -> Check:
    what = f"input {line.name!r}: real = (q - {mean:g}) / {std:g}"
    expected = f"scale 1/{std:g} = {1 / std:.7f}, zero point {mean:g}"
    if line.scale is None or line.zero_point is None:
        return Check(what=what, expected=expected, found="no scale", holds=False)
    off = line.scale * std - 1
    holds = abs(off) <= _TOLERANCE and abs(line.zero_point - mean) <= 0.5  # noqa: PLR2004 - a zero point is whole, a mean need not be
    return Check(
        what=what,
        expected=expected,
        found=f"scale {_fraction(line)}, zero point {line.zero_point}",
        holds=holds,
        why=None if holds else _by(line, mean, std, fake_quants=fake_quants),
    )


def _by(
    line: TensorLine, mean: float, std: float, *, fake_quants: Sequence[str]
) -> str:
    """Say how far the scale is off, what that does to a value, and whence it came."""
    assert line.scale is not None
    assert line.zero_point is not None
    top = LIMITS.get(line.type, (0, 255))[1]
    is_there = (top - line.zero_point) * line.scale
    text = f"the scale is {line.scale * std - 1:+.2%} off; q = {top} means "
    text += f"{is_there:.6g}, not {(top - mean) / std:.6g}"
    if not fake_quants:
        return text
    low, high = _range(line)
    return text + (
        f"; the FakeQuant on the input ({low:.4g}..{high:.4g}) wins and mean and std "
        "are ignored, then as now: make the preprocessing match the graph"
    )


def _outputs(lines: Sequence[TensorLine], intent: Intent) -> Iterator[Check]:
    wanted = "float32"
    if intent.is_quantized and intent.input_dtype in LIMITS:
        wanted = intent.dtype or wanted
    for line in lines:
        yield _same(f"output {line.name!r}: type", wanted, line.type)


def _same(what: str, expected: str, found: str) -> Check:
    return Check(what=what, expected=expected, found=found, holds=expected == found)


def _inside(graph: Graph, intent: Intent) -> Check:
    """Return whether what computes computes in the type that was asked for."""
    truth = label(graph)
    if intent.is_quantized:
        holds = truth.kind in _INTEGERS
        return Check(
            what="inside: everything quantized",
            expected=f"every operator in {intent.dtype}",
            found=truth.text,
            holds=holds,
            why=None if holds else _floats(graph, truth),
        )
    if intent.quantize_weights:
        kinds = {Kind.FLOAT16} if intent.float16 else {Kind.DYNAMIC_RANGE}
        kinds |= set() if intent.float16 else {Kind.WEIGHT_ONLY}
        holds = truth.kind in kinds
        count = truth.weights
        return Check(
            what="inside: weights quantized",
            expected="float16 weights" if intent.float16 else "int8 weights",
            found=truth.text
            + f"; {count.quantized} of {count.total} weights quantized"
            * (not intent.float16),
            holds=holds,
            why=None
            if holds
            else "weights of fewer than 1024 elements stay float32: use hil quantize "
            "--recipe dynamic, which has no such limit of its own",
        )
    return Check(
        what="inside: float",
        expected="float32",
        found=truth.text,
        holds=truth.kind is Kind.FLOAT32,
    )


def _floats(graph: Graph, truth: Label) -> str:
    places = []
    for place in truth.floats[:_NAMED]:
        subgraph = graph.subgraphs[place.subgraph]
        outputs = subgraph.operators[place.operator].outputs
        name = subgraph.tensors[outputs[0]].name.split(";")[0] if outputs else ""
        places.append(f"{place.name} {name}".strip())
    more = len(truth.floats) - len(places)
    total = sum(len(subgraph.operators) for subgraph in graph.subgraphs)
    return (
        f"{len(truth.floats)} of {total} operators compute in float: "
        + ", ".join(places)
        + (f" and {more} more" if more > 0 else "")
        + ". TOCO aborted on this (lacking min/max data); TF 2.21 says nothing. Add "
        "the missing FakeQuant, or quantize with calibration data (hil quantize)"
    )


def _facts(
    graph: Graph,
    inputs: Sequence[TensorLine],
    outputs: Sequence[TensorLine],
    intent: Intent,
) -> Iterator[str]:
    for side, lines in (("input", inputs), ("output", outputs)):
        for line in lines:
            if line.scale is not None and line.type in LIMITS:
                low, high = _range(line)
                yield f"{side} {line.name!r}: {line.type}, {low:.6g}..{high:.6g}"
    yield from _dummies(graph, intent)
    if not intent.is_quantized:
        pairs = [op for sub in graph.subgraphs for op in sub.operators]
        count = sum(op.name == "QUANTIZE" for op in pairs)
        if count and label(graph).kind is Kind.FLOAT32:
            yield f"{count} QUANTIZE operators round floats as the FakeQuant nodes did"


def _dummies(graph: Graph, intent: Intent) -> Iterator[str]:
    if intent.range_min is None or intent.range_max is None:
        return
    scaled = [
        (tensor, tensor.quantization)
        for subgraph in graph.subgraphs
        for tensor in subgraph.tensors
        if not tensor.is_constant and tensor.quantization is not None
    ]
    width = intent.range_max - intent.range_min
    count = sum(
        len(found.scales) == 1 and abs(found.scales[0] * 255 - width) < _WHOLE * width
        for _, found in scaled
    )
    yield (
        f"{count} of {len(scaled)} arrays have the default range "
        f"{intent.range_min:g}..{intent.range_max:g}: their values are guesses"
    )


def _range(line: TensorLine) -> tuple[float, float]:
    assert line.scale is not None
    assert line.zero_point is not None
    low, high = LIMITS.get(line.type, (0, 255))
    return (low - line.zero_point) * line.scale, (high - line.zero_point) * line.scale


def _fraction(line: TensorLine) -> str:
    """Return "2/255 = 0.0078431" where the width of the range is a whole number."""
    assert line.scale is not None
    low, high = LIMITS.get(line.type, (0, 255))
    width = line.scale * (high - low)
    text = f"{line.scale:.7f}"
    if round(width) and abs(width - round(width)) < _WHOLE:
        return f"{round(width)}/{high - low} = {text}"
    return text
