"""ADB packets as bytes: encoding, and an incremental decoder without I/O.

The format is that of AOSP's `adb/protocol.txt`: six little-endian u32 (command, arg0,
arg1, length, sum, magic) and then the payload. The "crc32" field is a plain sum.
"""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from hil.errors import MalformedFrame

VERSION_CHECKED: Final = 0x01000000  # every payload carries its sum
VERSION_SKIP_CHECKSUM: Final = 0x01000001  # only CNXN and AUTH do
MAX_PAYLOAD_BYTES: Final = 1 << 20
MAX_HANDSHAKE_BYTES: Final = 4096  # CNXN and AUTH are never larger
TOKEN_BYTES: Final = 20

_HEADER = struct.Struct("<6I")
HEADER_BYTES: Final = _HEADER.size
_MASK = 0xFFFFFFFF


class Command(enum.IntEnum):
    """The commands that an adbd sends or obeys; on the wire, WRITE lacks its I."""

    CNXN = 0x4E584E43
    AUTH = 0x48545541
    OPEN = 0x4E45504F
    OKAY = 0x59414B4F
    CLSE = 0x45534C43
    WRITE = 0x45545257


class AuthType(enum.IntEnum):
    """The first argument of AUTH."""

    TOKEN = 1
    SIGNATURE = 2
    PUBLIC_KEY = 3


_HANDSHAKE = frozenset({Command.CNXN, Command.AUTH})


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; *command* is a bare number, since a peer may send any."""

    command: int
    arg0: int
    arg1: int
    payload: bytes = b""


def payload_sum(payload: bytes) -> int:
    """Return the sum of all bytes modulo 2**32, which ADB calls crc32."""
    # zlib's Adler-32 holds 1 + the sum modulo 65521 in its low half. 256 bytes cannot
    # reach that modulus, and this is thirty times as fast as sum().
    return (
        sum(
            (zlib.adler32(payload[at : at + 256]) & 0xFFFF) - 1
            for at in range(0, len(payload), 256)
        )
        & _MASK
    )


def encode(packet: Packet, *, checksum: bool) -> bytes:
    """Return the bytes of *packet*; CNXN and AUTH carry their sum in any case."""
    summed = checksum or packet.command in _HANDSHAKE
    header = _HEADER.pack(
        packet.command,
        packet.arg0,
        packet.arg1,
        len(packet.payload),
        payload_sum(packet.payload) if summed else 0,
        packet.command ^ _MASK,
    )
    return header + packet.payload


class Decoder:
    """Bytes in, packets out, however the bytes are cut.

    `max_payload_bytes` and `checksum` follow the negotiation: they start as what a
    packet of the handshake may be. ADB cannot find a next packet after a broken one,
    so that a connection ends with the first MalformedFrame.
    """

    def __init__(self) -> None:
        self.max_payload_bytes = MAX_HANDSHAKE_BYTES
        self.checksum = True
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        self._buffer += data

    def next_packet(self) -> Packet | None:
        """Return the next whole packet, None if more bytes are needed.

        Raises MalformedFrame for a wrong magic, length or sum, and drops all bytes.
        """
        if len(self._buffer) < HEADER_BYTES:
            return None
        command, arg0, arg1, length, total, magic = _HEADER.unpack_from(self._buffer)
        if magic != command ^ _MASK:
            raise self._malformed(
                "the magic is not the command inverted", f"{magic:#x}"
            )
        if length > self.max_payload_bytes:
            raise self._malformed("the payload is too long", f"{length:,} bytes")
        end = HEADER_BYTES + length
        if len(self._buffer) < end:
            return None
        payload = bytes(memoryview(self._buffer)[HEADER_BYTES:end])
        del self._buffer[:end]
        if (self.checksum or command in _HANDSHAKE) and payload_sum(payload) != total:
            raise self._malformed("the sum of the payload is wrong", f"{total:#x}")
        return Packet(command, arg0, arg1, payload)

    def _malformed(self, what: str, found: str) -> MalformedFrame:
        self._buffer.clear()
        return MalformedFrame(
            what,
            where="an ADB packet",
            found=found,
            allowed=f"at most {self.max_payload_bytes:,} bytes, magic and sum right",
        )
