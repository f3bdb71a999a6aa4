"""Whether a shrunk file says all that runtimes read, found out by reading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import ModelError
from hil.models.label import label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.models.graph import Graph, Operator, Quantization, SubGraph, Tensor


def require_same(before: Graph, after: Graph, *, where: str) -> None:
    """Raise ModelError unless both graphs compute the same of the same constants.

    Names, the numbers of tensors and buffers, and whether one scale stands once or
    for each channel, may differ.
    """
    old, new = list(_facts(before)), list(_facts(after))
    for wanted, found in zip(old, new, strict=False):
        if wanted != found:
            raise _differs(where, f"{found[0]}", f"{wanted[0]}")
    if len(old) != len(new):
        raise _differs(where, f"{len(new)} facts", f"{len(old)} facts")


def _differs(where: str, found: str, wanted: str) -> ModelError:
    return ModelError(
        "the shrunk model would not be the same model, so it is not written",
        where=where,
        found=found,
        allowed=wanted,
        remedy="please report this model: it is a fault in hil",
    )


def _facts(graph: Graph) -> Iterator[tuple[str, object]]:
    """Yield all that must stay, each with words for the error."""
    verdict = label(graph)
    yield f"label {verdict.text}", (verdict.kind, verdict.boundary, verdict.text)
    for subgraph in graph.subgraphs:
        at = f"subgraph {subgraph.index}"
        for side in (subgraph.inputs, subgraph.outputs):
            for index in side:
                yield f"{at}, boundary", _tensor(graph, subgraph.tensors[index])
        wires = _Wires()
        for operator in subgraph.operators:
            words = f"{at}, operator {operator.index} {operator.name}"
            yield words, _operator(graph, subgraph, operator)
            yield f"{words}, wiring", wires.of(operator)
        yield f"{at}, boundary's wiring", wires.of_boundary(subgraph)


class _Wires:
    """Who is joined with whom, by the order in which tensors are first met."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}

    def of(self, operator: Operator) -> object:
        return self._row(operator.inputs), self._row(operator.outputs)

    def of_boundary(self, subgraph: SubGraph) -> object:
        return self._row(subgraph.inputs), self._row(subgraph.outputs)

    def _row(self, indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(
            -1 if index < 0 else self._met.setdefault(index, len(self._met))
            for index in indices
        )


def _operator(graph: Graph, subgraph: SubGraph, operator: Operator) -> object:
    tensors = (*subgraph.inputs_of(operator), *subgraph.outputs_of(operator))
    return (
        operator.name,
        operator.is_custom,
        operator.version,
        dict(operator.options),
        tuple(None if tensor is None else _tensor(graph, tensor) for tensor in tensors),
    )


def _tensor(graph: Graph, tensor: Tensor) -> object:
    return (
        tensor.type,
        tensor.shape,
        tensor.shape_signature,
        tensor.is_variable,
        tensor.is_sparse,
        _scales(tensor.quantization),
        graph.data_of(tensor),
    )


def _scales(quantization: Quantization | None) -> object:
    """Return the scales; one that holds for all channels counts as one."""
    if quantization is None:
        return None
    pairs = list(zip(quantization.scales, quantization.zero_points, strict=True))
    if len(set(pairs)) <= 1:
        return pairs[:1], quantization.details
    return pairs, quantization.axis, quantization.details
