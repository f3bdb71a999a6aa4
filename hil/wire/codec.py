"""Messages <-> payloads: version, type, sequence and body, all little-endian."""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from hil.errors import MalformedFrame, ProtocolMismatch
from hil.wire import messages as m
from hil.wire.hello import HelloReply, pack_hello, unpack_hello
from hil.wire.kinds import PROTOCOL_VERSION, REPLY, Kind
from hil.wire.tlv import pack_entries, unpack_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HEADER = struct.Struct("<BBH")  # version, type, sequence
_U64 = struct.Struct("<Q")
_U64_BYTES = _U64.size
# The keys of MEMORY's and COMMIT's entries; the names are those of the result JSON.
MEMORY_KEYS = {
    "arena_bytes": 1,
    "arena_persistent_bytes": 2,
    "arena_nonpersistent_bytes": 3,
    "stack_bytes": 4,
    "heap_bytes": 5,
}
_MEMORY_NAMES = {key: name for name, key in MEMORY_KEYS.items()}

_Tail = bytes | str | tuple[int, ...] | dict[str, int]


def encode(message: m.Message, sequence: int) -> bytes:
    """Return the payload of *message*; ValueError where a field is out of range."""
    layout = _BY_CLASS[type(message)]
    try:
        return HEADER.pack(PROTOCOL_VERSION, layout.kind, sequence) + layout.pack(
            message
        )
    except struct.error as exc:
        raise ValueError(f"{message!r} cannot be written: {exc}") from exc


def decode(payload: bytes) -> tuple[int, m.Message]:
    """Return the sequence number and the message of any *payload*.

    Raises ProtocolMismatch where another version wrote it, else MalformedFrame where
    it is no message.
    """
    version, kind, sequence = decode_header(payload)
    if version != PROTOCOL_VERSION:
        raise ProtocolMismatch(
            "the other side speaks another version of the protocol",
            found=f"version {version}",
            allowed=f"version {PROTOCOL_VERSION}",
            remedy="flash a firmware that was built by the same version of hil",
        )
    layout = _BY_KIND.get(kind)
    if layout is None:
        raise MalformedFrame("a message of an unknown type", found=f"0x{kind:02x}")
    return sequence, layout.unpack(payload[HEADER.size :])


def decode_header(payload: bytes) -> tuple[int, int, int]:
    """Return version, type and sequence, or raise MalformedFrame if it is cut."""
    if len(payload) < HEADER.size:
        raise MalformedFrame(
            "a message without a whole head", found=f"{len(payload)} bytes"
        )
    version, kind, sequence = HEADER.unpack_from(payload)
    return version, kind, sequence


def head_bytes(message: type[m.Message]) -> int:
    """Return the bytes of the payload before the field of any length."""
    return HEADER.size + _BY_CLASS[message].fixed_bytes


@dataclass(frozen=True, slots=True)
class _TailCodec:
    pack: Callable[[_Tail], bytes]
    unpack: Callable[[bytes], _Tail]


class _Layout:
    """The body of one message: fixed fields, then perhaps one of any length."""

    def __init__(
        self,
        kind: int,
        message: type[m.Message],
        *,
        fixed: str = "",
        tail: _TailCodec | None = None,
    ) -> None:
        self.kind = kind
        self.message = message
        self._fixed = struct.Struct("<" + fixed)
        self._tail = tail
        names = [field.name for field in fields(message)]
        self._tail_name = names.pop() if tail else ""
        self._names = names

    @property
    def fixed_bytes(self) -> int:
        return self._fixed.size

    def pack(self, message: m.Message) -> bytes:
        body = self._fixed.pack(*(getattr(message, name) for name in self._names))
        if self._tail is None:
            return body
        return body + self._tail.pack(getattr(message, self._tail_name))

    def unpack(self, body: bytes) -> m.Message:
        size = self._fixed.size
        if len(body) < size or (self._tail is None and len(body) > size):
            raise MalformedFrame(
                f"a {self.message.__name__} of the wrong size",
                found=f"{len(body)} bytes",
                allowed=f"{size} bytes{' or more' if self._tail else ''}",
            )
        values = dict(zip(self._names, self._fixed.unpack_from(body), strict=True))
        if self._tail is not None:
            values[self._tail_name] = self._tail.unpack(body[size:])
        return self.message(**values)


class _HelloLayout(_Layout):
    """HELLO's reply is a list of entries and nothing else."""

    def __init__(self) -> None:
        super().__init__(Kind.HELLO | REPLY, HelloReply)

    def pack(self, message: m.Message) -> bytes:
        assert isinstance(message, HelloReply)
        return pack_hello(message)

    def unpack(self, body: bytes) -> m.Message:
        return unpack_hello(body)


