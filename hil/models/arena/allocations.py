"""Everything that TFLite Micro allocates for a model, in its order and alignment.

An arena is filled from both ends. From the end down, for good: the interpreter's own
structures, one for each tensor and operator, and what kernels keep. From the start up,
in turns: activations and scratch buffers. This makes the allocations of
RecordingMicroAllocator and MicroInterpreter (tflite-micro 90b983c, August 2026), so the
sums are theirs. Start and size of the arena are taken to be multiples of 16 bytes;
otherwise up to 15 are lost at each end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from hil.models.arena.greedy import ALIGNMENT_BYTES, Buffer, aligned
from hil.models.arena.kernels import Needs, needs_of
from hil.models.schema import TYPE_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.models.arena.cmsis_nn import CmsisNn
    from hil.models.arena.layout import Layout
    from hil.models.graph import Graph, Operator, SubGraph, Tensor

_REQUESTS_AHEAD = 12  # scratch requests that there is always room for
_PLAN_ENTRY_BYTES = 40  # of the greedy planner, for each buffer, on 32 and 64 bits
_OFFLINE_PLAN = "OfflineMemoryAllocation"
_OFFLINE_HEAD_BYTES = 12
# Kernels look at their tensors in up to two passes, and each pass describes them anew.
_PASSES = 2
_ONE_PASS = frozenset({"FULLY_CONNECTED"})


class Kind(StrEnum):
    """What bytes of an arena are for; the first six as TFLite Micro records them."""

    EVAL_TENSORS = "eval_tensors"
    TENSORS = "tensors"
    QUANTIZATION = "quantization"
    BUFFERS = "buffers"
    VARIABLES = "variables"
    NODES = "nodes"
    OPTIONS = "options"
    SCRATCH_HANDLES = "scratch_handles"
    INTERPRETER = "interpreter"
    RECORDER = "recorder"


@dataclass(slots=True)
class Tail:
    """The end of the arena: `used` bytes from the end down, by what they are for."""

    used: int = 0
    kinds: dict[Kind, int] = field(default_factory=dict)

    def take(self, kind: Kind, size: int, alignment: int = ALIGNMENT_BYTES) -> None:
        """Allocate *size* bytes below what is used."""
        used = aligned(self.used + size, alignment)
        self.kinds[kind] = self.kinds.get(kind, 0) + used - self.used
        self.used = used


class Allocations:
    """The allocations for one model; `unknown` are operators whose kernels are not."""

    def __init__(self, graph: Graph, layout: Layout, cmsis_nn: CmsisNn | None) -> None:
        """Find out what each operator keeps."""
        self._graph = graph
        self._layout = layout
        self._main = graph.subgraphs[0]
        self._offline = _offline_plan(graph)
        unknown: dict[str, None] = {}  # in the order of the file
        self._needs: list[list[Needs]] = []
        for subgraph in graph.subgraphs:
            row = []
            for operator in subgraph.operators:
                needs = needs_of(subgraph, operator, layout, cmsis_nn)
                if needs is None:
                    unknown[operator.name] = None
                row.append(needs or Needs(options=None, data=None))
            self._needs.append(row)
        self.unknown = tuple(unknown)

    def persistent(self, *, recording: bool) -> tuple[Tail, int]:
        """Return what is kept for good, and the most that is in use on the way."""
        tail, pointer = Tail(), self._layout.pointer
        self._start(tail, recording=recording)
        peak = self._prepare(tail)
        scratch = sum(len(needs.scratch) for row in self._needs for needs in row)
        if scratch:
            tail.take(Kind.SCRATCH_HANDLES, pointer * scratch, pointer)
        for tensor, offset in self._tensors():
            if tensor.is_variable and offset is None:
                tail.take(Kind.VARIABLES, _size(tensor))
        peak = max(peak, self._planning(tail, scratch))
        for indices in (self._main.inputs, self._main.outputs):
            tail.take(Kind.BUFFERS, pointer * len(indices))
            for index in indices:
                self._describe(tail, self._main.tensors[index])
        return tail, peak

    def buffers(self) -> list[Buffer]:
        """Return what the planner has to place: activations and scratch buffers."""
        lives = _lives(self._main)
        found = []
        for position, (tensor, offset) in enumerate(self._tensors()):
            is_planned = not tensor.is_variable or offset is not None
            if tensor.is_constant or not is_planned or not _size(tensor):
                continue
            first, last = (-1, -1)  # of other subgraphs, and of what nobody uses
            if position < len(self._main.tensors):
                first, last = lives.get(position, (-1, -1))
            found.append(
                Buffer(size_bytes=_size(tensor), first=first, last=last, offset=offset)
            )
        for step, needs in enumerate(self._needs[0], start=1):
            found += [
                Buffer(size_bytes=n, first=step, last=step) for n in needs.scratch
            ]
        return found

    def _start(self, tail: Tail, *, recording: bool) -> None:
        """The interpreter's own, tensors, operators, options, data of the kernels."""
        layout, subgraphs = self._layout, self._graph.subgraphs
        for size in (
            layout.buffer_allocator if recording else layout.plain_buffer_allocator,
            layout.planner,
            layout.allocator if recording else layout.plain_allocator,
            layout.options_allocator,
            layout.subgraph * len(subgraphs),
        ):
            tail.take(Kind.INTERPRETER, size, layout.pointer)
        for subgraph in subgraphs:
            size = layout.eval_tensor * len(subgraph.tensors)
            tail.take(Kind.EVAL_TENSORS, size, layout.pointer)
        for subgraph in subgraphs:
            size = layout.node * len(subgraph.operators)
            tail.take(Kind.NODES, size, layout.pointer)
        every = [needs for row in self._needs for needs in row]
        for needs in every:
            if needs.options is not None:
                tail.take(Kind.OPTIONS, *needs.options)
        for needs in every:
            if needs.data is not None:
                tail.take(Kind.BUFFERS, needs.data)

    def _prepare(self, tail: Tail) -> int:
        """What kernels keep; return the most that is in use while one prepares."""
        peak, requests = 0, _REQUESTS_AHEAD
        for subgraph, row in zip(self._graph.subgraphs, self._needs, strict=True):
            for operator, needs in zip(subgraph.operators, row, strict=True):
                for size in needs.buffers:
                    tail.take(Kind.BUFFERS, size)
                head = requests * self._layout.scratch_request
                passes = 1 if operator.name in _ONE_PASS else _PASSES
                described = passes * self._described(subgraph, operator)
                peak = max(peak, tail.used + head + described)
                requests += len(needs.scratch)
        return peak

    def _planning(self, tail: Tail, scratch: int) -> int:
        """Return what is in use while the activations are planned."""
        layout = self._layout
        entries = scratch + sum(len(sub.tensors) for sub in self._graph.subgraphs)
        used = (
            (_REQUESTS_AHEAD + scratch) * layout.scratch_request
            + layout.pointer * len(self._graph.subgraphs)
            + layout.allocation_info * entries
        )
        plan = _PLAN_ENTRY_BYTES * len(self.buffers())
        return aligned(used) + plan + aligned(tail.used)

    def _described(self, subgraph: SubGraph, operator: Operator) -> int:
        """Return the bytes of the structures that describe the operator's tensors."""
        found = [*subgraph.inputs_of(operator), *subgraph.outputs_of(operator)]
        tail = Tail()
        for tensor in found:
            if tensor is not None:
                self._describe(tail, tensor)
        return tail.used

    def _describe(self, tail: Tail, tensor: Tensor) -> None:
        layout, quantization = self._layout, tensor.quantization
        tail.take(Kind.TENSORS, layout.tensor, layout.pointer)
        if quantization and quantization.scales and quantization.zero_points:
            tail.take(Kind.QUANTIZATION, layout.quantization, layout.pointer)
            tail.take(Kind.QUANTIZATION, 4 + 4 * len(quantization.scales), 4)

    def _tensors(self) -> Iterator[tuple[Tensor, int | None]]:
        """Yield each tensor with its place, where the file says one."""
        position = 0
        for subgraph in self._graph.subgraphs:
            for tensor in subgraph.tensors:
                given = self._offline[position] if self._offline else -1
                yield tensor, given if given >= 0 else None
                position += 1


def _size(tensor: Tensor) -> int:
    """Return the bytes of a tensor; of int4 each element takes one."""
    return max(0, tensor.elements) * -(-TYPE_BITS[tensor.type] // 8)


def _lives(main: SubGraph) -> dict[int, tuple[int, int]]:
    """Return the first and last step of each tensor; operator 0 is step 1."""
    lives = dict.fromkeys(main.inputs, (0, 0))
    for step, operator in enumerate(main.operators, start=1):
        for index in operator.outputs:
            lives[index] = lives.get(index, (step, step))[0], step
        for index in operator.inputs:
            if index >= 0:
                lives[index] = lives.get(index, (-1, step))[0], step
    end = len(main.operators)
    for index in main.outputs:
        lives[index] = lives.get(index, (end, end))[0], end
    return lives


def _offline_plan(graph: Graph) -> Sequence[int]:
    """Return the places that the file's own plan gives, -1 where it leaves it open."""
    data = graph.metadata.get(_OFFLINE_PLAN, b"")[_OFFLINE_HEAD_BYTES:]
    count = sum(len(subgraph.tensors) for subgraph in graph.subgraphs)
    # TFLite Micro refuses a plan of another length.
    return struct.unpack(f"<{count}i", data) if len(data) == 4 * count else ()
