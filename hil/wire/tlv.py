"""Lists of (key u8, length u8, value); readers skip the keys that they do not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import MalformedFrame

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_VALUE_BYTES = 255


def pack_entries(entries: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the entries one after the other; ValueError if a value is too long."""
    packed = bytearray()
    for key, value in entries:
        if len(value) > LARGEST_VALUE_BYTES:
            raise ValueError(f"the value of key {key} has {len(value)} bytes, not 255")
        packed += bytes((key, len(value))) + value
    return bytes(packed)


def unpack_entries(data: bytes) -> dict[int, bytes]:
    """Return the values by key, the last one where a key stands twice.

    Raises MalformedFrame where an entry is cut off.
    """
    entries: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        start = position + 2
        end = start + data[position + 1] if start <= len(data) else start
        if end > len(data):
            raise MalformedFrame(
                "an entry is cut off", found=f"{len(data) - position} bytes at its end"
            )
        entries[data[position]] = data[start:end]
        position = end
    return entries
