from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import threading
import tty
from typing import TYPE_CHECKING

import pytest
import serial

from hil.deadline import Deadline
from hil.errors import BrokenSetup, LinkClosed, LinkTimeout
from hil.links.serial_port import SerialLink, _refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Pty:
    """A pty: `board` is the descriptor of the device's end, `path` the host's port."""

    def __init__(self) -> None:
        self.board, self._port = os.openpty()
        tty.setraw(self._port)
        self.path = os.ttyname(self._port)

    def unplug(self) -> None:
        for fd in (self.board, self._port):
            with contextlib.suppress(OSError):
                os.close(fd)


@pytest.fixture
def pty() -> Iterator[Pty]:
    pty = Pty()
    yield pty
    pty.unplug()


@pytest.fixture
def link(pty: Pty) -> Iterator[SerialLink]:
    link = SerialLink(pty.path, 115200)
    link.open(Deadline(5))
    yield link
    link.close()


def test_bytes_go_both_ways_unchanged(link: SerialLink, pty: Pty) -> None:
    everything = bytes(range(256))
    link.write(everything, Deadline(5))
    assert os.read(pty.board, 1000) == everything
    os.write(pty.board, everything)
    assert link.read(Deadline(5)) == everything


def test_silence_ends_at_the_deadline(link: SerialLink) -> None:
    with pytest.raises(LinkTimeout, match="nothing came in time") as raised:
        link.read(Deadline(0.05))
    assert "at 115200 baud" in str(raised.value)


def test_a_device_that_takes_nothing_ends_the_write_at_the_deadline(
    link: SerialLink,
) -> None:
    with pytest.raises(LinkTimeout, match="does not take what is sent") as raised:
        link.write(bytes(1 << 20), Deadline(0.1))
    assert "of 1,048,576 bytes left at the deadline" in str(raised.value)


def test_more_than_the_buffers_hold_is_written_while_the_device_reads(
    link: SerialLink, pty: Pty
) -> None:
    data = os.urandom(300_000)
    taken = bytearray()

    def take() -> None:
        while len(taken) < len(data):
            taken.extend(os.read(pty.board, 65536))

    reader = threading.Thread(target=take)
    reader.start()
    link.write(data, Deadline(30))
    reader.join()
    assert bytes(taken) == data


def test_a_device_that_vanishes_closes_the_link(link: SerialLink, pty: Pty) -> None:
    pty.unplug()
    with pytest.raises(LinkClosed, match="the port went away") as raised:
        link.read(Deadline(5))
    assert "check the cable" in str(raised.value)
    with pytest.raises(LinkClosed, match="the port went away"):
        link.write(b"x", Deadline(5))


def test_a_missing_port_lists_what_is_there() -> None:
    link = SerialLink("/dev/hil-no-such-port")
    with pytest.raises(BrokenSetup, match="there is no such port") as raised:
        link.open(Deadline(5))
    assert "/dev/hil-no-such-port" in str(raised.value)
    assert "ports that are there: " in str(raised.value)
    assert not raised.value.transient


def test_a_port_that_another_program_holds_is_busy(pty: Pty) -> None:
    holder = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        with pytest.raises(BrokenSetup, match="port busy") as raised:
            SerialLink(pty.path).open(Deadline(5))
    finally:
        os.close(holder)
    assert f"(process {os.getpid()})" in str(raised.value)
    assert "close the other program" in str(raised.value)


def test_two_links_cannot_have_one_port(link: SerialLink) -> None:
    with pytest.raises(BrokenSetup, match="port busy"):
        SerialLink(link.port).open(Deadline(5))


def test_a_closed_port_is_free_again(link: SerialLink) -> None:
    link.close()
    other = SerialLink(link.port)
    other.open(Deadline(5))
    with pytest.raises(BrokenSetup, match="port busy"):
        link.open(Deadline(5))
    other.close()
    other.close()


def test_a_forbidden_port_names_the_group(pty: Pty) -> None:
    # The tests may run as root, whom nothing is forbidden: only the text is tried.
    refusal = _refused(
        pty.path, 9600, serial.SerialException(errno.EACCES, "Permission denied")
    )
    assert "no permission to open the port" in str(refusal)
    assert "usermod -aG dialout" in str(refusal)


def test_a_file_is_no_port(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BrokenSetup, match="cannot be opened at 9600 baud"):
        SerialLink(str(file), 9600).open(Deadline(5))


@pytest.mark.parametrize("port", ["telepathy://board", "socket://nowhere"])
def test_an_address_that_cannot_be_names_the_right_ones(port: str) -> None:
    with pytest.raises(BrokenSetup, match="cannot be opened") as raised:
        SerialLink(port).open(Deadline(5))
    assert "socket://HOST:PORT" in str(raised.value)


def test_a_rate_can_be_changed(link: SerialLink) -> None:
    link.set_baud(921600)
    assert link.baud == 921600
    assert str(link).endswith("at 921600 baud")


def test_an_impossible_rate_is_refused(link: SerialLink) -> None:
    with pytest.raises(BrokenSetup, match="at -5 baud"):
        link.set_baud(-5)
    assert link.baud == 115200


def test_a_link_that_is_not_open_is_closed() -> None:
    link = SerialLink("/dev/null")
    for use in (
        lambda: link.read(Deadline(1)),
        lambda: link.write(b"", Deadline(1)),
        lambda: link.set_baud(9600),
    ):
        with pytest.raises(LinkClosed, match="the port is not open"):
            use()


def test_no_time_left_opens_nothing(pty: Pty) -> None:
    with pytest.raises(LinkTimeout, match="no time was left"):
        SerialLink(pty.path).open(Deadline(0))


def test_a_socket_is_a_port_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = SerialLink(f"socket://127.0.0.1:{server.getsockname()[1]}")
        link.open(Deadline(5))
        board, _ = server.accept()
        with board:
            link.write(b"ping" * 100, Deadline(5))
            assert board.recv(1000) == b"ping" * 100
            board.sendall(b"pong" * 100)
            assert link.read(Deadline(5)) == b"pong" * 100
        with pytest.raises(LinkClosed, match="the port went away"):
            link.read(Deadline(5))
        link.close()


def test_a_port_without_a_descriptor_is_read_too() -> None:
    link = SerialLink("loop://")
    link.open(Deadline(5))
    link.write(b"round", Deadline(5))
    data = b""
    while len(data) < 5:
        data += link.read(Deadline(5))
    assert data == b"round"
    with pytest.raises(LinkTimeout, match="nothing came in time"):
        link.read(Deadline(0.05))
    link.close()
