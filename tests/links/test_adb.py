from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from adb_shell import exceptions
from adb_shell.auth import keygen
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hil.deadline import Deadline
from hil.errors import (
    BrokenSetup,
    ConfigError,
    LinkClosed,
    LinkTimeout,
    MalformedFrame,
    ProtocolMismatch,
    TargetError,
)
from hil.links import adb_usb
from hil.links.adb import AdbLink
from hil.links.adb_key import host_keys
from hil.links.adb_tcp import TcpTransport
from hil.tools import Child
from hil.vocab import AdbSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEAD = struct.Struct("<6I")
FEATURES = b"device::ro.product.name=fake;features=shell_v2,cmd\0"
NO_FEATURES = b"device::ro.product.name=fake\0"


class Packets:
    """The packets of one connection, seen from the phone."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, command: bytes, arg0: int, arg1: int, data: bytes = b"") -> None:
        code = int.from_bytes(command, "little")
        head = _HEAD.pack(code, arg0, arg1, len(data), sum(data), code ^ 0xFFFFFFFF)
        self._connection.sendall(head + data)

    def raw(self, data: bytes) -> None:
        self._connection.sendall(data)

    def hang_up(self) -> None:
        self._connection.shutdown(socket.SHUT_RDWR)

    def receive(self) -> tuple[bytes, int, int, bytes]:
        code, arg0, arg1, length, *_ = _HEAD.unpack(self._exactly(_HEAD.size))
        return code.to_bytes(4, "little"), arg0, arg1, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._connection.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data


class FakeAdbd:
    """Listens on 127.0.0.1; subclasses misbehave in one point."""

    banner = FEATURES

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, bytes] = {}
        self.commands: list[str] = []
        self.inbox: list[tuple[bytes, int, int, bytes]] = []
        # The host has heard what it can hear: of a command, which process it is.
        self.told = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def stop(self) -> None:
        self.close()
        for thread in self._threads:
            thread.join(60)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # shutdown wakes the thread in accept
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._run(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        packets = Packets(connection)
        with connection, contextlib.suppress(EOFError, OSError):
            packets.receive()
            self.greet(packets)
            while True:
                command, remote, _, data = packets.receive()
                if command == b"OPEN":
                    self.open(packets, remote, data.rstrip(b"\0").decode())

    def greet(self, packets: Packets) -> None:
        packets.send(b"CNXN", 0x01000000, 256 * 1024, self.banner)

    def open(self, packets: Packets, remote: int, service: str) -> None:
        name, _, argument = service.partition(":")
        if name == "sync":
            packets.send(b"OKAY", 1, remote)
            self.sync(packets, remote)
        elif name.startswith("shell"):
            self.commands.append(argument)
            packets.send(b"OKAY", 1, remote)
            self.shell(packets, remote, argument, framed="v2" in name)
        else:
            packets.send(b"CLSE", 0, remote)

    def shell(
        self, packets: Packets, remote: int, command: str, *, framed: bool
    ) -> None:
        errors = self.folder / "stderr"
        errors.write_bytes(b"")
        child = Child(["sh", "-c", command], stderr=errors if framed else None)
        try:
            while data := child.read(Deadline(60)):
                self.write(packets, remote, _frame(1, data) if framed else data)
        finally:  # where the client has gone, adbd lets the process run
            child.wait(Deadline(60))
            code = child.stop()
        if framed:
            said = errors.read_bytes()
            self.write(packets, remote, _frame(2, said) if said else b"")
            self.write(packets, remote, _frame(3, bytes([code % 256])))
        packets.send(b"CLSE", 1, remote)

    def write(self, packets: Packets, remote: int, data: bytes) -> None:
        if data:
            packets.send(b"WRTE", 1, remote, data)
            assert packets.receive()[0] == b"OKAY"
            self.told.set()

    def sync(self, packets: Packets, remote: int) -> None:
        pending = b""
        while True:
            while len(pending) < 8 or len(pending) < 8 + self._body(pending):
                waiting = self.inbox.pop(0) if self.inbox else packets.receive()
                command, _, _, data = waiting
                if command == b"CLSE":
                    packets.send(b"CLSE", 1, remote)
                    return
                if command == b"WRTE":
                    packets.send(b"OKAY", 1, remote)
                    pending += data
            end = 8 + self._body(pending)
            request, body, pending = pending[:4], pending[8:end], pending[end:]
            self.answer(packets, remote, request, body)

    def answer(
        self, packets: Packets, remote: int, request: bytes, body: bytes
    ) -> None:
        if request == b"SEND":
            self._name = body.decode().rpartition(",")[0]
            self.files[self._name] = b""
        elif request == b"DATA":
            self.files[self._name] += body
        elif request == b"DONE":
            self.write(packets, remote, b"OKAY" + bytes(4))
        elif request == b"STAT":
            size = len(self.files.get(body.decode(), b""))
            mode = 0o100644 if body.decode() in self.files else 0
            self.write(packets, remote, b"STAT" + struct.pack("<3I", mode, size, 0))
        elif request == b"RECV":
            if body.decode() not in self.files:
                self.fail(packets, remote, b"No such file or directory")
                return
            content = self.files[body.decode()]
            answer = b"".join(
                b"DATA" + struct.pack("<I", len(part)) + part
                for part in (
                    content[i : i + 65536] for i in range(0, len(content), 65536)
                )
            )
            self.write(packets, remote, answer + b"DONE" + bytes(4))

    def fail(self, packets: Packets, remote: int, reason: bytes) -> None:
        self.write(packets, remote, b"FAIL" + struct.pack("<I", len(reason)) + reason)

    def _body(self, pending: bytes) -> int:
        # DONE carries a time where others carry a length.
        return 0 if pending[:4] == b"DONE" else struct.unpack("<I", pending[4:8])[0]


def _frame(kind: int, data: bytes) -> bytes:
    return struct.pack("<BI", kind, len(data)) + data


def over_once(told: threading.Event) -> Callable[[], float]:
    """Return a clock for a deadline of a minute, which is over once *told*."""
    return lambda: time.monotonic() + 60 * told.is_set()


def is_running(pid: int) -> bool:
    """Whether a process of the host lives; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


