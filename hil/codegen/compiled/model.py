"""A whole model as C: lowered, planned and rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil import __version__
from hil.codegen.compiled.arena import Storage, plan
from hil.codegen.compiled.lowering import lower
from hil.codegen.compiled.render import Constants, Writer, render, size_bytes
from hil.codegen.compiled.site import TYPES
from hil.codegen.source import Provenance, SourceFile
from hil.errors import ModelError, UnsupportedOp
from hil.models.facts import sha256_of
from hil.models.graph import read_graph
from hil.models.label import label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.codegen.compiled.arena import Plan
    from hil.codegen.compiled.program import Step
    from hil.models.graph import SubGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledModel:
    """The generated files and what they cost.

    `arena_bytes` is what the firmware must give; no order of the same tensors can do
    with less than `lower_bound_bytes`. `constant_bytes` are the arrays in flash.
    """

    files: tuple[SourceFile, ...]
    arena_bytes: int
    lower_bound_bytes: int
    constant_bytes: int
    kernels: tuple[str, ...]


def generate(data: bytes, path: Path, *, variant: str = "as-is") -> CompiledModel:
    """Return `hil_model.h` and `hil_model.c` for the model *data* from *path*.

    The same model gives the same bytes. Raises ModelError for a model that is not
    sound and UnsupportedOp for the first operator that there is no kernel for.
    """
    where = str(path)
    graph = read_graph(data, where)
    subgraph = graph.subgraphs[0]
    steps = lower(graph, data, where)
    owners = _owners(steps, subgraph)
    placed = plan(_storages(subgraph, steps, owners, where))
    offsets = {
        tensor: placed.offsets[owner]
        for tensor, owner in owners.items()
        if owner in placed.offsets
    }
    provenance = Provenance(
        model=path.name,
        sha256=sha256_of(data),
        variant=variant,
        size_bytes=len(data),
        label=label(graph).text,
        hil_version=__version__,
    )
    writer = Writer(
        graph=graph,
        subgraph=subgraph,
        offsets=offsets,
        where=where,
        constants=Constants(),
    )
    files = _files(writer, steps, placed, owners=owners, provenance=provenance)
    return CompiledModel(
        files=files,
        arena_bytes=placed.arena_bytes,
        lower_bound_bytes=placed.lower_bound_bytes,
        constant_bytes=writer.constants.size_bytes,
        kernels=tuple(sorted({call.kernel for step in steps for call in step.calls})),
    )


def _files(
    writer: Writer,
    steps: Sequence[Step],
    placed: Plan,
    *,
    owners: Mapping[int, int],
    provenance: Provenance,
) -> tuple[SourceFile, ...]:
    subgraph = writer.subgraph
    functions = writer.functions(steps)
    values = {
        "provenance": provenance,
        "plan": placed,
        "functions": functions,
        "constants": writer.constants,
        "sha256": bytes.fromhex(provenance.sha256),
        "inputs": [writer.row(index) for index in subgraph.inputs],
        "outputs": [writer.row(index) for index in subgraph.outputs],
        "input_numbers": [writer.numbers(index) for index in subgraph.inputs],
        "output_numbers": [writer.numbers(index) for index in subgraph.outputs],
        "tensors": [
            writer.row(
                tensor.index,
                gone=owners.get(tensor.index, -1) not in placed.survivors,
            )
            for tensor in subgraph.tensors
        ],
    }
    return tuple(
        SourceFile(name=name, before=render(f"{name}.j2", **values))
        for name in ("hil_model.h", "hil_model.c")
    )


def _owners(steps: Sequence[Step], subgraph: SubGraph) -> dict[int, int]:
    """Return which tensor's memory each tensor lies in, constants left out."""
    owners: dict[int, int] = {index: index for index in subgraph.inputs}
    for operator, step in zip(subgraph.operators, steps, strict=True):
        owners.update((index, index) for index in operator.outputs)
        if step.alias is not None:
            target, source = step.alias
            owners[target] = owners.get(source, source)
    return owners


def _storages(
    subgraph: SubGraph, steps: Sequence[Step], owners: Mapping[int, int], where: str
) -> list[Storage]:
    """Return when each piece of memory is needed; inputs are there from the start."""
    first = dict.fromkeys(subgraph.inputs, -1)
    last = dict.fromkeys(subgraph.inputs, -1)
    sizes: dict[int, int] = {}
    for operator, step in zip(subgraph.operators, steps, strict=True):
        reads = [index for call in step.calls for index in call.inputs]
        reads += [step.alias[1]] if step.alias is not None else []
        for index in reads:
            if subgraph.tensors[index].is_constant:
                continue
            if owners.get(index) not in first:
                raise ModelError(
                    f"tensor {index} is read before anything is written to it",
                    where=f"{where}: operator {operator.index}",
                    remedy="convert the model again",
                )
            last[owners[index]] = operator.index
        for index in operator.outputs:
            first.setdefault(owners[index], operator.index)
            last[owners[index]] = operator.index
    for index in subgraph.outputs:
        if owners.get(index) not in first:
            raise UnsupportedOp(
                "the compiled engine has no model whose output is a constant",
                where=f"{where}: tensor {index}",
                remedy="LiteRT runs it on this machine (engine litert)",
            )
        last[owners[index]] = len(steps)
    for index, owner in owners.items():
        if subgraph.tensors[index].type not in TYPES:
            raise UnsupportedOp(
                f"the compiled engine has no tensors of {subgraph.tensors[index].type}",
                where=f"{where}: tensor {index}",
                remedy="LiteRT runs it on this machine (engine litert)",
            )
        sizes[owner] = max(sizes.get(owner, 0), size_bytes(subgraph.tensors[index]))
    return [
        Storage(key=key, size_bytes=sizes[key], first=first[key], last=last[key])
        for key in sorted(first)
    ]
