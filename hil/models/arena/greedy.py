"""Where TFLite Micro's greedy planner puts buffers, and how far the last one reaches.

The order counts: buffers with a place of their own first, then the large before the
small, and of two equal ones the later first. Each goes into the first gap, by offset,
among those that live at the same time (tflite-micro 90b983c, greedy_memory_planner).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIGNMENT_BYTES = 16
_MOST_BUFFERS = 2000  # placing them takes the square of this, here and on the device


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """Bytes that are needed from one step to another; `offset` where it is given."""

    size_bytes: int
    first: int
    last: int
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    offset: int
    buffer: Buffer

    @property
    def end(self) -> int:
        return self.offset + self.buffer.size_bytes


_BY_OFFSET = attrgetter("offset")


def planned_bytes(buffers: Sequence[Buffer]) -> tuple[int, bool]:
    """Return the bytes that the plan takes, and whether that is exact.

    Of very many buffers no plan is made: then it is the sum of all, an upper bound.
    """
    fixed = [_Placed(b.offset, _whole(b)) for b in buffers if b.offset is not None]
    free = [_whole(buffer) for buffer in buffers if buffer.offset is None]
    if len(buffers) > _MOST_BUFFERS:
        given = max((place.end for place in fixed), default=0)
        return given + sum(buffer.size_bytes for buffer in free), False
    placed = sorted(fixed, key=_BY_OFFSET)
    free.reverse()
    free.sort(key=lambda buffer: -buffer.size_bytes)
    for buffer in free:
        place = _Placed(_first_gap(placed, buffer), buffer)
        placed.insert(bisect_right(placed, place.offset, key=_BY_OFFSET), place)
    return max((place.end for place in placed), default=0), True


def _first_gap(placed: Sequence[_Placed], wanted: Buffer) -> int:
    offset = 0
    for place in placed:
        if place.buffer.first > wanted.last or wanted.first > place.buffer.last:
            continue
        if place.offset - offset >= wanted.size_bytes:
            break
        offset = max(offset, place.end)
    return offset


def _whole(buffer: Buffer) -> Buffer:
    return replace(buffer, size_bytes=aligned(buffer.size_bytes))


def aligned(size: int, alignment: int = ALIGNMENT_BYTES) -> int:
    """Return *size* rounded up to a multiple of *alignment*."""
    return -(-size // alignment) * alignment
