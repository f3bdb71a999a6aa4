"""One host's connection: handshake, authentication and its streams."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.emulators.phone.auth import PublicKey, parse_public_key
from hil.emulators.phone.faults import Fault, FaultKind, Faults
from hil.emulators.phone.services import find_service
from hil.emulators.phone.stream import Stream
from hil.emulators.phone.wire import (
    MAX_PAYLOAD_BYTES,
    TOKEN_BYTES,
    VERSION_SKIP_CHECKSUM,
    AuthType,
    Command,
    Decoder,
    Packet,
    encode,
)
from hil.errors import MalformedFrame

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.emulators.phone.phone import Phone
    from hil.emulators.phone.services import Service

_LOG = logging.getLogger(__name__)
_READ_BYTES: Final = 1 << 18
_MAX_STREAMS: Final = 64
_MAX_UNREAD_BYTES: Final = 64 << 20  # over all streams of one connection
_MAX_AUTH_ATTEMPTS: Final = 64
# Answers to a host that sends and never reads are kept up to this size.
_MAX_UNSENT_BYTES: Final = 4 << 20


class KnownKeys:
    """The hosts that may connect; *accepts_new* stands for a tap on "Allow"."""

    def __init__(self, *, accepts_new: bool) -> None:
        self._keys: set[PublicKey] = set()
        self._accepts_new = accepts_new

    def signed(self, signature: bytes, token: bytes) -> bool:
        """Whether *signature* over *token* was made by a known host."""
        return any(key.verifies(signature, token) for key in self._keys)

    def offer(self, key: PublicKey) -> bool:
        """Whether the host of *key* may connect from now on."""
        if self._accepts_new:
            self._keys.add(key)
        return key in self._keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What goes wrong with a phone; *restart* ends all that runs on it."""

    faults: Faults
    restart: Callable[[Fault], None]


class _Violation(Exception):
    """The peer broke the protocol: the connection ends."""


