"""Where each tensor lies in the one arena: planned when the code is generated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALIGNMENT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Memory that is needed from step `first` to step `last`, both included."""

    key: int
    size_bytes: int
    first: int
    last: int

    def meets(self, other: Storage) -> bool:
        """Return whether both are needed at one time."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Offsets by key, the bytes of the arena, and what no plan could be below."""

    offsets: Mapping[int, int]
    arena_bytes: int
    lower_bound_bytes: int
    survivors: frozenset[int]  # keys whose memory nothing is written to later


def plan(storages: Sequence[Storage]) -> Plan:
    """Place the largest first, each as low as those already placed let it."""
    offsets: dict[int, int] = {}
    placed: list[Storage] = []
    for storage in sorted(storages, key=lambda s: (-s.size_bytes, s.first, s.key)):
        offsets[storage.key] = _lowest(storage, placed, offsets)
        placed.append(storage)
    ends = [offsets[storage.key] + _rounded(storage.size_bytes) for storage in storages]
    return Plan(
        offsets=offsets,
        arena_bytes=max(ends, default=0),
        lower_bound_bytes=_lower_bound(storages),
        survivors=frozenset(
            storage.key
            for storage in storages
            if not any(_overwrites(late, storage, offsets) for late in storages)
        ),
    )


def _lowest(
    storage: Storage, placed: Sequence[Storage], offsets: Mapping[int, int]
) -> int:
    taken = sorted(
        (offsets[other.key], offsets[other.key] + _rounded(other.size_bytes))
        for other in placed
        if other.meets(storage)
    )
    offset = 0
    for begin, end in taken:
        if offset + _rounded(storage.size_bytes) <= begin:
            break
        offset = max(offset, end)
    return offset


def _lower_bound(storages: Sequence[Storage]) -> int:
    """Return the most bytes that are needed at one time."""
    times = {storage.first for storage in storages}
    return max(
        (
            sum(_rounded(s.size_bytes) for s in storages if s.first <= time <= s.last)
            for time in times
        ),
        default=0,
    )


def _overwrites(late: Storage, early: Storage, offsets: Mapping[int, int]) -> bool:
    begin, other = offsets[early.key], offsets[late.key]
    return (
        late.first > early.first
        and other < begin + early.size_bytes
        and begin < other + late.size_bytes
    )


def _rounded(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
