"""A model that gives out what its layers compute, beside its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flatbuffers
import numpy as np

from hil.models.schema import IDENTIFIER
from hil.quantization.diet import read_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.models.graph import Graph, Operator


def layers(graph: Graph) -> tuple[tuple[Operator, int], ...]:
    """Return each operator of the main subgraph with the tensors that it computes."""
    main = graph.subgraphs[0]
    return tuple(
        (operator, index) for operator in main.operators for index in operator.outputs
    )


def expose(model: bytes, graph: Graph, tensors: Sequence[int], *, where: str) -> bytes:
    """Return a copy of *model* whose outputs are *tensors*, in their order.

    Engines keep what is an output: a delegate hands it out, an arena does not reuse
    its memory. Nothing that is computed changes, which who runs the copy must check
    by the answer. Raises ModelError where the file holds what cannot be copied.
    """
    tree = read_tree(model, graph, where)
    tree.subgraphs[0].outputs = np.array(tensors, dtype=np.int32)
    tree.signatureDefs = None  # they name outputs, too
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