class OldAdbd(FakeAdbd):
    banner = NO_FEATURES


class TerminalAdbd(OldAdbd):
    """Before Android 7 a terminal stood between: every line end has a return."""

    def write(self, packets: Packets, remote: int, data: bytes) -> None:
        super().write(packets, remote, data.replace(b"\n", b"\r\n"))


Start = "Callable[[type[FakeAdbd]], tuple[AdbLink, FakeAdbd]]"


@pytest.fixture
def start(
    tmp_path: Path,
) -> Iterator[Callable[[type[FakeAdbd]], tuple[AdbLink, FakeAdbd]]]:
    """Start a daemon of the class given and return a link to it, not yet open."""
    with contextlib.ExitStack() as stack:

        def started(kind: type[FakeAdbd]) -> tuple[AdbLink, FakeAdbd]:
            daemon = kind(tmp_path)
            stack.callback(daemon.stop)
            settings = AdbSettings(host="127.0.0.1", port=daemon.port)
            link = AdbLink(
                settings, key_path=tmp_path / "keys" / "adbkey", return_seconds=0.1
            )
            stack.callback(link.close)
            return link, daemon

        yield started


def test_the_exit_code_and_both_streams_of_a_command_come_apart(start: Start) -> None:
    link, _ = start(FakeAdbd)
    result = link.shell("echo out; echo err >&2; exit 7", Deadline(10))
    assert (result.exit_code, result.stdout, result.stderr) == (7, b"out\n", b"err\n")


@pytest.mark.parametrize("kind", [OldAdbd, TerminalAdbd])
def test_a_phone_without_shell_v2_gives_the_exit_code_too(
    start: Start, kind: type[FakeAdbd]
) -> None:
    link, _ = start(kind)
    result = link.shell("echo out; echo err >&2; exit 7", Deadline(10))
    assert result.exit_code == 7
    assert sorted(result.stdout.split(b"\n")) == [b"", b"err", b"out"]
    assert link.shell("printf 'no line end'", Deadline(10)).stdout == b"no line end"
    assert link.shell("exit 0", Deadline(10)).exit_code == 0


@pytest.mark.parametrize("kind", [FakeAdbd, OldAdbd])
def test_the_number_is_the_one_of_the_program_itself(
    start: Start, kind: type[FakeAdbd]
) -> None:
    link, _ = start(kind)
    result = link.shell(["sh", "-c", "echo $$"], Deadline(10))
    assert result.stdout.decode() == f"{result.pid}\n"


