"""Payloads <-> frames: CRC-32, COBS and a zero byte at the end. Does no I/O.

docs/protocol.md, section "Frames", is the specification. The work per byte is done in
C (crc32, cobs, find), so that the buffers cost the same per byte at any frame size.
"""

from __future__ import annotations

import binascii
from collections import deque

from cobs import cobs

from hil.errors import MalformedFrame

_CRC_BYTES = 4
_FULL_BLOCK = 254  # bytes without a zero that one COBS code covers
_SHOWN_BYTES = 16


def encode_frame(payload: bytes) -> bytes:
    """Return *payload* with its CRC, COBS-encoded, ended by a zero byte."""
    body = payload + binascii.crc32(payload).to_bytes(_CRC_BYTES, "little")
    last_run = len(body) - 1 - body.rfind(0)
    # The library leaves out the empty block after a last full one; the format has it.
    end = b"\x01\x00" if last_run and last_run % _FULL_BLOCK == 0 else b"\x00"
    return bytes(cobs.encode(body)) + end


def largest_payload(frame_bytes: int) -> int:
    """Return the bytes of payload that fit a frame of *frame_bytes* in every case."""
    encoded = frame_bytes - 1  # the zero at the end
    # The largest n of which n + n // 254 + 1 is not more than what there is.
    body = encoded - 1 - encoded // (_FULL_BLOCK + 1)
    return max(0, body - _CRC_BYTES)


def longest_frame(payload_bytes: int) -> int:
    """Return the most bytes that the frame of such a payload can take."""
    body = payload_bytes + _CRC_BYTES
    return body + body // _FULL_BLOCK + 2  # the last block's code, and the zero


class FrameDecoder:
    """Push bytes in with `feed`, take whole payloads out with `next_payload`."""

    def __init__(self, max_frame: int = 65536) -> None:
        """Take the longest frame in bytes, the zero at its end included."""
        self._max_frame = max_frame
        # Frames that have their end, in order; None stands for one that was too long.
        self._whole: deque[bytes | None] = deque()
        self._begun = bytearray()  # the frame that has not
        self._overlong = False  # what follows up to the next zero belongs to it
        self._dropped_bytes = 0

    @property
    def dropped_bytes(self) -> int:
        """Bytes so far that were dropped, since they were no part of a good frame."""
        return self._dropped_bytes

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait for the end of their frame."""
        return len(self._begun)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream, cut anywhere."""
        first, *others = data.split(b"\0")
        self._begin(first)
        if not others:
            return
        self._end()
        last = others.pop()
        self._whole.extend(frame for frame in others if frame)
        self._begin(last)

    def next_payload(self) -> bytes | None:
        """Return the next payload, or None where more bytes are needed.

        Raises MalformedFrame for a damaged or too long frame. It is dropped before, so
        that the next call goes on behind it.
        """
        if not self._whole:
            return None
        frame = self._whole.popleft()
        if frame is None:
            raise MalformedFrame(
                "a frame without an end",
                found=f"{self._max_frame:,} bytes and more without a zero",
                remedy="check the baud rate, and that the device speaks hil's protocol",
            )
        try:
            return _payload(frame, self._max_frame)
        except MalformedFrame:
            self._dropped_bytes += len(frame) + 1
            raise

    def _begin(self, data: bytes) -> None:
        if self._overlong:
            self._dropped_bytes += len(data)
            return
        self._begun += data
        if len(self._begun) >= self._max_frame:
            self._dropped_bytes += len(self._begun)
            self._begun.clear()
            self._overlong = True
            self._whole.append(None)

    def _end(self) -> None:
        if self._overlong:
            self._overlong = False
            self._dropped_bytes += 1
        elif self._begun:
            self._whole.append(bytes(self._begun))
            self._begun.clear()


def _payload(frame: bytes, max_frame: int) -> bytes:
    """Return the payload of one frame without its zero, or raise MalformedFrame."""
    if len(frame) >= max_frame:
        raise _malformed("is too long", frame)
    try:
        body: bytes = cobs.decode(frame)
    except cobs.DecodeError as exc:
        raise _malformed("is not COBS", frame) from exc
    if len(body) < _CRC_BYTES:
        raise _malformed("is too short for its CRC", frame)
    payload, crc = body[:-_CRC_BYTES], body[-_CRC_BYTES:]
    if binascii.crc32(payload) != int.from_bytes(crc, "little"):
        raise _malformed("has a wrong CRC", frame)
    return payload


def _malformed(problem: str, frame: bytes) -> MalformedFrame:
    dots = " ..." if len(frame) > _SHOWN_BYTES else ""
    return MalformedFrame(
        f"a frame {problem}",
        found=f"{len(frame) + 1:,} bytes: {frame[:_SHOWN_BYTES].hex(' ')}{dots}",
    )
