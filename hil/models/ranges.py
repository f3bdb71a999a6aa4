"""Quantization ranges in a graph before conversion: which values have none.

TensorFlow's converter makes integers of what lies between FakeQuant nodes and leaves
the rest in float, without a word. What it needs was measured with TensorFlow 2.21: a
range on every path out of a convolution, dense layer, addition or product, behind its
bias and activation; one range serves through what only moves values, pooling included.
A range that weights lack is made up from their values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.models.flat_graph import FlatGraph
from hil.models.graphdef import constant_of, number_of

if TYPE_CHECKING:
    from hil.models.graphdef import GraphDef


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RANGES = _names(
    "FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel FakeQuantWithMinMaxArgs "
    "QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4"
)
_WEIGHTED = _names(
    "Conv2D DepthwiseConv2dNative Conv2DBackpropInput Conv3D MatMul BatchMatMul "
    "BatchMatMulV2 BatchMatMulV3"
)
_PAIRED = _names(
    "Add AddV2 AddN Sub Mul Maximum Minimum SquaredDifference RealDiv Mean"
)
# What the converter folds into the operator before it.
_FOLDED = _names("BiasAdd FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Relu Relu6")
_MOVING = _names(
    """
    Identity StopGradient CheckNumerics Reshape Squeeze ExpandDims Transpose MaxPool
    AvgPool Pad PadV2 MirrorPad Concat ConcatV2 Slice StridedSlice Split SplitV Unpack
    Pack ResizeBilinear ResizeNearestNeighbor SpaceToDepth DepthToSpace Tile GatherV2
    """
)
_FIXED = _names("Softmax LogSoftmax Sigmoid Tanh")  # ranges of the int8 specification
_CONSTANT = _names("Const ReadVariableOp VariableV2 VarHandleOp Variable")
_INPUT = _names("Placeholder PlaceholderWithDefault")
_DEFAULT_BITS = 8.0
_ARGS_DEFAULT = 6.0  # of FakeQuantWithMinMaxArgs: -6 to 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A value without a range: what its node does stays in float."""

    name: str
    op: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """One FakeQuant node; the limits are absent where the file has no constants.

    `minimum` and `maximum` are the widest of all channels. The kernel moves a range so
    that it holds 0: the nudged limits are what is really quantized on.
    """

    name: str
    op: str
    bits: int
    narrow: bool
    channels: int
    minimum: float | None = None
    maximum: float | None = None
    nudged_minimum: float | None = None
    nudged_maximum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeCoverage:
    """Which of `layers` computing nodes have a range, and what the ranges are.

    `bare_weights` counts the weights without a range: they become int8 all the same.
    `faults` are ranges that cannot be meant so.
    """

    layers: int
    uncovered: tuple[Gap, ...]
    ranges: tuple[Range, ...]
    bare_weights: int
    faults: tuple[str, ...]


def range_coverage(graph: GraphDef, *, where: str) -> RangeCoverage:
    """Return where *graph* has ranges and where it has none (ModelError)."""
    return _Coverage(FlatGraph(graph, where=where)).result()


def nudged(
    low: float, high: float, *, bits: int = 8, narrow: bool = False
) -> tuple[float, float]:
    """Return the range that the FakeQuant kernel really uses: one with 0 on its grid.

    Source: Nudge in tensorflow/core/kernels/fake_quant_ops_functor.h.
    """
    least, most = int(narrow), 2**bits - 1
    scale = (high - low) / (most - least)
    if scale <= 0 or not math.isfinite(scale):
        return low, high
    zero = min(max(least - low / scale, least), most)
    zero = math.floor(zero + 0.5)
    return (least - zero) * scale, (most - zero) * scale


