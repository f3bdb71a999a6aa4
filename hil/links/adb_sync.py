"""Files over the service `sync:`: sending, receiving and asking for one.

Requests and answers as in AOSP's `adb/SYNC.TXT` and `file_sync_protocol.h`. adb_shell
has them too, but copies what is left of its buffer after each part, leaves a refused
stream open and cuts sizes to 32 bits.
"""

from __future__ import annotations

import stat
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import MalformedFrame, TargetError
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hil.links.adb_device import Device

PART_BYTES = 65536  # the most that one DATA may carry
_HEAD = struct.Struct("<4sI")
_STAT = struct.Struct("<4s3I")  # id, mode, size, mtime
# id, error, dev, ino, mode, nlink, uid, gid, size, atime, mtime, ctime
_STAT2 = struct.Struct("<4sIQQIIIIQqqq")
_MAX_REASON_BYTES = 4096
_NO_ENTRY = 2  # ENOENT, in every Linux
_NOT_A_FOLDER = 20  # ENOTDIR: a part of the path is a file
_MAX_TIME = 0xFFFFFFFF


class FileRefused(TargetError):
    """The phone refused a file: no such file, no permission, no space."""

    def __init__(self, remote: str, reason: str, *, where: str) -> None:
        """Keep the phone's *reason*, made printable."""
        super().__init__(
            "the phone refused the file",
            where=f"{printable(remote)} on {where}",
            found=printable(reason),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """What a phone says of a file: its mode (type and permissions) and its size."""

    mode: int
    size_bytes: int


class FileSession:
    """One `sync:` stream; close it, unless an error came out of it."""

    def __init__(self, device: Device, *, where: str) -> None:
        """Open the stream; *where* names the phone in errors."""
        self._stream = device.open_stream("sync:")
        self._has_stat2 = "stat_v2" in device.features
        self._max_data_bytes = device.max_data_bytes
        self._where = where
        self._buffer = bytearray()

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    def stat(self, remote: str) -> RemoteFile | None:
        """Return mode and size of *remote*, None where it is missing."""
        if not self._has_stat2:
            self._request(b"STAT", remote)
            _, mode, size, _ = _STAT.unpack(self._answer(b"STAT", _STAT.size))
            return RemoteFile(mode=mode, size_bytes=size) if mode else None
        self._request(b"STA2", remote)
        fields = _STAT2.unpack(self._answer(b"STA2", _STAT2.size))
        error, mode, size = fields[1], fields[4], fields[8]
        if error in {_NO_ENTRY, _NOT_A_FOLDER}:
            return None
        if error:
            raise FileRefused(remote, f"errno {error}", where=self._where)
        return RemoteFile(mode=mode, size_bytes=size)

    def send(self, parts: Iterable[bytes], remote: str, *, mode: int) -> None:
        """Write *parts* (at most `PART_BYTES` each) to *remote*.

        While the phone takes a packet, the next one is made ready.
        """
        name = f"{remote},{stat.S_IFREG | mode}".encode(errors="surrogateescape")
        packet = bytearray(_HEAD.pack(b"SEND", len(name)) + name)
        for part in parts:
            if len(packet) + _HEAD.size + len(part) > self._max_data_bytes:
                packet = self._flushed(packet, remote)
            packet += _HEAD.pack(b"DATA", len(part))
            packet += part
        packet += _HEAD.pack(b"DONE", min(max(0, int(time.time())), _MAX_TIME))  # noqa: TID251 - the file's own date
        self._flushed(packet, remote)
        self._take(self._refusal_or(b"OKAY", remote))

    def receive(self, remote: str) -> Iterator[bytes]:
        """Yield the content of *remote* in parts; FileRefused where it cannot be."""
        self._request(b"RECV", remote)
        while length := self._refusal_or(b"DATA", remote, end=b"DONE"):
            if length > PART_BYTES:
                raise self._malformed(f"DATA of {length:,} bytes")
            yield self._take(length)

    def _request(self, name: bytes, remote: str) -> None:
        path = remote.encode(errors="surrogateescape")
        self._stream.write(_HEAD.pack(name, len(path)) + path)

    def _flushed(self, packet: bytearray, remote: str) -> bytearray:
        """Send *packet*, in pieces where the phone takes less; return an empty one."""
        for start in range(0, len(packet), self._max_data_bytes):
            self._stream.write(packet[start : start + self._max_data_bytes])
            early = self._stream.early()
            if early is not None:
                # The only thing a phone says before DONE is FAIL.
                self._buffer += early
                self._refusal_or(b"OKAY", remote)
                raise self._malformed("OKAY before DONE")
        return bytearray()

    def _refusal_or(self, name: bytes, remote: str, *, end: bytes = b"") -> int:
        """Return the length that comes with *name*, 0 for *end*."""
        found, length = _HEAD.unpack(self._take(_HEAD.size))
        if found == b"FAIL":
            reason = self._take(min(length, _MAX_REASON_BYTES))
            text = bytes(reason).decode(errors="backslashreplace")
            raise FileRefused(remote, text, where=self._where)
        if found == end and end:
            return 0
        if found != name:
            raise self._malformed(printable(found))
        return int(length)

    def _answer(self, name: bytes, size: int) -> bytes:
        answer = self._take(size)
        if answer[:4] != name:
            raise self._malformed(printable(answer[:4]))
        return answer

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += self._stream.read()
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    def _malformed(self, found: str) -> MalformedFrame:
        return MalformedFrame(
            "the phone sent what is no answer of its file service",
            where=self._where,
            found=found,
        )
