"""A phone in a child process, and a small adb host to talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.emulators.phone.call import Io
from hil.emulators.phone.interpreter import run_text
from hil.emulators.phone.personality import personality_of
from hil.emulators.phone.phone import Phone
from hil.emulators.phone.pipes import Capture, Source, empty
from hil.emulators.phone.shell import Shell
from hil.emulators.phone.wire import Command, Decoder, Packet, encode
from hil.profiles import find_profile
from hil.tools import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.vocab import DeviceProfile

_SERVER = """
import sys
from hil.emulators.phone.adbd import run
from hil.profiles import find_profile
sys.exit(run(find_profile(sys.argv[1]), port=int(sys.argv[2]), watch_stdin=True))
"""
_FRAME = struct.Struct("<BI")
_SECONDS = 60.0


@pytest.fixture(scope="session")
def profile() -> DeviceProfile:
    """The phone that comes with hil."""
    return find_profile("emulated-phone")


@pytest.fixture(scope="session")
def profile_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write the shipped profile with other emulator settings, `key = value` text."""
    source = find_profile("emulated-phone").source
    assert source is not None

    def write(**settings: str) -> Path:
        text = source.read_text(encoding="utf-8")
        lines = [
            line for line in text.splitlines() if line.split(" = ")[0] not in settings
        ]
        at = lines.index("[emulator]") + 1
        lines[at:at] = [f"{key} = {value}" for key, value in settings.items()]
        path = tmp_path_factory.mktemp("profile") / "emulated-phone.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def start_phone() -> Iterator[Callable[..., tuple[Child, int]]]:
    """Start a phone of the profile (a name or a file) and return it with its port."""
    with contextlib.ExitStack() as stack:

        def start(profile: str | Path = "emulated-phone") -> tuple[Child, int]:
            argv = [sys.executable, "-c", _SERVER, str(profile), "0"]
            child = Child(argv)
            stack.callback(child.stop)
            address = child.read_line(Deadline(_SECONDS))
            host, _, port = address.partition(":")
            assert host == "127.0.0.1"
            return child, int(port)

        yield start


@pytest.fixture(scope="session")
def port(start_phone: Callable[..., tuple[Child, int]]) -> int:
    """The port of a phone that all tests share."""
    return start_phone()[1]


class Host:
    """One connection of an adb host."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.decoder = Decoder()
        self.checksum = True
        self._last = 0

    def send(self, command: int, arg0: int, arg1: int, payload: bytes = b"") -> None:
        packet = Packet(command, arg0, arg1, payload)
        self.socket.sendall(encode(packet, checksum=self.checksum))

    def receive(self) -> Packet | None:
        """Return the next packet, None at the end of the connection."""
        while (packet := self.decoder.next_packet()) is None:
            try:
                data = self.socket.recv(1 << 18)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.decoder.feed(data)
        return packet

    def connect(self, version: int = 0x01000001, maxdata: int = 1 << 20) -> Packet:
        self.send(Command.CNXN, version, maxdata, b"host::features=shell_v2")
        answer = self.receive()
        assert answer is not None
        if answer.command == Command.CNXN:
            self.decoder.max_payload_bytes = 1 << 20
            self.checksum = self.decoder.checksum = version < 0x01000001
        return answer

    def open(self, service: str | bytes) -> tuple[int, int]:
        """Open a stream; return our id and the phone's, 0 where it refused."""
        self._last += 1
        name = service.encode() if isinstance(service, str) else service
        self.send(Command.OPEN, self._last, 0, name + b"\0")
        answer = self.receive()
        assert answer is not None
        assert answer.arg1 == self._last
        return self._last, answer.arg0

    def write(self, ours: int, theirs: int, data: bytes) -> None:
        """Send one WRITE and wait for its OKAY."""
        self.send(Command.WRITE, ours, theirs, data)
        answer = self.receive()
        assert answer is not None
        assert answer.command == Command.OKAY

    def read(self) -> bytes | None:
        """Return the next data of a stream, None when it closes; answer both."""
        while (packet := self.receive()) is not None:
            if packet.command == Command.WRITE:
                self.send(Command.OKAY, packet.arg1, packet.arg0)
                return packet.payload
            if packet.command == Command.CLSE:
                self.send(Command.CLSE, packet.arg1, packet.arg0)
                return None
        return None

    def rest(self) -> bytes:
        """Return all that a stream still brings up to its end."""
        parts = []
        while (data := self.read()) is not None:
            parts.append(data)
        return b"".join(parts)

    def shell(self, command: str | bytes) -> Done:
        """Run a command by shell v2."""
        name = command.encode() if isinstance(command, str) else command
        _, theirs = self.open(b"shell,v2,raw:" + name)
        assert theirs
        return unframed(self.rest())

    def close(self) -> None:
        self.socket.close()


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    stdout: str
    stderr: str
    status: int | None


def unframed(data: bytes) -> Done:
    """Take the frames of shell v2 apart."""
    streams = {1: b"", 2: b"", 3: b""}
    while data:
        kind, length = _FRAME.unpack_from(data)
        streams[kind] += data[_FRAME.size : _FRAME.size + length]
        data = data[_FRAME.size + length :]
    return Done(
        streams[1].decode(errors="surrogateescape"),
        streams[2].decode(errors="surrogateescape"),
        streams[3][0] if streams[3] else None,
    )


@pytest.fixture
def new_host() -> Iterator[Callable[[int], Host]]:
    """Open connections that are not negotiated yet."""
    with contextlib.ExitStack() as stack:

        def make(port: int) -> Host:
            host = Host(port)
            stack.callback(host.close)
            return host

        yield make


@pytest.fixture
def host(port: int, new_host: Callable[[int], Host]) -> Host:
    """A negotiated connection to the shared phone, its working folder emptied."""
    host = new_host(port)
    host.connect()
    host.shell(
        "cd /data/local/tmp; for f in *; do"
        ' [ "$f" = benchmark_model ] || rm -r "$f"; done'
    )
    return host


@pytest.fixture
def run(profile: DeviceProfile, tmp_path: Path) -> Callable[..., Done]:
    """Run a script in a phone of its own, in this process; no sockets, no adb."""

    def run_script(
        script: str, *, stdin: bytes = b"", storage_bytes: int = 1 << 20
    ) -> Done:
        async def body() -> Done:
            phone = Phone(
                personality_of(profile, (0, 0, 0, 0)),
                root=tmp_path / "phone",
                storage_bytes=storage_bytes,
            )
            shell = Shell(phone=phone, process=phone.processes.start(["sh"]))
            stdout, stderr = Capture(1 << 20), Capture(1 << 20)
            io = Io(stdin=_given(stdin), stdout=stdout, stderr=stderr)
            try:
                status = await asyncio.wait_for(run_text(script, shell, io), _SECONDS)
            finally:
                await phone.close()
            return Done(
                stdout.content().decode(errors="surrogateescape"),
                stderr.content().decode(errors="surrogateescape"),
                status,
            )

        (tmp_path / "phone").mkdir(exist_ok=True)
        return asyncio.run(body())

    return run_script


def _given(data: bytes) -> Source:
    left = [data] if data else []

    async def fetch() -> bytes:
        return left.pop() if left else b""

    return Source(fetch) if data else empty()
