"""The arena that TFLite Micro needs for a model on a 32-bit core, told from the file.

Exact where the kernels of all operators are known. Where they are not, the file alone
gives a lower bound, and with what TFLite Micro's wheel measured on this 64-bit host an
upper one: on 32 bits no structure is larger, and the planner has the same to place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from hil.models.arena.allocations import Allocations, Kind
from hil.models.arena.greedy import aligned, planned_bytes
from hil.models.arena.layout import CORTEX_M, WHEEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.models.arena.cmsis_nn import CmsisNn
    from hil.models.arena.layout import Layout
    from hil.models.graph import Graph


class Basis(StrEnum):
    """How far a figure is known."""

    EXACT = "exact"
    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArenaPrediction:
    """What TFLite Micro needs, with the allocator that records what it is used for.

    `kinds` sum up to `persistent_bytes`, and are empty where only the sum is bounded;
    an image without the recorder needs `kinds[Kind.RECORDER]` less. `smallest_bytes`
    is the smallest arena in which a model can be set up, at most: of small models the
    planning takes more than is in use afterwards. `unknown` names the operators whose
    kernels are not known.
    """

    basis: Basis
    persistent_bytes: int
    nonpersistent_bytes: int
    smallest_bytes: int
    kinds: Mapping[Kind, int]
    unknown: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int:
        """What `arena_used_bytes()` gives."""
        return self.persistent_bytes + self.nonpersistent_bytes


def predict_arena(
    graph: Graph, layout: Layout = CORTEX_M, *, cmsis_nn: CmsisNn | None = None
) -> ArenaPrediction:
    """Return what *graph* needs by the file alone, with the reference kernels.

    With *cmsis_nn* it is an upper bound for CMSIS-NN's kernels on such a Cortex-M.
    """
    allocations = Allocations(graph, layout, cmsis_nn)
    head, is_planned = planned_bytes(allocations.buffers())
    tail, peak = allocations.persistent(recording=True)
    plain, _ = allocations.persistent(recording=False)
    kinds = {kind: tail.kinds.get(kind, 0) for kind in Kind}
    kinds[Kind.RECORDER] = tail.used - plain.used
    kinds[Kind.INTERPRETER] -= kinds[Kind.RECORDER]
    basis = Basis.EXACT if is_planned and cmsis_nn is None else Basis.AT_MOST
    return ArenaPrediction(
        basis=Basis.AT_LEAST if allocations.unknown else basis,
        persistent_bytes=tail.used,
        nonpersistent_bytes=head,
        smallest_bytes=aligned(max(peak, tail.used + head)),
        kinds=kinds,
        unknown=allocations.unknown,
    )


def confirmed_arena(graph: Graph, measured: Mapping[str, int]) -> ArenaPrediction:
    """Return the prediction if the wheel bears it out, else what it is at most.

    *measured* is what hil.engines.tflm tells of the memory. The same prediction for the
    wheel's own structure sizes must give these figures, to the byte.
    """
    prediction, host = predict_arena(graph), predict_arena(graph, WHEEL)
    tail = measured["arena_persistent_bytes"]
    head = measured["arena_nonpersistent_bytes"]
    agrees = (tail, head) == (host.persistent_bytes, host.nonpersistent_bytes)
    if agrees and prediction.basis is Basis.EXACT:
        return prediction
    unseen = max(0, tail - host.persistent_bytes)
    return replace(
        prediction,
        basis=Basis.AT_MOST,
        persistent_bytes=tail,
        nonpersistent_bytes=head,
        smallest_bytes=aligned(max(host.smallest_bytes + unseen, tail + head)),
        kinds={},
    )