@pytest.mark.parametrize("kind", [FakeAdbd, OldAdbd])
def test_arguments_reach_the_program_as_they_are(
    start: Start, kind: type[FakeAdbd]
) -> None:
    link, _ = start(kind)
    odd = ["a b", "$(id)", "'; exit 3; '", "`x`", 'say "hi"', "*", "new\nline", "ä"]
    result = link.shell(["printf", "%s|", *odd], Deadline(10))
    assert result.stdout.decode() == "".join(f"{word}|" for word in odd)


@pytest.mark.parametrize("kind", [FakeAdbd, OldAdbd])
def test_a_process_that_a_signal_ended_has_128_and_its_number(
    start: Start, kind: type[FakeAdbd]
) -> None:
    link, _ = start(kind)
    assert link.shell("sh -c 'kill -6 $$'; exit $?", Deadline(10)).exit_code == 134


def test_the_banner_tells_the_features(start: Start) -> None:
    link, _ = start(FakeAdbd)
    assert link.features(Deadline(10)) == {"shell_v2", "cmd"}
    link, _ = start(OldAdbd)
    assert link.features(Deadline(10)) == frozenset()


def test_files_go_there_and_back(start: Start, tmp_path: Path) -> None:
    link, daemon = start(FakeAdbd)
    content = bytes(range(256)) * 3000  # more than a packet, a chunk and a send buffer
    link.push(content, "/data/a", deadline=Deadline(10))
    (tmp_path / "b").write_bytes(b"from a file")
    link.push(tmp_path / "b", "/data/b,c", deadline=Deadline(10), mode=0o755)
    assert daemon.files == {"/data/a": content, "/data/b,c": b"from a file"}
    assert link.pull("/data/a", Deadline(10)) == content
    assert link.stat("/data/a", Deadline(10)) == 768000
    assert link.stat("/data/none", Deadline(10)) is None


