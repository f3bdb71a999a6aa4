"""The lines of a records.jsonl with their places, read as a stream."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A whole line with its line end; `offset` in bytes, `number` from 1."""

    offset: int
    number: int
    data: bytes


class Prefix:
    """The first bytes of a file: how many, how many lines, and what they were."""

    def __init__(self) -> None:
        """Begin with no bytes at all."""
        self.size_bytes = 0
        self.lines = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The sha256 of the bytes so far, in hex."""
        return self._digest.copy().hexdigest()

    def add(self, data: bytes) -> None:
        """Take the bytes that follow."""
        self.size_bytes += len(data)
        self.lines += data.count(b"\n")
        self._digest.update(data)


def read_prefix(file: BinaryIO, size_bytes: int) -> Prefix:
    """Return the first *size_bytes* of *file*, or as many as there are."""
    prefix = Prefix()
    file.seek(0)
    while size := min(_CHUNK_BYTES, size_bytes - prefix.size_bytes):
        data = file.read(size)
        if not data:
            break
        prefix.add(data)
    return prefix


def whole_lines(file: BinaryIO, *, after: Prefix) -> Iterator[Line]:
    """Yield the lines behind *after*, without one at the end that is cut.

    *after* is not moved: its owner adds a line when it has been dealt with.
    """
    offset, number = after.size_bytes, after.lines
    file.seek(offset)
    for data in file:
        if not data.endswith(b"\n"):
            return
        number += 1
        yield Line(offset=offset, number=number, data=data)
        offset += len(data)
