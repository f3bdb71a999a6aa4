"""What TensorFlow's graphs say of themselves: ranges for integers, ends, variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# What makes TensorFlow's converter take the graph for one trained for quantization:
# QuantizationMode.is_quantization_aware_trained_model in lite/python/lite.py.
_RANGES = frozenset(
    {
        "FakeQuantWithMinMaxVars",
        "FakeQuantWithMinMaxVarsPerChannel",
        "FakeQuantWithMinMaxArgs",
        "QuantizeAndDequantizeV2",
        "QuantizeAndDequantizeV3",
    }
)
_VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp"})
_INPUTS = frozenset({"Placeholder", "PlaceholderWithDefault"})
_NO_OUTPUTS = frozenset({"Const", "NoOp", "Assert", "Placeholder"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEnds:
    """Where a graph may begin and end, and what it keeps outside itself."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    variables: tuple[str, ...]


def ends_of(graph: GraphDef) -> GraphEnds:
    """Return the placeholders, the nodes that none uses, and the variables."""
    used = {node_name(name) for node in graph.node for name in node.input}
    return GraphEnds(
        inputs=tuple(node.name for node in graph.node if node.op in _INPUTS),
        outputs=tuple(
            node.name
            for node in graph.node
            if node.name not in used and node.op not in _NO_OUTPUTS
        ),
        variables=tuple(node.name for node in graph.node if node.op in _VARIABLES),
    )


def ranges_of(graph: GraphDef, outputs: Sequence[str]) -> tuple[str, ...]:
    """Return the FakeQuant nodes that *outputs* depend on, those in functions too."""
    return tuple(node.name for node in _reached(graph, outputs) if node.op in _RANGES)


def node_name(array: str) -> str:
    """Return the node of an array: `^name`, `name` and `name:1` are of one node."""
    return array.removeprefix("^").partition(":")[0]


def _reached(graph: GraphDef, outputs: Sequence[str]) -> Iterator[NodeDef]:
    nodes = {node.name: node for node in graph.node}
    functions = {each.signature.name: each for each in graph.library.function}
    waiting = [node_name(name) for name in outputs]
    seen: set[str] = set()
    called: list[str] = []
    opened: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        yield nodes[name]
        waiting += [node_name(each) for each in nodes[name].input]
        called += _calls(nodes[name])
    while called:
        function = called.pop()
        if function in opened or function not in functions:
            continue
        opened.add(function)
        for node in functions[function].node_def:
            yield node
            called += _calls(node)


def _calls(node: NodeDef) -> list[str]:
    """Return the names of the functions that a node calls: StatefulPartitionedCall."""
    return [value.func.name for value in node.attr.values() if value.func.name]