def test_a_missing_file_cannot_be_pulled_and_leaves_nothing(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, _ = start(FakeAdbd)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(TargetError, match="the phone refused the file") as caught:
        link.pull("/data/none", Deadline(10))
    assert caught.value.found == "No such file or directory"
    assert caught.value.where == f"/data/none on {link.address}"
    assert list(Path.cwd().iterdir()) == []
    assert link.shell("exit 5", Deadline(10)).exit_code == 5


def test_a_local_file_that_is_missing_is_named(start: Start, tmp_path: Path) -> None:
    link, _ = start(FakeAdbd)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        link.push(tmp_path / "none", "/data/a", deadline=Deadline(10))
    assert caught.value.where == str(tmp_path / "none")


class FullAdbd(FakeAdbd):
    """A phone whose disk is full: it says so at once and reads on to the end.

    It takes no more data before its own has been acknowledged.
    """

    def answer(
        self, packets: Packets, remote: int, request: bytes, body: bytes
    ) -> None:
        del body
        if request == b"SEND":
            reason = b"No space left on device\x1b"
            answer = b"FAIL" + struct.pack("<I", len(reason)) + reason
            packets.send(b"WRTE", 1, remote, answer)
            while (packet := packets.receive())[0] != b"OKAY":
                self.inbox.append(packet)


def test_a_full_phone_refuses_a_file_with_its_reason(start: Start) -> None:
    link, _ = start(FullAdbd)
    with pytest.raises(TargetError, match="the phone refused the file") as caught:
        link.push(bytes(900_000), "/data/a", deadline=Deadline(10))
    assert caught.value.found == r"No space left on device\x1b"
    assert link.shell("exit 5", Deadline(10)).exit_code == 5


def test_an_address_where_nothing_listens_says_what_to_try(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    link = AdbLink(AdbSettings(host="127.0.0.1", port=port), key_path=tmp_path / "k")
    with pytest.raises(BrokenSetup, match="cannot be reached") as caught:
        link.open(Deadline(10))
    assert caught.value.where == f"127.0.0.1:{port}"
    assert caught.value.found == "Connection refused"
    assert caught.value.remedy is not None
    assert "adb tcpip 5555" in caught.value.remedy
    assert not (tmp_path / "k").exists()


def test_a_profile_without_a_way_to_the_phone_is_refused() -> None:
    with pytest.raises(ConfigError, match="no way to the phone"):
        AdbLink(AdbSettings()).open(Deadline(10))


def test_a_phone_on_usb_needs_libusb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adb_usb, "usb_transport", None)
    with pytest.raises(BrokenSetup, match="need libusb") as caught:
        AdbLink(AdbSettings(serial="0A1B")).open(Deadline(10))
    assert caught.value.where == "USB 0A1B"
    assert "adb-shell[usb]" in str(caught.value.remedy)


class StrictAdbd(FakeAdbd):
    """Knows no key: asks the person for each new one, who says yes."""

    keys: tuple[str, ...] = ()

    def greet(self, packets: Packets) -> None:
        packets.send(b"AUTH", 1, 0, bytes(range(20)))
        command, kind, _, signature = packets.receive()
        assert (command, kind, len(signature)) == (b"AUTH", 2, 256)
        packets.send(b"AUTH", 1, 0, bytes(range(20)))
        command, kind, _, key = packets.receive()
        assert (command, kind) == (b"AUTH", 3)
        self.keys += (key.decode().rstrip("\0"),)
        self.person(packets)

    def person(self, packets: Packets) -> None:
        super().greet(packets)


class IgnoredAdbd(StrictAdbd):
    def person(self, packets: Packets) -> None:
        del packets
        self.told.set()


class DenyingAdbd(StrictAdbd):
    def person(self, packets: Packets) -> None:
        packets.hang_up()


def test_a_key_is_made_for_its_owner_alone_and_used_again(
    start: Start, tmp_path: Path
) -> None:
    link, daemon = start(StrictAdbd)
    link.open(Deadline(20))
    key = tmp_path / "keys" / "adbkey"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert list(key.parent.iterdir()) == [key]
    link.close()
    link.open(Deadline(20))
    assert isinstance(daemon, StrictAdbd)
    assert len(daemon.keys) == 2
    assert daemon.keys[0] == daemon.keys[1]
    public, user = daemon.keys[0].split(" ")
    keygen.decode_pubkey(public)
    assert "@" in user


@pytest.mark.parametrize("kind", [IgnoredAdbd, DenyingAdbd])
def test_a_key_that_nobody_accepts_is_a_broken_setup(
    start: Start, kind: type[FakeAdbd]
) -> None:
    link, daemon = start(kind)
    with pytest.raises(BrokenSetup, match="has not accepted the key") as caught:
        link.open(Deadline(60, is_cut=daemon.told.is_set))
    assert caught.value.remedy is not None
    assert "accept the key on the phone's screen" in caught.value.remedy


def test_the_key_of_the_systems_adb_is_used_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ADB_VENDOR_KEYS", raising=False)
    assert [key.path for key in host_keys()] == [tmp_path / ".config/hil/adbkey"]
    (tmp_path / ".android").mkdir()
    keygen.keygen(str(tmp_path / ".android" / "adbkey"))
    (key,) = host_keys()
    assert key.path == tmp_path / ".android" / "adbkey"
    public = (tmp_path / ".android" / "adbkey.pub").read_text()
    assert key.GetPublicKey() == public


def test_a_user_without_a_home_reaches_phones_that_want_no_key(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("ADB_VENDOR_KEYS", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2**30)  # a number without a name
    assert host_keys() == []
    free, strict = (
        AdbLink(AdbSettings(host="127.0.0.1", port=start(kind)[1].port))
        for kind in (FakeAdbd, StrictAdbd)
    )
    free.open(Deadline(20))
    free.close()
    with pytest.raises(BrokenSetup, match="wants a key") as caught:
        strict.open(Deadline(20))
    assert caught.value.remedy is not None
    assert "HOME" in caught.value.remedy


def test_the_keys_of_adbs_variable_come_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    names = ["folder/b.adb_key", "folder/a.adb_key", "folder/other", "file", "none"]
    (tmp_path / "folder").mkdir()
    for name in names[:-1]:
        (tmp_path / name).touch()
    listed = [str(tmp_path / name) for name in ("folder", "file", "none", "file")]
    monkeypatch.setenv("ADB_VENDOR_KEYS", ":".join(listed))
    assert [key.path.relative_to(tmp_path).as_posix() for key in host_keys()] == [
        ".config/hil/adbkey",
        "folder/a.adb_key",
        "folder/b.adb_key",
        "file",
    ]


def _private(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, word: bytes) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(word)
        if word
        else serialization.NoEncryption(),
    ).decode()


@pytest.mark.parametrize(
    "content",
    [
        "nonsense",
        _private(ec.generate_private_key(ec.SECP256R1()), b""),
        _private(rsa.generate_private_key(65537, 2048), b"secret"),
        _private(rsa.generate_private_key(65537, 1024), b""),
        _private(rsa.generate_private_key(65537, 2560), b""),
    ],
    ids=["text", "other kind", "password", "short", "long"],
)
def test_a_key_file_that_cannot_be_used_is_named(
    start: Start, tmp_path: Path, content: str
) -> None:
    link, daemon = start(StrictAdbd)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "adbkey").write_text(content)
    with pytest.raises(BrokenSetup, match="key of this computer cannot be") as caught:
        link.open(Deadline(10))
    assert caught.value.where == str(tmp_path / "keys" / "adbkey")
    assert isinstance(daemon, StrictAdbd)
    assert daemon.keys == ()


