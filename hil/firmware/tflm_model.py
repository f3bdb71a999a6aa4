"""What an image with TFLite Micro is made of beside it: model, operators, memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil import __version__
from hil.codegen.c_array import render_c_array
from hil.codegen.op_resolver import resolver_methods
from hil.codegen.source import Provenance, SourceFile
from hil.codegen.templates import render
from hil.engines.tflm import TflmEngine
from hil.firmware.tflm import CMSIS_NN
from hil.models.arena.cmsis_nn import CmsisNn
from hil.models.arena.prediction import Basis, predict_arena
from hil.models.facts import sha256_of
from hil.models.graph import read_graph
from hil.models.label import label
from hil.models.liveness import tensor_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.firmware.tflm import TflmLibrary
    from hil.models.graph import Graph, SubGraph

_NAME: Final = "image"  # in the identifiers of the generated sources
_ALIGNMENT_BYTES = 16
_PREDICTED_BITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class TflmModel:
    """Generated sources, and the memory that they ask of the firmware.

    `slot_bytes` is room in RAM for the largest of the models that the host sends.
    """

    files: tuple[SourceFile, ...]
    arena_bytes: int
    staging_bytes: int
    slot_bytes: int
    methods: tuple[str, ...]


def generate(
    data: bytes,
    path: Path,
    library: TflmLibrary,
    *,
    variant: str,
    others: Sequence[tuple[Path, bytes]] = (),
    preserve_tensors: bool = False,
) -> TflmModel:
    """Return what the image of the model *data* needs that also runs *others*.

    The model itself is in the image; the others come by LOAD_MODEL. Raises ModelError,
    UnsupportedOp where TFLite Micro has no kernel, and ConfigError where the wheel that
    tells the arena is not installed.
    """
    graph = read_graph(data, str(path))
    graphs = [graph, *(read_graph(other, str(at)) for at, other in others)]
    where = [str(path), *(str(at) for at, _ in others)]
    named = zip(graphs, where, strict=True)
    methods = sorted({m for g, at in named for m in resolver_methods(g, at)})
    provenance = _provenance(graph, data, path, variant)
    models = [data, *(other for _, other in others)]
    preserved = [_preserved_bytes(g) if preserve_tensors else 0 for g in graphs]
    arenas = [
        _arena_bytes(model, g, library) + more
        for model, g, more in zip(models, graphs, preserved, strict=True)
    ]
    return TflmModel(
        files=_files(data, provenance, methods),
        arena_bytes=max(arenas),
        staging_bytes=max(_staging_bytes(g.subgraphs[0]) for g in graphs),
        slot_bytes=_aligned(max((len(other) for _, other in others), default=0)),
        methods=tuple(methods),
    )


def _files(
    data: bytes, provenance: Provenance, methods: Sequence[str]
) -> tuple[SourceFile, ...]:
    values = {"name": _NAME, "provenance": provenance, "methods": methods}
    resolver = render("tflm", "op_resolver.h.j2", **values)
    digest = render(
        "tflm",
        "image_sha256.h.j2",
        provenance=provenance,
        sha256=hashlib.sha256(data).digest(),
    )
    return (
        *render_c_array(data, name=_NAME, provenance=provenance),
        SourceFile(name=f"{_NAME}_op_resolver.h", before=resolver),
        SourceFile(name=f"{_NAME}_sha256.h", before=digest),
    )


def _provenance(graph: Graph, data: bytes, path: Path, variant: str) -> Provenance:
    return Provenance(
        model=path.name,
        sha256=sha256_of(data),
        variant=variant,
        size_bytes=len(data),
        label=label(graph).text,
        hil_version=__version__,
    )


def _staging_bytes(subgraph: SubGraph) -> int:
    return sum(tensor_bytes(subgraph.tensors[index]) for index in subgraph.inputs)


def _arena_bytes(data: bytes, graph: Graph, library: TflmLibrary) -> int:
    """Return the smallest arena, or a larger one where a kernel's needs are not known.

    The wheel's arena is larger than a 32-bit core's, since its pointers are.
    """
    if library.bits == _PREDICTED_BITS:
        predicted = predict_arena(graph, cmsis_nn=_cmsis_nn(library))
        if predicted.basis is not Basis.AT_LEAST:
            return _aligned(predicted.smallest_bytes)
    engine = TflmEngine()
    engine.load(data)
    return _aligned(engine.memory()["arena_bytes"] + _ALIGNMENT_BYTES)


def _cmsis_nn(library: TflmLibrary) -> CmsisNn | None:
    if library.kernels != CMSIS_NN:
        return None
    return CmsisNn.MVE if library.has_helium else CmsisNn.DSP


def _preserved_bytes(graph: Graph) -> int:
    """Return what it takes that each tensor has memory of its own."""
    tensors = [t for t in graph.subgraphs[0].tensors if not t.is_constant]
    return sum(_aligned(tensor_bytes(tensor)) for tensor in tensors)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
