"""The emulated phone's daemon: listens on 127.0.0.1 and serves every host."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.emulators.phone.connection import Connection, KnownKeys
from hil.emulators.phone.personality import host_cpus, personality_of
from hil.emulators.phone.phone import Phone
from hil.emulators.phone.storage import delete_folder
from hil.errors import BrokenSetup

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.vocab import DeviceProfile

HOST: Final = "127.0.0.1"
_MAX_CONNECTIONS: Final = 64
_BACKLOG: Final = 16


async def serve(
    profile: DeviceProfile,
    *,
    port: int,
    ready: Callable[[int], None],
    storage: Path | None = None,
    accepts_new_keys: bool = True,
) -> None:
    """Be the phone of *profile* on TCP *port* (0: any free one) until cancelled.

    *ready* is called with the port once hosts can connect. The phone's files lie in
    *storage*, or in a temporary folder that is deleted at the end. With
    `accepts_new_keys` false, a host whose key is not known stays unauthorized.
    Raises BrokenSetup where the port is taken.
    """
    listener = _listener(port)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(listener.close)
        if storage is None:
            root = Path(tempfile.mkdtemp(prefix="hil-phone-"))
            stack.callback(delete_folder, root)
        else:
            root = storage
            root.mkdir(parents=True, exist_ok=True)
        phone = _phone(profile, root)
        stack.push_async_callback(phone.close)
        keys = (
            KnownKeys(accepts_new=accepts_new_keys)
            if profile.emulator.require_auth
            else None
        )
        await _accept(listener, phone, keys, ready)


def _phone(profile: DeviceProfile, root: Path) -> Phone:
    limit_bytes = profile.emulator.storage_bytes
    try:
        personality = personality_of(profile, host_cpus())
        return Phone(personality, root=root, storage_bytes=limit_bytes)
    except OSError as exc:
        raise BrokenSetup(
            "the emulated phone cannot keep its files",
            where=str(root),
            found=f"{exc.strerror}, with emulator.storage_bytes = {limit_bytes:,}",
            remedy="a folder that can be written, or more emulator.storage_bytes",
        ) from exc


async def _accept(
    listener: socket.socket,
    phone: Phone,
    keys: KnownKeys | None,
    ready: Callable[[int], None],
) -> None:
    """Serve every connection as a task of its own; all end when this does."""
    connections: set[asyncio.Task[None]] = set()

    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(connections) >= _MAX_CONNECTIONS:
            writer.close()
            return
        connection = Connection(phone, keys, reader, writer)
        task = asyncio.create_task(connection.run())
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(welcome, sock=listener)
    ready(listener.getsockname()[1])
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        left = list(connections)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


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


def run(profile: DeviceProfile, *, port: int, watch_stdin: bool) -> int:
    """Be the phone until SIGTERM or SIGINT; return the exit status 0.

    The first line on standard output is `127.0.0.1:PORT`. With *watch_stdin*, the end
    of file there ends the phone too: a parent that dies leaves no orphan.
    """
    asyncio.run(_run(profile, port=port, watch_stdin=watch_stdin))
    return 0


async def _run(profile: DeviceProfile, *, port: int, watch_stdin: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(serve(profile, port=port, ready=_announce))
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