class SilentAdbd(FakeAdbd):
    def greet(self, packets: Packets) -> None:
        del packets
        self.told.set()


def test_a_phone_that_says_nothing_is_given_up_at_the_deadline(start: Start) -> None:
    link, daemon = start(SilentAdbd)
    with pytest.raises(LinkTimeout, match="time ran out while waiting"):
        link.open(Deadline(60, now=over_once(daemon.told)))


def test_what_says_no_hello_is_given_up_long_before_the_deadline(
    start: Start, tmp_path: Path
) -> None:
    _, daemon = start(SilentAdbd)
    settings = AdbSettings(host="127.0.0.1", port=daemon.port)
    link = AdbLink(settings, key_path=tmp_path / "key", hello_seconds=0.2)
    deadline = Deadline(3600)
    with pytest.raises(LinkTimeout) as caught:
        link.open(deadline)
    assert not deadline.expired
    assert "is the phone on" in str(caught.value.remedy)


def test_no_time_at_all_is_a_timeout(start: Start) -> None:
    link, _ = start(FakeAdbd)
    with pytest.raises(LinkTimeout, match="time ran out while connecting"):
        link.open(Deadline(0))


class WebServer(FakeAdbd):
    def greet(self, packets: Packets) -> None:
        packets.raw(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n")


class PairingAdbd(FakeAdbd):
    def greet(self, packets: Packets) -> None:
        packets.send(b"STLS", 0x01000000, 0)


@pytest.mark.parametrize(
    ("kind", "said"),
    [(WebServer, "is no ADB daemon"), (PairingAdbd, "wireless debugging with pairing")],
)
def test_what_speaks_no_plain_adb_is_named(
    start: Start, kind: type[FakeAdbd], said: str
) -> None:
    link, _ = start(kind)
    with pytest.raises(ProtocolMismatch, match=said):
        link.open(Deadline(10))


class GarbageAdbd(FakeAdbd):
    """Damages the first command's answer, and behaves after that."""

    damage = b"\xff" * 24

    def shell(
        self, packets: Packets, remote: int, command: str, *, framed: bool
    ) -> None:
        if len(self.commands) == 1:
            packets.raw(self.damage)
            raise EOFError
        super().shell(packets, remote, command, framed=framed)


class EndlessPacketAdbd(GarbageAdbd):
    damage = struct.pack("<6I", 0x45545257, 1, 1, 1 << 31, 0, 0x45545257 ^ 0xFFFFFFFF)


class WrongSumAdbd(GarbageAdbd):
    damage = struct.pack("<6I", 0x45545257, 1, 1, 1, 0, 0x45545257 ^ 0xFFFFFFFF) + b"x"


class WrongFrameAdbd(GarbageAdbd):
    damage = (
        struct.pack("<6I", 0x45545257, 1, 1, 5, 9, 0x45545257 ^ 0xFFFFFFFF)
        + b"\x09\0\0\0\0"
    )


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (GarbageAdbd, "no ADB packet"),
        (EndlessPacketAdbd, "a packet that is too long"),
        (WrongSumAdbd, "no ADB packet"),
        (WrongFrameAdbd, "a shell frame that cannot be read"),
    ],
)
def test_after_damaged_bytes_the_next_command_has_a_new_connection(
    start: Start, kind: type[FakeAdbd], said: str
) -> None:
    link, _ = start(kind)
    with pytest.raises(MalformedFrame, match=said):
        link.shell("echo", Deadline(10))
    assert link.shell("echo again", Deadline(10)).stdout == b"again\n"


