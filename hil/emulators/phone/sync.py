"""The file transfer service `sync:`, versions 1 and 2 of stat and list.

Requests and answers are those of AOSP's `adb/SYNC.TXT` and `file_sync_protocol.h`;
SND2 and RCV2 are not there, and the banner does not promise them.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import struct
from typing import TYPE_CHECKING, Final

from hil.emulators.phone.call import number
from hil.emulators.phone.paths import MAX_PATH_BYTES, normal, parent, reason, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from hil.emulators.phone.phone import Phone
    from hil.emulators.phone.storage import Entry, Storage, Writer
    from hil.emulators.phone.stream import Stream

_REQUEST: Final = struct.Struct("<4sI")
_STAT_V1: Final = struct.Struct("<4s3I")
_DENT_V1: Final = struct.Struct("<4s4I")
# error, dev, ino, mode, nlink, uid, gid, size, atime, mtime, ctime
_STAT_V2: Final = struct.Struct("<4sIQQIIIIQqqq")
_LENGTH: Final = struct.Struct("<I")
_DATA_BYTES: Final = 65536
_SHELL_UID: Final = 2000
_MASK32: Final = 0xFFFFFFFF


class _Ended(Exception):
    """The session is over: QUIT, a broken request, or the end of the stream."""


async def serve_sync(phone: Phone, stream: Stream) -> None:
    """Answer the requests of one session until QUIT or a broken one."""
    session = _Session(phone.storage, stream)
    try:
        while True:
            await session.request()
    except _Ended:
        return


class _Session:
    def __init__(self, storage: Storage, stream: Stream) -> None:
        self._storage = storage
        self._stream = stream
        self._answers: Mapping[bytes, Callable[[str], Awaitable[None]]] = {
            b"STAT": self._stat,
            b"STA2": lambda path: self._stat2(b"STA2", path),
            b"LST2": lambda path: self._stat2(b"LST2", path),
            b"LIST": self._list,
            b"LIS2": self._list2,
            b"SEND": self._receive,
            b"RECV": self._send,
        }

    async def request(self) -> None:
        """Read one request and answer it; _Ended after the last."""
        name, length = _REQUEST.unpack(await self._exactly(_REQUEST.size))
        if name == b"QUIT":
            raise _Ended
        if length > MAX_PATH_BYTES:
            await self._fail("path too long")
            raise _Ended
        path = os.fsdecode(await self._exactly(length))
        answer = self._answers.get(name)
        if answer is None:
            await self._fail(f"unknown command {int.from_bytes(name, 'little'):08x}")
            raise _Ended
        await answer(path)

    async def _exactly(self, size: int) -> bytes:
        data = await self._stream.source.read_exactly(size)
        if len(data) < size:
            raise _Ended
        return data

    async def _fail(self, text: str) -> None:
        data = text.encode(errors="replace")
        await self._stream.write(_REQUEST.pack(b"FAIL", len(data)) + data)

    async def _stat(self, path: str) -> None:
        try:
            entry = self._storage.stat(normal(path))
            found = (entry.mode, entry.size & _MASK32, entry.mtime & _MASK32)
        except OSError:
            found = (0, 0, 0)
        await self._stream.write(_STAT_V1.pack(b"STAT", *found))

    async def _stat2(self, name: bytes, path: str) -> None:
        try:
            packed = _packed(name, self._storage.stat(normal(path)))
        except OSError as exc:
            packed = _STAT_V2.pack(name, exc.errno or 0, *([0] * 10))
        await self._stream.write(packed)

    def _entries(self, path: str) -> list[tuple[bytes, Entry]]:
        """Return the entries of a folder, `.` and `..` too; none where it is none."""
        try:
            folder = normal(path)
            names = self._storage.names(folder)
            places = [(".", folder), ("..", parent(folder))]
            places += [(name, f"{folder.rstrip('/')}/{name}") for name in names]
            return [
                (os.fsencode(name), self._storage.stat(place)) for name, place in places
            ]
        except OSError:
            return []

    async def _list(self, path: str) -> None:
        for name, entry in self._entries(path):
            size, mtime = entry.size & _MASK32, entry.mtime & _MASK32
            head = _DENT_V1.pack(b"DENT", entry.mode, size, mtime, len(name))
            await self._stream.write(head + name)
        await self._stream.write(_DENT_V1.pack(b"DONE", 0, 0, 0, 0))

    async def _list2(self, path: str) -> None:
        for name, entry in self._entries(path):
            head = _packed(b"DNT2", entry) + _LENGTH.pack(len(name))
            await self._stream.write(head + name)
        await self._stream.write(_STAT_V2.pack(b"DONE", *([0] * 11)) + _LENGTH.pack(0))

    async def _send(self, path: str) -> None:
        """RECV: send the host a file."""
        try:
            file = self._storage.open_read(normal(path))
        except OSError as exc:
            await self._fail(f"open failed: {reason(exc)}")
            return
        with file:
            while True:
                try:
                    data = file.read(_DATA_BYTES)
                except OSError as exc:
                    await self._fail(f"read failed: {reason(exc)}")
                    return
                if not data:
                    break
                await self._stream.write(_REQUEST.pack(b"DATA", len(data)) + data)
        await self._stream.write(_REQUEST.pack(b"DONE", 0))

    async def _receive(self, request: str) -> None:
        """SEND: take a file from the host, `path,decimal mode`."""
        path, comma, text = request.rpartition(",")
        mode = number(text)
        if not comma or mode is None:
            await self._fail("missing , in ID_SEND")
            raise _Ended
        try:
            place = normal(path)
            if stat.S_ISLNK(mode):  # the phone has no links, see paths.normal
                raise refusal(errno.EPERM, path)
            self._storage.make_parents(parent(place))
            writer = self._storage.open_write(place, append=False, mode=mode & 0o777)
        except OSError as exc:
            await self._refuse(f"couldn't create file: {reason(exc)}")
            return
        try:
            mtime = await self._copy(writer)
        except OSError as exc:
            writer.close()
            self._storage.remove(place)
            await self._refuse(f"write failed: {reason(exc)}")
            return
        finally:
            writer.close()
        self._storage.set_mtime(place, mtime)
        await self._stream.write(_REQUEST.pack(b"OKAY", 0))

    async def _copy(self, writer: Writer) -> int:
        """Write the host's DATA up to its DONE; return the time that comes with it."""
        while True:
            name, length = await self._data_head()
            if name == b"DONE":
                return length
            writer.write(await self._exactly(length))
            await asyncio.sleep(0)

    async def _refuse(self, text: str) -> None:
        """Say FAIL, and read over what the host still sends of its file."""
        await self._fail(text)
        while True:
            name, length = await self._data_head()
            if name == b"DONE":
                return
            await self._exactly(length)

    async def _data_head(self) -> tuple[bytes, int]:
        name, length = _REQUEST.unpack(await self._exactly(_REQUEST.size))
        if name not in {b"DATA", b"DONE"}:
            await self._fail("invalid data message")
            raise _Ended
        if name == b"DATA" and length > _DATA_BYTES:
            await self._fail("oversize data message")
            raise _Ended
        return name, length


def _packed(name: bytes, entry: Entry) -> bytes:
    return _STAT_V2.pack(
        name,
        0,
        0,
        entry.inode,
        entry.mode,
        entry.links,
        _SHELL_UID,
        _SHELL_UID,
        entry.size,
        entry.mtime,
        entry.mtime,
        entry.mtime,
    )