def _pack_text(value: _Tail) -> bytes:
    assert isinstance(value, str)
    return value.encode()


def _pack_ticks(value: _Tail) -> bytes:
    return struct.pack(f"<{len(value)}Q", *value)


def _unpack_ticks(data: bytes) -> tuple[int, ...]:
    if len(data) % _U64_BYTES:
        raise MalformedFrame("a list of ticks is cut off", found=f"{len(data)} bytes")
    return tuple(ticks for (ticks,) in _U64.iter_unpack(data))


def _pack_figures(value: _Tail) -> bytes:
    assert isinstance(value, dict)
    return pack_entries(
        (MEMORY_KEYS[name], _U64.pack(figure)) for name, figure in value.items()
    )


def _unpack_figures(data: bytes) -> dict[str, int]:
    return _figures(unpack_entries(data))


def _figures(entries: Mapping[int, bytes]) -> dict[str, int]:
    figures = {}
    for key, value in entries.items():
        if key not in _MEMORY_NAMES:
            continue  # a later version measures more
        if len(value) != _U64_BYTES:
            raise MalformedFrame(
                f"{_MEMORY_NAMES[key]} has a wrong size", found=f"{len(value)} bytes"
            )
        figures[_MEMORY_NAMES[key]] = int.from_bytes(value, "little")
    return figures


_DATA = _TailCodec(bytes, bytes)  # type: ignore[arg-type]
_TEXT = _TailCodec(_pack_text, lambda data: data.decode(errors="replace"))
_TICKS = _TailCodec(_pack_ticks, _unpack_ticks)
_FIGURES = _TailCodec(_pack_figures, _unpack_figures)

_LAYOUTS = (
    _Layout(Kind.HELLO, m.HelloRequest),
    _HelloLayout(),
    _Layout(Kind.LOAD_MODEL, m.LoadModelRequest, fixed="I32s"),
    _Layout(Kind.LOAD_MODEL | REPLY, m.LoadModelReply, fixed="I"),
    _Layout(Kind.CHUNK, m.ChunkRequest, fixed="I", tail=_DATA),
    _Layout(Kind.CHUNK | REPLY, m.ChunkReply, fixed="I"),
    _Layout(Kind.COMMIT, m.CommitRequest),
    _Layout(Kind.COMMIT | REPLY, m.CommitReply, tail=_FIGURES),
    _Layout(Kind.WRITE_INPUT, m.WriteInputRequest, fixed="BI", tail=_DATA),
    _Layout(Kind.WRITE_INPUT | REPLY, m.WriteInputReply, fixed="I"),
    _Layout(Kind.INVOKE, m.InvokeRequest, fixed="H"),
    _Layout(Kind.INVOKE | REPLY, m.InvokeReply, tail=_TICKS),
    _Layout(Kind.READ_OUTPUT, m.ReadOutputRequest, fixed="BII"),
    _Layout(Kind.READ_OUTPUT | REPLY, m.ReadOutputReply, tail=_DATA),
    _Layout(Kind.RUN, m.RunRequest, fixed="IBI", tail=_DATA),
    _Layout(Kind.RUN | REPLY, m.RunReply, fixed="IQII", tail=_DATA),
    _Layout(Kind.PROFILE, m.ProfileRequest, fixed="H"),
    _Layout(Kind.PROFILE | REPLY, m.ProfileReply, fixed="H", tail=_TICKS),
    _Layout(Kind.TENSOR, m.TensorRequest, fixed="HII"),
    _Layout(Kind.TENSOR | REPLY, m.TensorReply, fixed="I", tail=_DATA),
    _Layout(Kind.MEMORY, m.MemoryRequest),
    _Layout(Kind.MEMORY | REPLY, m.MemoryReply, tail=_FIGURES),
    _Layout(Kind.ECHO, m.EchoRequest, tail=_DATA),
    _Layout(Kind.ECHO | REPLY, m.EchoReply, tail=_DATA),
    _Layout(Kind.BAUD, m.BaudRequest, fixed="I"),
    _Layout(Kind.BAUD | REPLY, m.BaudReply, fixed="I"),
    _Layout(Kind.RESET, m.ResetRequest),
    _Layout(Kind.RESET | REPLY, m.ResetReply),
    _Layout(Kind.LOG, m.LogMessage, fixed="B", tail=_TEXT),
    _Layout(Kind.ERROR, m.ErrorReply, fixed="HI", tail=_TEXT),
)
_BY_KIND = {layout.kind: layout for layout in _LAYOUTS}
_BY_CLASS = {layout.message: layout for layout in _LAYOUTS}