class DyingAdbd(FakeAdbd):
    """Loses the connection in the middle of the first command."""

    def write(self, packets: Packets, remote: int, data: bytes) -> None:
        super().write(packets, remote, data)
        if len(self.commands) == 1:
            packets.hang_up()
            raise EOFError


def test_a_connection_that_breaks_is_closed_and_its_process_killed(
    start: Start,
) -> None:
    link, daemon = start(DyingAdbd)
    with pytest.raises(LinkClosed, match="connection to the phone is gone") as caught:
        link.shell("exec sleep 1000", Deadline(10))
    killed = re.findall(r"kill -9 (\d+);", daemon.commands[-1])
    assert str(caught.value.found).endswith(
        f"process {killed[0]} was killed on the phone"
    )
    assert not is_running(int(killed[0]))


class RecoveryAdbd(FakeAdbd):
    banner = b"recovery::ro.product.model=x\x1b;"


def test_a_phone_that_does_not_run_android_is_no_target(start: Start) -> None:
    link, _ = start(RecoveryAdbd)
    with pytest.raises(BrokenSetup, match="does not run Android now") as caught:
        link.open(Deadline(10))
    assert (caught.value.found, caught.value.remedy) == (
        "recovery",
        "`adb reboot` brings it back",
    )


def test_another_phone_at_the_same_address_is_not_taken_for_the_first(
    start: Start,
) -> None:
    link, daemon = start(FakeAdbd)
    link.open(Deadline(10))
    link.close()
    daemon.banner = b"device::ro.product.name=other\x1b;features=shell_v2"
    with pytest.raises(BrokenSetup, match="another phone answers") as caught:
        link.shell("echo", Deadline(10))
    assert caught.value.found == r"ro.product.name=other\x1b"
    assert caught.value.allowed == "ro.product.name=fake"
    assert daemon.commands == []


def test_a_phone_that_was_there_and_is_gone_is_a_broken_link(start: Start) -> None:
    link, daemon = start(FakeAdbd)
    link.open(Deadline(10))
    link.close()
    daemon.close()
    with pytest.raises(LinkClosed, match="the phone is gone") as caught:
        link.shell("echo", Deadline(10))
    assert caught.value.transient
    assert caught.value.found == "Connection refused"


class NewAdbd(FakeAdbd):
    """As adbd is now: without sums from its first packet on."""

    def greet(self, packets: Packets) -> None:
        code = int.from_bytes(b"CNXN", "little")
        head = _HEAD.pack(
            code, 0x01000001, 1 << 20, len(self.banner), 0, code ^ 0xFFFFFFFF
        )
        packets.raw(head + self.banner)


def test_a_daemon_that_leaves_the_sums_out_is_understood(start: Start) -> None:
    link, daemon = start(NewAdbd)
    assert link.shell("echo new", Deadline(10)).stdout == b"new\n"
    link.push(b"content", "/data/a", deadline=Deadline(10))
    assert daemon.files == {"/data/a": b"content"}


@pytest.mark.parametrize(
    "foreign",
    [kind for kind in vars(exceptions).values() if isinstance(kind, type)],
    ids=lambda kind: kind.__name__,
)
def test_no_error_of_adb_shell_comes_out(
    start: Start, monkeypatch: pytest.MonkeyPatch, foreign: type[Exception]
) -> None:
    link, _ = start(FakeAdbd)
    link.open(Deadline(10))

    def fail(*_: object) -> None:
        reason = "odd\x1b"
        if foreign is exceptions.UsbReadFailedError:
            raise foreign(reason, None)
        raise foreign(reason)

    monkeypatch.setattr(TcpTransport, "bulk_read", fail)
    with pytest.raises(MalformedFrame) as caught:
        link.stat("/data/a", Deadline(10))
    assert "\x1b" not in str(caught.value)


