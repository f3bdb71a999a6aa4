"""What a device says of itself: the reply to HELLO, a list of entries."""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from hil.errors import MalformedFrame
from hil.vocab import TimeBasis
from hil.wire.kinds import PROTOCOL_VERSION, TIME_BASIS_NUMBERS
from hil.wire.tlv import pack_entries, unpack_entries

if TYPE_CHECKING:
    from collections.abc import Callable

SMALLEST_FRAME_BYTES = 256
_SHA256_BYTES = 32
_BASIS_BY_NUMBER = {number: basis for basis, number in TIME_BASIS_NUMBERS.items()}

_Value = int | str | bytes | TimeBasis | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloReply:
    """What the device is, what it has loaded and what it can take.

    None is what the device did not say. The sizes of the inputs and outputs are in
    bytes, in the model's order, and empty where no model is loaded.
    """

    protocol_version: int = PROTOCOL_VERSION
    build_id: str = ""
    board: str = ""
    engine: str = ""
    time_basis: TimeBasis | None = None
    tick_hz: int | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None
    arena_capacity_bytes: int | None = None
    model_sha256: bytes | None = None
    rx_buffer_bytes: int = SMALLEST_FRAME_BYTES
    max_frame_bytes: int = SMALLEST_FRAME_BYTES
    input_sizes: tuple[int, ...] = ()
    output_sizes: tuple[int, ...] = ()
    baud: int | None = None
    max_baud: int | None = None


def pack_hello(hello: HelloReply) -> bytes:
    """Return the body of the reply; ValueError where a value cannot be written."""
    entries = []
    for field, (key, codec) in _ENTRIES.items():
        value = getattr(hello, field)
        if value is None or value == ():
            continue
        try:
            entries.append((key, codec.pack(value)))
        except struct.error as exc:
            raise ValueError(f"{field} cannot be written: {value!r}") from exc
    return pack_entries(entries)


def unpack_hello(body: bytes) -> HelloReply:
    """Return the reply; MalformedFrame where an entry has the wrong size."""
    found = unpack_entries(body)
    values = {}
    for field, (key, codec) in _ENTRIES.items():
        if key not in found:
            continue
        try:
            value = codec.unpack(found[key])
        except struct.error as exc:
            raise MalformedFrame(
                f"HELLO: {field} has a wrong size", found=f"{len(found[key])} bytes"
            ) from exc
        if value is not None:
            values[field] = value
    return HelloReply(**values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Codec:
    pack: Callable[[_Value], bytes]
    # None: a value that this version does not know, which is as if it were absent.
    unpack: Callable[[bytes], _Value | None]


def _number(code: str) -> _Codec:
    layout = struct.Struct("<" + code)
    return _Codec(layout.pack, lambda data: int(layout.unpack(data)[0]))


def _pack_sizes(value: _Value) -> bytes:
    assert isinstance(value, tuple)
    return struct.pack(f"<{len(value)}I", *value)


def _unpack_sizes(data: bytes) -> tuple[int, ...]:
    return tuple(size for (size,) in struct.iter_unpack("<I", data))


def _pack_text(value: _Value) -> bytes:
    assert isinstance(value, str)
    return value.encode()


def _pack_basis(value: _Value) -> bytes:
    assert isinstance(value, TimeBasis)
    return bytes((TIME_BASIS_NUMBERS[value],))


def _unpack_basis(data: bytes) -> TimeBasis | None:
    (number,) = struct.unpack("<B", data)
    return _BASIS_BY_NUMBER.get(number)


_U8, _U32, _U64 = _number("B"), _number("I"), _number("Q")
_TEXT = _Codec(_pack_text, lambda data: data.decode(errors="replace"))
_SIZES = _Codec(_pack_sizes, _unpack_sizes)
_SHA256 = struct.Struct(f"<{_SHA256_BYTES}s")

_ENTRIES: dict[str, tuple[int, _Codec]] = {
    "protocol_version": (1, _U8),
    "build_id": (2, _TEXT),
    "board": (3, _TEXT),
    "engine": (4, _TEXT),
    "time_basis": (5, _Codec(_pack_basis, _unpack_basis)),
    "tick_hz": (6, _U64),
    "ram_bytes": (7, _U32),
    "flash_bytes": (8, _U32),
    "arena_capacity_bytes": (9, _U32),
    "model_sha256": (10, _Codec(_SHA256.pack, lambda data: _SHA256.unpack(data)[0])),
    "rx_buffer_bytes": (11, _U32),
    "max_frame_bytes": (12, _U32),
    "input_sizes": (13, _SIZES),
    "output_sizes": (14, _SIZES),
    "baud": (15, _U32),
    "max_baud": (16, _U32),
}
assert set(_ENTRIES) == {field.name for field in fields(HelloReply)}
