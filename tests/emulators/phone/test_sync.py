from __future__ import annotations

import errno
import os
import stat
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.emulators.phone.wire import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Host

    from hil.tools import Child

TMP = b"/data/local/tmp/"
STAT2 = struct.Struct("<4sIQQIIIIQqqq")


class Session:
    """One sync: stream; requests go out, answers come back as plain bytes."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.ours, self.theirs = host.open("sync:")
        self.buffer = b""
        self.may_send = True

    def send(self, *parts: bytes) -> None:
        data = b"".join(parts)
        while data:
            self.host.send(Command.WRITE, self.ours, self.theirs, data[: 1 << 20])
            data = data[1 << 20 :]
            while True:  # the answer may come before the OKAY
                packet = self.host.receive()
                assert packet is not None
                if packet.command == Command.OKAY:
                    break
                self.take(packet.payload)

    def take(self, data: bytes) -> None:
        self.buffer += data
        self.host.send(Command.OKAY, self.ours, self.theirs)

    def read(self, size: int) -> bytes:
        while len(self.buffer) < size:
            data = self.host.read()
            assert data is not None
            self.buffer += data
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def request(self, name: bytes, path: bytes) -> None:
        self.send(name, struct.pack("<I", len(path)), path)

    def push(self, path: bytes, data: bytes, mtime: int = 1_000_000_000) -> bytes:
        """Send a file; return b"" or the text of the failure."""
        self.send(
            b"SEND",
            struct.pack("<I", len(path)),
            path,
            *(
                b"DATA" + struct.pack("<I", len(part)) + part
                for part in (data[at : at + 65536] for at in range(0, len(data), 65536))
            ),
            b"DONE",
            struct.pack("<I", mtime),
        )
        return self.verdict()

    def verdict(self) -> bytes:
        name, length = struct.unpack("<4sI", self.read(8))
        assert name in {b"OKAY", b"FAIL"}
        return self.read(length)

    def pull(self, path: bytes) -> bytes:
        self.request(b"RECV", path)
        parts = []
        while True:
            name, length = struct.unpack("<4sI", self.read(8))
            if name == b"DONE":
                return b"".join(parts)
            data = self.read(length)
            assert name == b"DATA", data
            assert len(data) <= 65536
            parts.append(data)


@pytest.fixture
def sync(host: Host) -> Session:
    return Session(host)


def test_a_file_comes_back_as_it_went(sync: Session) -> None:
    data = os.urandom(300_000)
    assert sync.push(TMP + b"new/folder/f,33188", data) == b""
    assert sync.pull(TMP + b"new/folder/f") == data
    sync.request(b"STAT", TMP + b"new/folder/f")
    assert struct.unpack("<4s3I", sync.read(16)) == (
        b"STAT",
        stat.S_IFREG | 0o644,
        300_000,
        1_000_000_000,
    )


def test_an_empty_file_and_a_strange_name_are_fine(sync: Session) -> None:
    name = TMP + b"a,b \xff\n$(reboot);'\""
    assert sync.push(name + b",420", b"") == b""
    assert sync.pull(name) == b""


def test_stat_of_nothing_is_all_zeros_or_the_error(sync: Session) -> None:
    sync.request(b"STAT", b"/nothing")
    assert sync.read(16) == b"STAT" + bytes(12)
    sync.request(b"STA2", b"/nothing")
    assert STAT2.unpack(sync.read(72)) == (b"STA2", errno.ENOENT, *[0] * 10)


def test_version_two_tells_everything_of_a_file(sync: Session) -> None:
    sync.push(TMP + b"f,33261", b"abc", 5)
    for name in (b"STA2", b"LST2"):
        sync.request(name, TMP + b"f")
        found = STAT2.unpack(sync.read(72))
        assert found[:3] == (name, 0, 0)
        assert found[4:] == (stat.S_IFREG | 0o755, 1, 2000, 2000, 3, 5, 5, 5)


def test_both_versions_list_a_folder(sync: Session) -> None:
    sync.push(TMP + b"d/f,33188", b"abc", 5)
    sync.request(b"LIST", TMP + b"d")
    found = {}
    while True:
        name, mode, size, mtime, length = struct.unpack("<4s4I", sync.read(20))
        if name == b"DONE":
            break
        found[sync.read(length)] = (mode, size, mtime)
    assert set(found) == {b".", b"..", b"f"}
    assert found[b"f"] == (stat.S_IFREG | 0o644, 3, 5)
    sync.request(b"LIS2", TMP + b"d")
    names = []
    while True:
        entry = sync.read(76)
        if entry[:4] == b"DONE":
            assert entry[4:] == bytes(72)
            break
        names.append(sync.read(struct.unpack_from("<I", entry, 72)[0]))
    assert names == [b".", b"..", b"f"]


def test_a_folder_that_is_not_there_lists_nothing(sync: Session) -> None:
    sync.request(b"LIST", b"/nothing")
    assert sync.read(20) == b"DONE" + bytes(16)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"/data/local/tmp,420", b"couldn't create file: Is a directory"),
        (b"/system/x,420", b"couldn't create file: Read-only file system"),
        (
            b"/data/local/tmp/../../../etc/x,420",
            b"couldn't create file: Read-only file system",
        ),
        (b"/data/x,420", b"couldn't create file: Permission denied"),
        (TMP + b"benchmark_model/x,420", b"couldn't create file: Not a directory"),
        (TMP + b"\0/x,420", b"couldn't create file: No such file or directory"),
        (TMP + b"n" * 300 + b",420", b"couldn't create file: File name too long"),
        (TMP + b"link,41471", b"couldn't create file: Operation not permitted"),
    ],
)
def test_a_refused_push_says_why_and_the_session_goes_on(
    sync: Session, path: bytes, text: bytes
) -> None:
    assert sync.push(path, bytes(2_000_000)) == text
    assert sync.push(TMP + b"ok,420", b"x") == b""


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"/nothing", b"open failed: No such file or directory"),
        (b"/data/local/tmp", b"open failed: Is a directory"),
        (b"../../../../../../etc/passwd", b"open failed: No such file or directory"),
    ],
)
def test_a_refused_pull_says_why_and_the_session_goes_on(
    sync: Session, path: bytes, text: bytes
) -> None:
    sync.request(b"RECV", path)
    assert sync.verdict() == text
    assert sync.pull(b"/proc/version").startswith(b"Linux version")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"WHAT\0\0\0\0", b"unknown command 54414857"),
        (b"RCV2\0\0\0\0", b"unknown command 32564352"),
        (b"STAT\x01\x04\0\0", b"path too long"),
        (b"STAT\xff\xff\xff\xff", b"path too long"),
        (b"SEND\2\0\0\0/x", b"missing , in ID_SEND"),
        (b"SEND\4\0\0\0/x,z", b"missing , in ID_SEND"),
        (
            b"SEND\x15\0\0\0/data/local/tmp/f,420" + b"DATA\1\0\1\0",
            b"oversize data message",
        ),
        (
            b"SEND\x15\0\0\0/data/local/tmp/f,420" + b"NOPE\1\0\0\0",
            b"invalid data message",
        ),
    ],
)
def test_a_broken_request_ends_the_session_with_a_reason(
    sync: Session, data: bytes, text: bytes
) -> None:
    length = len(b"/data/local/tmp/f,420").to_bytes(4, "little")
    sync.send(data.replace(b"SEND\x15\0\0\0", b"SEND" + length))
    assert sync.verdict() == text
    assert sync.host.read() is None


def test_quit_closes_the_stream(sync: Session) -> None:
    sync.send(b"QUIT\0\0\0\0")
    assert sync.host.read() is None


def test_a_full_storage_fails_the_push_and_leaves_no_part_of_it(
    start_phone: Callable[..., tuple[Child, int]],
    profile_file: Callable[..., Path],
    new_host: Callable[[int], Host],
) -> None:
    _, port = start_phone(profile_file(storage_bytes="1000000"))
    host = new_host(port)
    host.connect()
    sync = Session(host)
    assert (
        sync.push(TMP + b"f,420", bytes(3_000_000))
        == b"write failed: No space left on device"
    )
    sync.request(b"STAT", TMP + b"f")
    assert sync.read(16) == b"STAT" + bytes(12)
    assert sync.push(TMP + b"f,420", bytes(900_000)) == b""
    done = host.shell("cat /dev/zero > /data/local/tmp/g")
    assert done.stderr == "cat: /data/local/tmp/g: No space left on device\n"


@given(
    parts=st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([b"SEND", b"LIST\1\0\0\0/", b"DATA\1\0\0\0x"]),
        ),
        max_size=6,
    )
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_bytes_in_a_session_end_the_phone(
    port: int, new_host: Callable[[int], Host], parts: list[bytes]
) -> None:
    host = new_host(port)
    host.connect()
    ours, theirs = host.open("sync:")
    host.send(Command.WRITE, ours, theirs, b"".join(parts))
    host.send(Command.CLSE, ours, theirs)
    while (packet := host.receive()) is not None and packet.command != Command.CLSE:
        pass
    other = new_host(port)
    other.connect()
    assert other.shell("echo on").stdout == "on\n"
    host.close()
    other.close()
