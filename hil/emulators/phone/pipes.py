"""What commands read from and write to: bounded pipes, files, buffers.

A sink raises BrokenPipeError when nobody reads any more; its command then ends as if
killed by SIGPIPE.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Protocol

from hil.emulators.phone.paths import refusal

if TYPE_CHECKING:
    import io
    from collections.abc import Awaitable, Callable

    from hil.emulators.phone.storage import Writer

CHUNK_BYTES = 65536
MAX_LINE_BYTES = 1 << 20


class Sink(Protocol):
    """Where a command's output goes."""

    async def write(self, data: bytes) -> None:
        """Take *data*, waiting while there is no room."""


class Source:
    """Where a command's input comes from; *fetch* gives b"" at the end."""

    def __init__(self, fetch: Callable[[], Awaitable[bytes]]) -> None:
        self._fetch = fetch
        self._buffer = b""
        self._ended = False

    async def read(self) -> bytes:
        """Return some bytes, b"" at the end."""
        if self._buffer:
            data, self._buffer = self._buffer, b""
            return data
        if self._ended:
            return b""
        data = await self._fetch()
        self._ended = not data
        return data

    async def read_exactly(self, size: int) -> bytes:
        """Return *size* bytes, fewer only at the end."""
        parts = []
        missing = size
        while missing and (data := await self.read()):
            parts.append(data[:missing])
            self._buffer = data[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)

    async def read_line(self) -> bytes:
        """Return the next line with its newline; b"" at the end.

        A line longer than MAX_LINE_BYTES comes in pieces.
        """
        parts = []
        length = 0
        while length < MAX_LINE_BYTES and (data := await self.read()):
            line, newline, rest = data.partition(b"\n")
            parts.append(line + newline)
            length += len(data)
            if newline:
                self._buffer = rest
                break
        return b"".join(parts)


async def _nothing() -> bytes:
    return b""


def empty() -> Source:
    """Return a source that is at its end."""
    return Source(_nothing)


def file_source(file: io.RawIOBase) -> Source:
    """Return a source of the bytes of an open *file*, which it does not close."""

    async def fetch() -> bytes:
        await asyncio.sleep(0)  # a long file must not keep others waiting
        return file.read(CHUNK_BYTES) or b""

    return Source(fetch)


class FileSink:
    """A file that a command writes to."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def write(self, data: bytes) -> None:
        """Append *data*, or raise OSError (ENOSPC)."""
        self._writer.write(data)
        await asyncio.sleep(0)


class Capture:
    """Output kept in memory, up to a limit."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._parts = bytearray()
        self.overflowed = False

    async def write(self, data: bytes) -> None:
        """Keep *data*, or raise OSError (E2BIG)."""
        if len(self._parts) + len(data) > self._limit_bytes:
            self.overflowed = True
            raise refusal(errno.E2BIG, "")
        self._parts += data

    def content(self) -> bytes:
        """Return all that was written."""
        return bytes(self._parts)


class Pipe:
    """Bytes from one command to the next; holds at most one chunk and a write."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._changed = asyncio.Condition()
        self._writing = True
        self._reading = True

    async def write(self, data: bytes) -> None:
        """Hand on *data*, or raise BrokenPipeError where nobody reads."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: len(self._buffer) < CHUNK_BYTES or not self._reading
            )
            if not self._reading:
                raise BrokenPipeError(errno.EPIPE, "Broken pipe")
            self._buffer += data
            self._changed.notify_all()

    async def fetch(self) -> bytes:
        """Return what was written, b"" when the writer has ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._buffer or not self._writing)
            data = bytes(self._buffer)
            self._buffer.clear()
            self._changed.notify_all()
            return data

    async def end_writing(self) -> None:
        """Tell the reader that no more will come."""
        async with self._changed:
            self._writing = False
            self._changed.notify_all()

    async def end_reading(self) -> None:
        """Tell the writer that nobody reads any more."""
        async with self._changed:
            self._reading = False
            self._buffer.clear()
            self._changed.notify_all()