class Connection:
    """Speaks ADB with one host until it leaves or breaks the protocol."""

    def __init__(
        self,
        phone: Phone,
        keys: KnownKeys | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        trouble: Trouble,
    ) -> None:
        self._phone = phone
        self._trouble = trouble
        self._meter = trouble.faults.of_connection()
        self._keys = keys  # None: no authentication
        self._reader = reader
        self._writer = writer
        self._decoder = Decoder()
        self._online = False
        self._token = b""
        self._auth_attempts = 0
        self._streams: dict[int, Stream] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._last_id = 0
        writer.transport.set_write_buffer_limits(high=_MAX_UNSENT_BYTES)

    async def run(self) -> None:
        """Serve until the end; no error of the peer comes out of here."""
        try:
            while data := await self._reader.read(_READ_BYTES):
                passed, fault = self._meter.to_phone(len(data))
                await self._hear(data[:passed] if fault else data)
                if fault is not None:
                    await self._go_wrong(fault)
                    await self._hear(data[passed:])
                await self._writer.drain()
        except (MalformedFrame, _Violation, OSError) as exc:
            _LOG.info("an adb connection ended: %s", exc)
        finally:
            await self._hang_up()
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def _hear(self, data: bytes) -> None:
        self._decoder.feed(data)
        while (packet := self._decoder.next_packet()) is not None:
            await self._handle(packet)

    async def _send(self, packet: Packet) -> None:
        data = encode(packet, checksum=self._decoder.checksum)
        passed, fault = self._meter.to_host(len(data))
        self._writer.write(data[:passed] if fault else data)
        if fault is not None:
            await self._go_wrong(fault)
            self._writer.write(data[passed:])
        if packet.command == Command.WRITE:
            with contextlib.suppress(OSError):  # the reading side notices, too
                await self._writer.drain()

    async def _handle(self, packet: Packet) -> None:
        if packet.command == Command.CNXN:
            await self._connect(packet)
        elif packet.command == Command.AUTH:
            await self._authenticate(packet)
        elif not self._online:
            return  # as a real adbd: nothing else is heard before the handshake
        elif packet.command == Command.OPEN:
            await self._open(packet)
        else:
            await self._to_stream(packet)

    async def _connect(self, packet: Packet) -> None:
        """Negotiate; a host that connects again starts from nothing."""
        await self._hang_up()
        self._online = False
        if packet.arg1 == 0:
            raise _Violation("the host offers a maximum payload of 0 bytes")
        self._decoder.checksum = packet.arg0 < VERSION_SKIP_CHECKSUM
        self._max_payload_bytes = min(packet.arg1, MAX_PAYLOAD_BYTES)
        if self._keys is None:
            await self._go_online()
        else:
            await self._challenge()

    async def _go_online(self) -> None:
        self._online = True
        self._decoder.max_payload_bytes = MAX_PAYLOAD_BYTES
        personality = self._phone.personality
        shown = ("ro.product.name", "ro.product.model", "ro.product.device")
        banner = "".join(
            f"{key}={personality.properties.get(key, '')};" for key in shown
        )
        banner = f"device::{banner}features={','.join(personality.features)}"
        version = VERSION_SKIP_CHECKSUM
        await self._send(
            Packet(Command.CNXN, version, MAX_PAYLOAD_BYTES, banner.encode())
        )

    async def _challenge(self) -> None:
        self._auth_attempts += 1
        if self._auth_attempts > _MAX_AUTH_ATTEMPTS:
            raise _Violation("too many attempts to authenticate")
        self._token = secrets.token_bytes(TOKEN_BYTES)
        await self._send(Packet(Command.AUTH, AuthType.TOKEN, 0, self._token))

    async def _authenticate(self, packet: Packet) -> None:
        if self._keys is None or self._online or not self._token:
            return
        if packet.arg0 == AuthType.SIGNATURE:
            token, self._token = self._token, b""  # each token is good for one answer
            if self._keys.signed(packet.payload, token):
                await self._go_online()
            else:
                await self._challenge()
        elif packet.arg0 == AuthType.PUBLIC_KEY:
            key = parse_public_key(packet.payload)
            if key is not None and self._keys.offer(key):
                await self._go_online()
            # Else silence: the host waits for somebody to tap on "Allow".

    async def _open(self, packet: Packet) -> None:
        name = packet.payload.rstrip(b"\0").decode(errors="surrogateescape")
        service = find_service(name)
        if packet.arg0 == 0:
            raise _Violation("OPEN with the local id 0")
        if service is None or len(self._streams) >= _MAX_STREAMS:
            await self._send(Packet(Command.CLSE, 0, packet.arg0))
            return
        self._last_id = self._last_id % 0xFFFFFFFF + 1
        while self._last_id in self._streams:
            self._last_id = self._last_id % 0xFFFFFFFF + 1
        stream = Stream(
            local_id=self._last_id,
            remote_id=packet.arg0,
            max_payload_bytes=self._max_payload_bytes,
            send=self._send,
            meter=self._trouble.faults.of_service(name),
            go_wrong=self._go_wrong,
        )
        self._streams[stream.local_id] = stream
        await self._send(Packet(Command.OKAY, stream.local_id, stream.remote_id))
        task = asyncio.create_task(self._serve(stream, service))
        self._tasks[stream.local_id] = task
        task.add_done_callback(_report)

    async def _serve(self, stream: Stream, service: Service) -> None:
        """Run *service* and its sending side; then close the stream."""
        pump = asyncio.create_task(stream.pump())
        try:
            with contextlib.suppress(BrokenPipeError):
                await service(self._phone, stream)
                await stream.flush()
        finally:
            self._tasks.pop(stream.local_id, None)
            if self._streams.pop(stream.local_id, None) is not None:
                await self._send(
                    Packet(Command.CLSE, stream.local_id, stream.remote_id)
                )
            await stream.close()
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _to_stream(self, packet: Packet) -> None:
        stream = self._streams.get(packet.arg1)
        if stream is None or stream.remote_id != packet.arg0:
            return  # closed from our side while it was under way
        if packet.command == Command.OKAY:
            await stream.on_okay()
        elif packet.command == Command.WRITE:
            await self._take(stream, packet.payload)
        elif packet.command == Command.CLSE:
            del self._streams[stream.local_id]
            await self._send(Packet(Command.CLSE, stream.local_id, stream.remote_id))
            await stream.close()
            if task := self._tasks.get(stream.local_id):
                task.cancel()

    async def _go_wrong(self, fault: Fault, stream: Stream | None = None) -> None:
        """Let *fault* happen; what ends the connection comes out as an OSError."""
        if fault.kind is FaultKind.FULL:
            self._phone.storage.limit_bytes = self._phone.storage.used_bytes
        elif fault.kind is FaultKind.KILL and stream is not None:
            self._phone.detach(_kill(self._phone, stream, fault.seconds))
        elif fault.kind is FaultKind.DROP:
            # Closed, not aborted: the bytes before the fault arrive.
            self._writer.close()
            raise ConnectionResetError(f"scripted: {fault.kind}")
        elif fault.kind in {FaultKind.REBOOT, FaultKind.VANISH}:
            self._trouble.restart(fault)
            self._writer.close()
            raise ConnectionResetError(f"scripted: {fault.kind}")

    async def _take(self, stream: Stream, data: bytes) -> None:
        unread = sum(other.unread_bytes for other in self._streams.values())
        if unread + len(data) > _MAX_UNREAD_BYTES:
            raise _Violation("too much was sent that no service reads")
        if not await stream.on_data(data):
            raise _Violation("a second WRITE before the OKAY of the first")

    async def _hang_up(self) -> None:
        """End every stream: what runs in them gets SIGHUP."""
        streams, self._streams = list(self._streams.values()), {}
        tasks = list(self._tasks.values())
        for stream in streams:
            await stream.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _kill(phone: Phone, stream: Stream, seconds: float) -> None:
    """Kill what the command of *stream* started, or its shell where that is all."""
    await asyncio.sleep(seconds)
    if stream.process is None:
        return
    family = [stream.process.pid]
    for process in phone.processes:  # a parent stands before its children
        if process.parent in family:
            family.append(process.pid)
    for process in phone.processes:
        hit = process.pid in (family[1:] or family)
        if hit and process.signal is not None:
            process.signal(signal.SIGKILL)


def _report(task: asyncio.Task[None]) -> None:
    """A fault in a service ends its stream alone, and is told."""
    if not task.cancelled() and (fault := task.exception()) is not None:
        _LOG.error("a service of the emulated phone failed", exc_info=fault)
