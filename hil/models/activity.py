"""What the operators of a graph compute in: float, integers with scales, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.models.weights import FLOATS, INTEGERS, converts, moves, origins_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from hil.models.graph import Graph, Operator, SubGraph, Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One operator of a graph."""

    subgraph: int
    operator: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Who computes in what.

    `floats` are the operators of float islands. An island is a group of operators
    that hand floats to each other; one that only moves floats in from the boundary, or
    out to it, is none. `types` are the integer types that are computed in,
    `float_types` the float types. `plain` is whether something computes in neither.
    """

    floats: tuple[Place, ...]
    islands: int
    integers: tuple[Place, ...]
    types: frozenset[str]
    float_types: frozenset[str]
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One operator and the tensors that it works on and that are not constant."""

    operator: Operator
    activations: tuple[Tensor, ...]

    @property
    def floats(self) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in self.activations if tensor.type in FLOATS)

    @property
    def integers(self) -> tuple[Tensor, ...]:
        return tuple(
            tensor
            for tensor in self.activations
            if tensor.type in INTEGERS and tensor.quantization is not None
        )


def activity_of(graph: Graph) -> Activity:
    """Return what the operators of all subgraphs compute in."""
    floats: list[Place] = []
    integers: list[Place] = []
    types: set[str] = set()
    float_types: set[str] = set()
    islands = 0
    plain = False
    for subgraph in graph.subgraphs:
        steps = _steps(subgraph)
        found = _islands(steps, {*subgraph.inputs, *subgraph.outputs})
        islands += len(found)
        for step in sorted(
            (step for island in found for step in island),
            key=lambda step: step.operator.index,
        ):
            floats.append(_place(subgraph, step))
            float_types.update(tensor.type for tensor in step.floats)
        for step in steps:
            if moves(step.operator):
                continue
            types.update(tensor.type for tensor in step.integers)
            if step.integers:
                integers.append(_place(subgraph, step))
            plain = plain or not (step.integers or step.floats)
    return Activity(
        floats=tuple(floats),
        islands=islands,
        integers=tuple(integers),
        types=frozenset(types),
        float_types=frozenset(float_types),
        plain=plain,
    )


def _place(subgraph: SubGraph, step: _Step) -> Place:
    operator = step.operator
    return Place(subgraph=subgraph.index, operator=operator.index, name=operator.name)


def _steps(subgraph: SubGraph) -> list[_Step]:
    """Return the operators that work on more than constants and do not convert."""
    constants = origins_of(subgraph)
    steps = []
    for operator in subgraph.operators:
        if converts(operator) or all(i in constants for i in operator.outputs):
            continue
        steps.append(
            _Step(
                operator=operator,
                activations=tuple(_activations(subgraph, operator, constants)),
            )
        )
    return steps


def _activations(
    subgraph: SubGraph, operator: Operator, constants: Container[int]
) -> Iterable[Tensor]:
    """Yield the tensors that carry values; a state is kept in a type of its own."""
    for tensor in (*subgraph.inputs_of(operator), *subgraph.outputs_of(operator)):
        if tensor is None or tensor.is_variable or tensor.index in constants:
            continue
        yield tensor


def _islands(steps: Sequence[_Step], boundary: Container[int]) -> list[list[_Step]]:
    """Return the groups of operators that hand floats to each other.

    Of a group that computes, those operators are returned that do; of one that only
    moves floats between integers, all.
    """
    groups = _groups([step for step in steps if step.floats])
    islands = []
    for group in groups:
        computing = [step for step in group if not moves(step.operator)]
        touches = any(
            tensor.index in boundary for step in group for tensor in step.floats
        )
        if computing:
            islands.append(computing)
        elif not touches:
            islands.append(group)
    return islands


def _groups(steps: Sequence[_Step]) -> list[list[_Step]]:
    """Return the steps in groups that share float tensors (union by tensors)."""
    parent: dict[int, int] = {}

    def root(tensor: int) -> int:
        while parent.setdefault(tensor, tensor) != tensor:
            parent[tensor] = parent[parent[tensor]]
            tensor = parent[tensor]
        return tensor

    for step in steps:
        first, *others = (tensor.index for tensor in step.floats)
        for other in others:
            parent[root(other)] = root(first)
    groups: dict[int, list[_Step]] = {}
    for step in steps:
        groups.setdefault(root(step.floats[0].index), []).append(step)
    return list(groups.values())
