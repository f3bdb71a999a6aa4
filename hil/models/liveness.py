"""How many bytes of activations a model needs at one time, whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.models.schema import TYPE_BITS

if TYPE_CHECKING:
    from hil.models.graph import Graph, SubGraph, Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The most bytes that are alive at once, and the operator that they are for.

    A runtime that computes the main subgraph's operators in the order of the file, and
    none of them in the memory of its own input, needs an arena of at least this.
    """

    size_bytes: int
    operator: int


def tensor_bytes(tensor: Tensor) -> int:
    """Return the bytes of the tensor's values; open sizes count as stored."""
    return -(-tensor.elements * TYPE_BITS[tensor.type] // 8)


def peak_of(graph: Graph) -> Peak:
    """Return the peak of the main subgraph's activations."""
    main = graph.subgraphs[0]
    end = len(main.operators)
    # What begins to live before an operator, less what ended: one pass over both.
    change = [0] * (end + 2)
    for index, (first, last) in _lives(main).items():
        tensor = main.tensors[index]
        if not tensor.is_constant and not tensor.is_variable:
            change[first] += tensor_bytes(tensor)
            change[last + 1] -= tensor_bytes(tensor)
    best, alive = Peak(size_bytes=0, operator=0), 0
    for position in range(end):
        alive += change[position]
        if alive > best.size_bytes:
            best = Peak(size_bytes=alive, operator=position)
    return best


def _lives(main: SubGraph) -> dict[int, tuple[int, int]]:
    """Return the first and the last operator that each activation is needed for."""
    end = len(main.operators)
    lives = dict.fromkeys(main.inputs, (0, 0))
    for operator in main.operators:
        for index in operator.outputs:
            lives.setdefault(index, (operator.index, operator.index))
        for index in operator.inputs:
            if index in lives:
                lives[index] = lives[index][0], operator.index
    for index in main.outputs:
        if index in lives:
            lives[index] = lives[index][0], end
    return lives
