"""The emulated phone's daemon: listens on 127.0.0.1 and serves every host."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.emulators.phone.connection import Connection, KnownKeys, Trouble
from hil.emulators.phone.faults import (
    PROPERTY,
    Fault,
    FaultKind,
    Faults,
    parse_faults,
)
from hil.emulators.phone.personality import host_cpus, personality_of
from hil.emulators.phone.phone import Phone
from hil.emulators.phone.storage import delete_folder
from hil.errors import BrokenSetup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hil.emulators.phone.phone_clock import PhoneClock
    from hil.vocab import DeviceProfile

HOST: Final = "127.0.0.1"
_MAX_CONNECTIONS: Final = 64
_BACKLOG: Final = 16
_SERIAL: Final = "ro.serialno"


async def serve(
    profile: DeviceProfile,
    *,
    port: int,
    ready: Callable[[int], None],
    storage: Path | None = None,
    accepts_new_keys: bool = True,
    faults: Iterable[Fault] = (),
    clock: PhoneClock | None = None,
) -> None:
    """Be the phone of *profile* on TCP *port* (0: any free one) until cancelled.

    *ready* is called with the port once hosts can connect. The phone's files lie in
    *storage*, or in a temporary folder that is deleted at the end. With
    `accepts_new_keys` false, a host whose key is not known stays unauthorized. What
    shall go wrong are *faults* and those that the profile's property names. Time is
    this machine's where no *clock* is given.
    BrokenSetup where the port is taken, ConfigError where a fault is not understood.
    """
    own = parse_faults(profile.emulator.properties.get(PROPERTY, ""))
    scripted = Faults([*own, *faults])
    listener = _listener(port)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(listener.close)
        if storage is None:
            root = Path(tempfile.mkdtemp(prefix="hil-phone-"))
            stack.callback(delete_folder, root)
        else:
            root = storage
            root.mkdir(parents=True, exist_ok=True)
        phone = _phone(_numbered(profile, listener), root, clock)
        stack.push_async_callback(phone.close)
        keys = None
        if profile.emulator.require_auth or scripted.unauthorised:
            accepts = accepts_new_keys and not scripted.unauthorised
            keys = KnownKeys(accepts_new=accepts)
        await _live(listener, _Door(phone, keys, scripted), ready)


def _numbered(profile: DeviceProfile, listener: socket.socket) -> DeviceProfile:
    """Give the phone a serial number of its own where its profile has none."""
    number = {_SERIAL: f"emulated-{listener.getsockname()[1]}"}
    properties = {**number, **profile.emulator.properties}
    emulator = dataclasses.replace(profile.emulator, properties=properties)
    return dataclasses.replace(profile, emulator=emulator)


def _phone(profile: DeviceProfile, root: Path, clock: PhoneClock | None) -> Phone:
    limit_bytes = profile.emulator.storage_bytes
    try:
        personality = personality_of(profile, host_cpus(), clock=clock)
        return Phone(personality, root=root, storage_bytes=limit_bytes)
    except OSError as exc:
        raise BrokenSetup(
            "the emulated phone cannot keep its files",
            where=str(root),
            found=f"{exc.strerror}, with emulator.storage_bytes = {limit_bytes:,}",
            remedy="a folder that can be written, or more emulator.storage_bytes",
        ) from exc


class _Door:
    """Lets hosts in, one task a connection, until the phone restarts."""

    def __init__(self, phone: Phone, keys: KnownKeys | None, faults: Faults) -> None:
        self._phone = phone
        self._keys = keys
        self._connections: set[asyncio.Task[None]] = set()
        self._restarts: asyncio.Queue[Fault] = asyncio.Queue()
        self._trouble = Trouble(faults=faults, restart=self._restart)
        self._server: asyncio.Server | None = None

    async def stand_open(
        self, listener: socket.socket, ready: Callable[[int], None]
    ) -> Fault:
        """Serve every connection until a fault restarts the phone; all end then."""
        self._server = await asyncio.start_server(self._welcome, sock=listener)
        ready(listener.getsockname()[1])
        try:
            return await self._restarts.get()
        finally:
            self._server.close()
            self._end_processes()
            left = list(self._connections)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _welcome(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(self._connections) >= _MAX_CONNECTIONS:
            writer.close()
            return
        connection = Connection(
            self._phone, self._keys, reader, writer, trouble=self._trouble
        )
        task = asyncio.create_task(connection.run())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    def _restart(self, fault: Fault) -> None:
        # At once, so that nobody who sees his connection end can still come in.
        if self._server is not None:
            self._server.close()
        self._restarts.put_nowait(fault)

    def _end_processes(self) -> None:
        for process in self._phone.processes:
            if process.signal is not None:
                process.signal(signal.SIGKILL)


async def _live(
    listener: socket.socket, door: _Door, ready: Callable[[int], None]
) -> None:
    """Serve until cancelled, with a pause at each restart."""
    port = listener.getsockname()[1]
    while True:
        fault = await door.stand_open(listener, ready)
        if fault.kind is FaultKind.VANISH:
            await asyncio.Event().wait()
        await asyncio.sleep(fault.seconds)
        listener = _listener(port)
        ready = _nobody


def _nobody(_: int) -> None:
    """Nobody waits to hear a second time that the phone is there."""


def _listener(port: int) -> socket.socket:
    # With the protocol named, asyncio sets TCP_NODELAY; without, answers take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as exc:
        listener.close()
        raise BrokenSetup(
            "the emulated phone cannot listen on its port",
            where=f"{HOST}:{port}",
            found=exc.strerror if isinstance(exc, OSError) else str(exc),
            allowed="a free port from 1 to 65535",
            remedy="--port 0 takes any free port",
        ) from exc
    return listener


def run(
    profile: DeviceProfile,
    *,
    port: int,
    watch_stdin: bool,
    clock: PhoneClock | None = None,
) -> int:
    """Be the phone until SIGTERM or SIGINT; return the exit status 0.

    The first line on standard output is `127.0.0.1:PORT`. With *watch_stdin*, the end
    of file there ends the phone too: a parent that dies leaves no orphan. Time is this
    machine's where no *clock* is given.
    """
    asyncio.run(_run(profile, port=port, watch_stdin=watch_stdin, clock=clock))
    return 0


async def _run(
    profile: DeviceProfile, *, port: int, watch_stdin: bool, clock: PhoneClock | None
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(
        serve(profile, port=port, ready=_announce, clock=clock)
    )
    stopping = asyncio.create_task(stop.wait())
    if watch_stdin:
        # A file or /dev/null as input cannot tell of a parent's end.
        with contextlib.suppress(PermissionError):
            loop.add_reader(sys.stdin.fileno(), _at_end, stop.set)
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if watch_stdin:
            loop.remove_reader(sys.stdin.fileno())
        stopping.cancel()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


def _at_end(stop: Callable[[], None]) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stop()


def _announce(port: int) -> None:
    sys.stdout.write(f"{HOST}:{port}\n")
    sys.stdout.flush()
