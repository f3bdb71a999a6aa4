"""A TensorFlow graph with its function calls opened, so that values can be followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.errors import ModelError
from hil.models.graphdef import called_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.models.graphdef import Function, GraphDef, Node

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_DEPTH = 32
_NODES = 200_000
_ALIASES = 4 * _DEPTH


@dataclass(frozen=True, slots=True)
class _Value:
    """One output of one node, by the node's position in the list."""

    position: int
    output: int


@dataclass(slots=True, kw_only=True)
class FlatNode:
    """One node outside of all functions; `inputs` are positions of other nodes."""

    node: Node
    parent: int | None  # the call that it came out of
    inputs: tuple[int, ...] = ()
    readers: list[int] = field(default_factory=list)

    @property
    def op(self) -> str:
        """The operation."""
        return self.node.op


class FlatGraph:
    """All nodes that the graph reaches, each with the nodes it reads and is read by."""

    def __init__(self, graph: GraphDef, *, where: str) -> None:
        """Open the calls; ModelError where they grow beyond all measure."""
        self._functions = graph.functions
        self._where = where
        self._values: list[tuple[_Value | None, ...]] = []
        self._returned: dict[int, tuple[_Value | None, ...]] = {}
        self.nodes: list[FlatNode] = []
        self._open(graph.nodes, {}, parent=None, depth=0)
        self._join()

    def name(self, position: int) -> str:
        """Return the node's name behind those of the calls that lead to it."""
        names = []
        at: int | None = position
        while at is not None:
            names.append(self.nodes[at].node.name)
            at = self.nodes[at].parent
        return "/".join(reversed(names))

    def _open(
        self,
        nodes: Sequence[Node],
        arguments: Mapping[str, _Value | None],
        *,
        parent: int | None,
        depth: int,
    ) -> dict[str, int]:
        """Add *nodes* and what they call; return where each one stands."""
        base = len(self.nodes)
        if base + len(nodes) > _NODES:
            raise ModelError(
                "the graph's functions call each other too often",
                where=self._where,
                found=f"more than {_NODES:,} nodes once the calls are opened",
            )
        places = {node.name: base + index for index, node in enumerate(nodes)}
        for node in nodes:
            self.nodes.append(FlatNode(node=node, parent=parent))
            self._values.append(
                tuple(
                    _value(reference, places, arguments)
                    for reference in node.inputs
                    if not reference.startswith("^")
                )
            )
        for index, node in enumerate(nodes):
            function = self._called(node)
            if function is not None and depth < _DEPTH:
                self._open_call(function, base + index, depth=depth)
        return places

    def _open_call(self, function: Function, position: int, *, depth: int) -> None:
        given = dict(zip(function.arguments, self._values[position], strict=False))
        places = self._open(function.nodes, given, parent=position, depth=depth + 1)
        self._returned[position] = tuple(
            _value(reference, places, given) for reference in function.returns
        )

    def _called(self, node: Node) -> Function | None:
        name = called_by(node) if node.op in _CALLS else node.op
        return self._functions.get(name) if name is not None else None

    def _join(self) -> None:
        """Join every node with the real producers of its inputs."""
        for position, values in enumerate(self._values):
            found = (self._producer(value) for value in values)
            inputs = tuple(producer for producer in found if producer is not None)
            self.nodes[position].inputs = inputs
            if position in self._returned:
                continue  # a call that was opened reads nothing itself
            for producer in dict.fromkeys(inputs):
                self.nodes[producer].readers.append(position)

    def _producer(self, value: _Value | None) -> int | None:
        for _ in range(_ALIASES):
            if value is None or value.position not in self._returned:
                break
            returned = self._returned[value.position]
            value = returned[value.output] if value.output < len(returned) else None
        else:
            return None
        return None if value is None else value.position


def _value(
    reference: str,
    places: Mapping[str, int],
    arguments: Mapping[str, _Value | None],
) -> _Value | None:
    """Return what "name", "name:1" or, in a function, "name:output:1" refers to."""
    name, _, rest = reference.partition(":")
    if name in arguments:
        return arguments[name]
    if name not in places:
        return None
    number = rest.rpartition(":")[2]
    output = int(number) if number.isascii() and number.isdecimal() else 0
    return _Value(places[name], output)
