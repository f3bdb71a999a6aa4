"""All that a TFLite Micro firmware needs of a model: its array and its operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil import __version__
from hil.codegen.c_array import render_c_array
from hil.codegen.op_resolver import render_op_resolver
from hil.codegen.source import Provenance, SourceFile
from hil.models.facts import sha256_of
from hil.models.graph import read_graph
from hil.models.label import label

if TYPE_CHECKING:
    from pathlib import Path


def generate(
    data: bytes, path: Path, *, name: str | None = None, variant: str = "as-is"
) -> tuple[SourceFile, ...]:
    """Return the `.h`, `.cc` and `_op_resolver.h` of the model *data* from *path*.

    *name* stands in the identifiers; without one it is the file's. Raises ModelError
    for a model that is not sound and UnsupportedOp for operators that TFLite Micro
    does not have.
    """
    graph = read_graph(data, str(path))
    provenance = Provenance(
        model=path.name,
        sha256=sha256_of(data),
        variant=variant,
        size_bytes=len(data),
        label=label(graph).text,
        hil_version=__version__,
    )
    chosen = path.stem if name is None else name
    resolver = render_op_resolver(graph, name=chosen, provenance=provenance)
    return (*render_c_array(data, name=chosen, provenance=provenance), resolver)