class _Coverage:
    """One pass over a flat graph."""

    def __init__(self, graph: FlatGraph) -> None:
        self._graph = graph
        self._nodes = graph.nodes
        self._constant = self._find_constants()
        self._ranged_ahead: dict[int, bool] = {}

    def result(self) -> RangeCoverage:
        layers = [i for i in range(len(self._nodes)) if self._computes(i)]
        gaps = {
            (self._graph.name(i), self._nodes[i].op): self._why(i)
            for i in layers
            if not self._covered(i)
        }
        for position in layers:
            for source in self._bare_sources(position):
                key = (self._graph.name(source), self._nodes[source].op)
                gaps.setdefault(key, self._why_source(source))
        ranges = [self._range(i) for i, n in enumerate(self._nodes) if n.op in _RANGES]
        return RangeCoverage(
            layers=len(layers),
            uncovered=tuple(
                Gap(name=name, op=op, reason=reason)
                for (name, op), reason in gaps.items()
            ),
            ranges=tuple(ranges),
            bare_weights=sum(self._bare_weight(i) for i in layers),
            faults=tuple(fault for item in ranges for fault in _faults(item)),
        )

    def _find_constants(self) -> list[bool]:
        """Return which nodes hold weights, biases or shapes: no data come into them.

        A node is constant when all its inputs are. Found from the sources onward.
        """
        constant = [node.op in _CONSTANT for node in self._nodes]
        waiting = [len(dict.fromkeys(node.inputs)) for node in self._nodes]
        ready = [i for i, fixed in enumerate(constant) if fixed]
        while ready:
            for reader in self._nodes[ready.pop()].readers:
                waiting[reader] -= 1
                if waiting[reader] == 0 and not constant[reader]:
                    constant[reader] = True
                    ready.append(reader)
        return constant

    def _data(self, position: int) -> list[int]:
        return [i for i in self._nodes[position].inputs if not self._constant[i]]

    def _computes(self, position: int) -> bool:
        """Return whether the node's output must have a range of its own."""
        node = self._nodes[position]
        if self._constant[position] or not self._data(position):
            return False
        if node.op in _WEIGHTED or node.op == "Mean":
            return True
        return node.op in _PAIRED and not self._is_folded(position)

    def _is_folded(self, position: int) -> bool:
        """Return whether the node is part of the operator before it.

        So is an addition of, or a product with, constants: a bias, or a normalization.
        """
        node = self._nodes[position]
        if node.op in _FOLDED:
            return True
        constants = any(self._constant[i] for i in node.inputs)
        return node.op in {"Add", "AddV2", "Sub", "Mul"} and constants

    def _passes(self, position: int) -> bool:
        return self._nodes[position].op in _MOVING or self._is_folded(position)

    def _covered(self, position: int) -> bool:
        """Return whether every path out of the node comes to a range."""
        stack = [position]
        # Depth first without recursion: a node is settled when its readers are.
        while stack:
            at = stack[-1]
            readers = [i for i in self._nodes[at].readers if not self._is_aside(i)]
            open_readers = [
                i for i in readers if self._passes(i) and i not in self._ranged_ahead
            ]
            if open_readers:
                self._ranged_ahead[at] = False  # a loop finds no range on its way
                stack += open_readers
                continue
            self._ranged_ahead[at] = bool(readers) and all(
                self._nodes[i].op in _RANGES
                or (self._passes(i) and self._ranged_ahead.get(i, False))
                for i in readers
            )
            stack.pop()
        return self._ranged_ahead[position]

    def _is_aside(self, position: int) -> bool:
        """Return whether the reader only looks at the shape."""
        return self._nodes[position].op in {"Shape", "NoOp", "Rank", "Size"}

    def _why(self, position: int) -> str:
        readers = [i for i in self._nodes[position].readers if not self._is_aside(i)]
        ranged = any(self._nodes[i].op in _RANGES for i in readers)
        if ranged:
            return "another reader takes its output before the range"
        return "no range follows its output"

    def _why_source(self, source: int) -> str:
        if self._nodes[source].op in _INPUT:
            return "the input has no range: the first layer stays in float"
        return "no range follows its output, so what reads it stays in float"

    def _bare_sources(self, position: int) -> list[int]:
        """Return what feeds the node without a range and is no computing node."""
        found: list[int] = []
        seen = {position}
        # With each node goes the first on the way that changes values.
        stack: list[tuple[int, int | None]] = [(i, None) for i in self._data(position)]
        while stack:
            at, changed = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            op = self._nodes[at].op
            if op in _RANGES:
                found += [changed] if changed is not None else []
            elif op in _FIXED or self._computes(at):
                continue
            elif op in _MOVING:
                stack += [(i, changed) for i in self._data(at)]
            elif self._is_folded(at):
                first = at if changed is None else changed
                stack += [(i, first) for i in self._data(at)]
            else:
                found.append(at)
        return found

    def _bare_weight(self, position: int) -> bool:
        node = self._nodes[position]
        if node.op not in _WEIGHTED:
            return False
        weights = [i for i in node.inputs if self._constant[i]]
        return bool(weights) and not any(self._has_range(i) for i in weights)

    def _has_range(self, position: int) -> bool:
        """Return whether a constant comes out of a range, however it is reshaped."""
        for _ in range(len(self._nodes)):
            node = self._nodes[position]
            if node.op in _RANGES:
                return True
            if node.op not in _MOVING or not node.inputs:
                return False
            position = node.inputs[0]
        return False

    def _range(self, position: int) -> Range:
        node = self._nodes[position].node
        bits = int(number_of(node, "num_bits") or _DEFAULT_BITS)
        narrow = bool(number_of(node, "narrow_range"))
        lows, highs = self._limits(position)
        name = self._graph.name(position)
        if not lows or not highs or len(lows) != len(highs):
            return Range(name=name, op=node.op, bits=bits, narrow=narrow, channels=0)
        # More than 16 bits are refused by TensorFlow; a file may say anything.
        used = min(max(bits, 2), 16)
        moved = [
            nudged(low, high, bits=used, narrow=narrow)
            for low, high in zip(lows, highs, strict=True)
        ]
        return Range(
            name=name,
            op=node.op,
            bits=bits,
            narrow=narrow,
            channels=len(lows),
            minimum=min(lows),
            maximum=max(highs),
            nudged_minimum=min(low for low, _ in moved),
            nudged_maximum=max(high for _, high in moved),
        )

    def _limits(
        self, position: int
    ) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
        flat = self._nodes[position]
        if flat.op == "FakeQuantWithMinMaxArgs":
            low, high = number_of(flat.node, "min"), number_of(flat.node, "max")
            return (
                (-_ARGS_DEFAULT if low is None else low,),
                (_ARGS_DEFAULT if high is None else high,),
            )
        if len(flat.inputs) < 3:  # noqa: PLR2004 - the value, its minimum, its maximum
            return None, None
        return self._constant_value(flat.inputs[1]), self._constant_value(
            flat.inputs[2]
        )

    def _constant_value(self, position: int) -> tuple[float, ...] | None:
        for _ in range(len(self._nodes)):
            node = self._nodes[position]
            if node.op == "Const":
                return constant_of(node.node)
            if node.op != "Identity" or not node.inputs:
                return None
            position = node.inputs[0]
        return None


def _faults(item: Range) -> list[str]:
    low, high = item.minimum, item.maximum
    if low is None or high is None:
        return []
    if not (math.isfinite(low) and math.isfinite(high)):
        return [f"{item.name}: the range is not finite"]
    if low > high:
        return [f"{item.name}: the minimum {low:g} is above the maximum {high:g}"]
    if low == high:
        what = f"{item.name}: minimum and maximum are both {low:g}; the converter "
        return [f"{what}takes that without an error, and all values become one"]
    return []