def test_ctrl_c_kills_the_process_on_the_phone(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, daemon = start(FakeAdbd)
    read = TcpTransport.bulk_read

    def interrupted(transport: TcpTransport, size: int, seconds: float | None) -> bytes:
        data = read(transport, size, seconds)
        if re.search(rb"hil-\w+ \d+ ", data):
            monkeypatch.setattr(TcpTransport, "bulk_read", press)
        return data

    def press(*_: object) -> bytes:
        monkeypatch.setattr(TcpTransport, "bulk_read", read)
        raise KeyboardInterrupt

    monkeypatch.setattr(TcpTransport, "bulk_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        link.shell(["sleep", "1000"], Deadline(20))
    (killed,) = re.findall(r"kill -9 (\d+);", daemon.commands[-1])
    assert not is_running(int(killed))
    assert link.shell("echo on", Deadline(10)).stdout == b"on\n"


def test_a_wait_that_another_thread_breaks_off_ends_and_its_process_is_killed(
    start: Start,
) -> None:
    link, daemon = start(FakeAdbd)
    with pytest.raises(LinkTimeout) as caught:
        link.shell(["sleep", "1000"], Deadline(1000, is_cut=daemon.told.is_set))
    (killed,) = re.findall(r"kill -9 (\d+);", daemon.commands[-1])
    assert f"process {killed} was killed on the phone" in str(caught.value)
    assert not is_running(int(killed))


class ClosingAdbd(FakeAdbd):
    def shell(
        self, packets: Packets, remote: int, command: str, *, framed: bool
    ) -> None:
        del command, framed
        packets.send(b"CLSE", 1, remote)


class RefusingAdbd(FakeAdbd):
    def open(self, packets: Packets, remote: int, service: str) -> None:
        del service
        packets.send(b"CLSE", 0, remote)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (ClosingAdbd, "ended a command without its exit code"),
        (RefusingAdbd, "closed the stream before it was done"),
    ],
)
def test_a_stream_that_ends_early_is_no_result(
    start: Start, kind: type[FakeAdbd], said: str
) -> None:
    link, _ = start(kind)
    with pytest.raises(LinkClosed, match=said):
        link.shell("echo", Deadline(30))


@pytest.mark.parametrize("kind", [FakeAdbd, OldAdbd])
def test_at_the_deadline_the_process_on_the_phone_is_killed(
    start: Start, kind: type[FakeAdbd]
) -> None:
    link, daemon = start(kind)
    deadline = Deadline(60, now=over_once(daemon.told))
    with pytest.raises(LinkTimeout, match="did not end in time") as caught:
        link.shell(["sleep", "1000"], deadline)
    match = re.fullmatch(
        r"exec sleep 1000; process (\d+) was killed on the phone",
        caught.value.found or "",
    )
    assert match is not None
    assert not is_running(int(match[1]))
    assert link.shell("echo on", Deadline(10)).stdout == b"on\n"


class DeafAdbd(FakeAdbd):
    """Takes one connection only; what comes later finds nobody."""

    def greet(self, packets: Packets) -> None:
        super().greet(packets)
        self.close()


def test_a_process_that_cannot_be_killed_is_reported(start: Start) -> None:
    link, daemon = start(DeafAdbd)
    with pytest.raises(LinkTimeout) as caught:
        link.shell(["sleep", "8"], Deadline(60, now=over_once(daemon.told)))
    assert re.fullmatch(
        r"exec sleep 8; process \d+ may still run on the phone "
        r"\(the phone is gone\)",
        caught.value.found or "",
    )
    assert len(daemon.commands) == 1
    os.kill(int(re.findall(r"process (\d+)", caught.value.found or "")[0]), 9)


def test_a_silent_command_may_take_longer_than_any_timer_of_adb_shell(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adb_shell.constants.DEFAULT_READ_TIMEOUT_S", 0.01)
    link, _ = start(FakeAdbd)
    assert link.shell("sleep 0.3; echo done", Deadline(20)).stdout == b"done\n"


def test_closing_twice_is_no_error(start: Start) -> None:
    link, _ = start(FakeAdbd)
    link.close()
    link.open(Deadline(10))
    link.open(Deadline(10))
    link.close()
    link.close()
