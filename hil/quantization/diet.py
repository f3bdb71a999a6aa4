"""Flash diet: a .tflite without what no kernel reads.

Dropped are names, metadata, minima and maxima, empty and repeated buffers, tensors and
operator codes that nothing uses. Nothing here may change an answer; that it does not
is proved in hil.quantization.diet_proof.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from hil.errors import ModelError
from hil.models.graph import read_graph
from hil.quantization.diet_pack import frozen, pack
from hil.quantization.diet_same import require_same
from hil.quantization.diet_scales import collapse_equal_scales

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

    from hil.models.graph import Graph

# Metadata that a runtime reads: TFLite Micro's plan of the arena, which counts tensors
# by their index, and the leave to compute in float16.
_OFFLINE_PLAN = b"OfflineMemoryAllocation"
_READ_BY_RUNTIMES = frozenset({_OFFLINE_PLAN, b"reduced_precision_support"})
_DATA_BEHIND_TABLES = 1  # larger offsets lead to data that stand behind the tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Slim:
    """The smaller file, and what was done: each entry a count and what it counts."""

    data: bytes
    done: tuple[str, ...]


def slim(
    model: bytes,
    *,
    where: str,
    keep_names: bool = False,
    drop_signatures: bool = False,
) -> Slim:
    """Return *model* without what no kernel reads.

    Raises ModelError for a model that is not sound, or that has parts which this
    schema does not know or cannot write: dropping those would not be ours to decide.
    """
    graph = read_graph(model, where)
    tree = read_tree(model, graph, where)
    done: Counter[str] = Counter()
    collapsed = collapse_equal_scales(tree, graph)
    done["tensors' equal scales made one"] = len(collapsed)
    if not keep_names:
        _drop_names(tree, done)
    if drop_signatures:
        done["signatures"] = len(tree.signatureDefs or [])
        tree.signatureDefs = None
    _drop_metadata(tree, done)
    _drop_ranges(tree, done)
    _drop_tensors(tree, done)
    _drop_codes(tree, done)
    _drop_buffers(tree, done)
    data = pack(tree)
    require_same(graph, read_graph(data, f"{where}, shrunk"), where=where)
    told = tuple(f"{count:,} {what}" for what, count in done.items() if count)
    return Slim(data=data, done=told)


def read_tree(model: bytes, graph: Graph, where: str) -> schema.ModelT:
    """Return the objects of a verified model, or ModelError if not all fit in them."""
    if graph.unknown_fields:
        raise ModelError(
            "the model has fields that this version of the schema does not know",
            where=where,
            found=", ".join(graph.unknown_fields[:4]),
            remedy="a newer hil may know them",
        )
    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    far = any(buffer.offset > _DATA_BEHIND_TABLES for buffer in tree.buffers) or any(
        operator.largeCustomOptionsOffset > _DATA_BEHIND_TABLES
        for subgraph in tree.subgraphs
        for operator in subgraph.operators or []
    )
    if far or tree.externalBuffers:
        raise ModelError(
            "the model keeps data behind its tables, as files above 2 GB do",
            where=where,
            found="a buffer with an offset",
            allowed="data inside the tables",
        )
    return tree


def _drop_names(tree: schema.ModelT, done: MutableMapping[str, int]) -> None:
    for subgraph in tree.subgraphs:
        for tensor in subgraph.tensors or []:
            done["tensor names"] += bool(tensor.name)
            tensor.name = None
        done["subgraph names"] += bool(subgraph.name)
        subgraph.name = None
    done["description"] += bool(tree.description)
    tree.description = None


def _drop_metadata(tree: schema.ModelT, done: MutableMapping[str, int]) -> None:
    kept = []
    for entry in tree.metadata or []:
        if entry.name in _READ_BY_RUNTIMES:
            kept.append(entry)
        else:
            name = (entry.name or b"").decode(errors="replace")
            done[f"metadata {name!r}"] += 1
    tree.metadata = kept or None
    tree.metadataBuffer = None
    for subgraph in tree.subgraphs:
        # They lead into the metadata that has just gone; -1 is the schema's "none".
        subgraph.debugMetadataIndex = -1
        for operator in subgraph.operators or []:
            operator.debugMetadataIndex = -1


def _drop_ranges(tree: schema.ModelT, done: MutableMapping[str, int]) -> None:
    for subgraph in tree.subgraphs:
        for tensor in subgraph.tensors or []:
            quantization = tensor.quantization
            if quantization is None:
                continue
            done["tensors' minima and maxima"] += not (
                _is_empty(quantization.min) and _is_empty(quantization.max)
            )
            quantization.min = quantization.max = None
            if _is_empty(quantization.scale) and quantization.details is None:
                tensor.quantization = None


def _drop_tensors(tree: schema.ModelT, done: MutableMapping[str, int]) -> None:
    """Drop the tensors that nothing uses and count the others anew."""
    names = {entry.name for entry in tree.metadata or []}
    if _OFFLINE_PLAN in names:
        return
    for index, subgraph in enumerate(tree.subgraphs):
        tensors = subgraph.tensors or []
        if any(t.quantization and t.quantization.details for t in tensors):
            continue  # blockwise schemes name further tensors
        signatures = [s for s in tree.signatureDefs or [] if s.subgraphIndex == index]
        used = {int(i) for _, row in _index_lists(subgraph) for i in row if i >= 0} | {
            m.tensorIndex for s in signatures for m in _maps(s)
        }
        order = sorted(used)
        place = {old: new for new, old in enumerate(order)} | {-1: -1}
        done["unused tensors"] += len(tensors) - len(order)
        subgraph.tensors = [tensors[old] for old in order]
        for (owner, name), row in list(_index_lists(subgraph)):
            renumbered = [place[int(old)] for old in row]
            setattr(owner, name, np.asarray(renumbered, np.int32))
        for signature in signatures:
            for entry in _maps(signature):
                entry.tensorIndex = place[entry.tensorIndex]


def _drop_codes(tree: schema.ModelT, done: MutableMapping[str, int]) -> None:
    """Drop operator codes that are unused or that say the same as another."""
    codes = tree.operatorCodes or []
    kept: dict[object, int] = {}
    order: list[schema.OperatorCodeT] = []
    for subgraph in tree.subgraphs:
        for operator in subgraph.operators or []:
            code = codes[operator.opcodeIndex]
            key = frozen(code)
            if key not in kept:
                kept[key] = len(order)
                order.append(code)
            operator.opcodeIndex = kept[key]
    done["unused operator codes"] += len(codes) - len(order)
    tree.operatorCodes = order


def _drop_buffers(tree: schema.ModelT, done: MutableMapping[str, int]) -> None:
    """Drop unused and repeated buffers; buffer 0 stays, it stands for "no data"."""
    old = tree.buffers
    kept: dict[bytes | None, int] = {None: 0}
    order = [schema.BufferT()]

    def moved(index: int, *, alone: bool = False) -> int:
        data = old[index].data
        content = None if data is None else np.asarray(data, np.uint8).tobytes()
        if content in kept and not (alone and content):
            return kept[content]
        order.append(old[index])
        if alone:
            return len(order) - 1
        kept[content] = len(order) - 1
        return kept[content]

    for subgraph in tree.subgraphs:
        for tensor in subgraph.tensors:
            # A variable is written to, so it shares its first value with nobody.
            tensor.buffer = moved(tensor.buffer, alone=bool(tensor.isVariable))
    for entry in tree.metadata or []:
        entry.buffer = moved(entry.buffer)
    done["unused or repeated buffers"] += len(old) - len(order)
    tree.buffers = order


def _index_lists(
    subgraph: schema.SubGraphT,
) -> Iterator[tuple[tuple[object, str], Sequence[int]]]:
    """Yield each list of tensor indices, with the object and field that hold it."""
    for name in ("inputs", "outputs"):
        if getattr(subgraph, name) is not None:
            yield (subgraph, name), getattr(subgraph, name)
    for operator in subgraph.operators or []:
        for name in ("inputs", "outputs", "intermediates"):
            if getattr(operator, name) is not None:
                yield (operator, name), getattr(operator, name)


def _maps(signature: schema.SignatureDefT) -> list[schema.TensorMapT]:
    return [*(signature.inputs or []), *(signature.outputs or [])]


def _is_empty(values: Sequence[float] | None) -> bool:
    return values is None or len(values) == 0
