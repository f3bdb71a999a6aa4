"""The protobuf wire format, read field by field; bytes that are no message are refused.

Format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from hil.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_VARINT_BYTES = 10  # of 7 bits each: enough for 64
_WORD = 2**64
_SIGN = 2**63
_SIZES = {FIXED64: 8, FIXED32: 4}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its number, its wire type, and a number or a view of its bytes."""

    number: int
    wire: int
    number_value: int
    view: memoryview

    @property
    def signed(self) -> int:
        """The value of an int32 or int64."""
        value = self.number_value
        return value - _WORD if value >= _SIGN else value

    @property
    def real(self) -> float:
        """The value of a float or double; NaN for another wire type."""
        if self.wire == FIXED32:
            return float(struct.unpack("<f", self.view)[0])
        if self.wire == FIXED64:
            return float(struct.unpack("<d", self.view)[0])
        return float("nan")

    @property
    def text(self) -> str:
        """The value of a string; bytes that are no UTF-8 become U+FFFD."""
        return bytes(self.view).decode("utf-8", "replace")


def fields(message: memoryview, where: str) -> Iterator[Field]:
    """Yield the fields of *message* in their order; ModelError where it is damaged."""
    position, end = 0, len(message)
    while position < end:
        key, position = _varint(message, position, where)
        number, wire = key >> 3, key & 7
        if number == 0:
            _fail("a field has the number 0", where, found=f"byte {position:,}")
        if wire == VARINT:
            value, position = _varint(message, position, where)
            yield Field(number, wire, value, message[:0])
            continue
        if wire == BYTES:
            size, position = _varint(message, position, where)
        elif wire in _SIZES:
            size = _SIZES[wire]
        else:
            _fail("a field has an unknown wire type", where, found=f"type {wire}")
        if size > end - position:
            _fail(
                "a field is longer than its message: it is cut short or damaged",
                where,
                found=f"{size:,} bytes at {position:,} of {end:,}",
            )
        yield Field(number, wire, 0, message[position : position + size])
        position += size


def _varint(message: memoryview, position: int, where: str) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(message[position : position + _VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return value % _WORD, position + index + 1
    return _fail("a number does not end", where, found=f"byte {position:,}")


def _fail(what: str, where: str, *, found: str) -> NoReturn:
    raise ModelError(
        f"not a protobuf that can be read: {what}",
        where=where,
        found=found,
        remedy="get the file again, or export it again",
    )
