"""One ADB stream: bytes both ways, with one write under way in each direction."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final

from hil.emulators.phone.faults import FaultKind
from hil.emulators.phone.pipes import Source
from hil.emulators.phone.wire import Command, Packet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hil.emulators.phone.faults import Fault, Meter
    from hil.emulators.phone.processes import Process

_MAX_UNREAD_BYTES: Final = 1 << 18  # beyond it, the peer waits for its OKAY
_MAX_UNSENT_BYTES: Final = 1 << 18  # beyond it, the service waits in write()


class Stream:
    """The device's end of a stream; a service reads from `source` and writes."""

    def __init__(
        self,
        *,
        local_id: int,
        remote_id: int,
        max_payload_bytes: int,
        send: Callable[[Packet], Awaitable[None]],
        meter: Meter,
        go_wrong: Callable[[Fault, Stream], Awaitable[None]],
    ) -> None:
        self.local_id = local_id
        self.remote_id = remote_id
        self.source = Source(self._fetch)
        self._chunk_bytes = min(max_payload_bytes, _MAX_UNSENT_BYTES)
        self._send = send
        self._meter = meter
        self._go_wrong = go_wrong
        self._is_cut = False
        self.process: Process | None = None  # of the command that it serves
        self._changed = asyncio.Condition()
        self._unread = bytearray()
        self._owes_okay = False  # a WRITE came that was not answered yet
        self._unsent = bytearray()
        self._awaits_okay = False
        self.closed = False

    @property
    def unread_bytes(self) -> int:
        """What came and was not read by the service."""
        return len(self._unread)

    async def write(self, data: bytes) -> None:
        """Queue *data* for the peer; BrokenPipeError where the stream is closed."""
        passed, fault = self._meter.to_host(len(data))
        if fault is None:
            await self._queue(data)
            return
        # A process that is killed said all of what it was saying, and a full disk does
        # not silence one; with any other fault the rest is cut off.
        is_whole = fault.kind in {FaultKind.KILL, FaultKind.FULL}
        await self._queue(data if is_whole else data[:passed])
        if not is_whole:
            await self.flush()
        self._is_cut = fault.kind is FaultKind.CUT
        await self._go_wrong(fault, self)
        if self._is_cut:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    async def _queue(self, data: bytes) -> None:
        async with self._changed:
            await self._changed.wait_for(
                lambda: self.closed or len(self._unsent) < _MAX_UNSENT_BYTES
            )
            if self.closed or self._is_cut:
                raise BrokenPipeError(errno.EPIPE, "Broken pipe")
            self._unsent += data
            self._changed.notify_all()

    async def flush(self) -> None:
        """Wait until the peer has acknowledged everything, or is gone."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self.closed or not (self._unsent or self._awaits_okay)
            )

    async def pump(self) -> None:
        """Send what is queued, one WRITE at a time, until the stream is closed."""
        while True:
            async with self._changed:
                await self._changed.wait_for(
                    lambda: self.closed or (self._unsent and not self._awaits_okay)
                )
                if self.closed:
                    return
                data = bytes(self._unsent[: self._chunk_bytes])
                del self._unsent[: self._chunk_bytes]
                self._awaits_okay = True
                self._changed.notify_all()
            await self._send(Packet(Command.WRITE, self.local_id, self.remote_id, data))

    async def on_data(self, data: bytes) -> bool:
        """Take in a WRITE; false if the peer did not wait for the OKAY of the last."""
        async with self._changed:
            if self._owes_okay:
                return False
            self._unread += data
            self._owes_okay = True
            self._changed.notify_all()
        await self._acknowledge()
        return True

    async def on_okay(self) -> None:
        """Take in the OKAY of our WRITE."""
        async with self._changed:
            self._awaits_okay = False
            self._changed.notify_all()

    async def close(self) -> None:
        """Let every reader and writer know that the stream has ended."""
        async with self._changed:
            self.closed = True
            self._unsent.clear()
            self._changed.notify_all()

    async def _acknowledge(self) -> None:
        if self._owes_okay and len(self._unread) <= _MAX_UNREAD_BYTES:
            self._owes_okay = False
            await self._send(Packet(Command.OKAY, self.local_id, self.remote_id))

    async def _fetch(self) -> bytes:
        async with self._changed:
            await self._changed.wait_for(lambda: self.closed or self._unread)
            data = bytes(self._unread)
            self._unread.clear()
        if data:
            await self._acknowledge()
        return data
