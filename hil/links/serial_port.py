"""A serial port, a pty, or a port behind socket:// or rfc2217://, by pyserial."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import serial
from serial.tools import list_ports

from hil.errors import BrokenSetup, LinkClosed, LinkTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.vocab import Deadline

_READ_BYTES = 65536
_SLICE_SECONDS = 0.1  # how long a port without a descriptor blocks at a time
_GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL


class SerialLink:
    """One serial port at one rate, locked against other programs while it is open."""

    def __init__(self, port: str, baud: int = 115200) -> None:
        """Take a device path, a pty or a pyserial URL such as socket://host:port."""
        self.port = port
        self.baud = baud
        self._serial: serial.Serial | None = None
        self._fd: int | None = None

    def __str__(self) -> str:
        return f"{self.port} at {self.baud} baud"

    def open(self, deadline: Deadline) -> None:
        """Open and lock the port.

        Raises BrokenSetup where it is missing, busy, forbidden or no serial port,
        LinkTimeout where the time is already over, LinkClosed where it vanishes.
        """
        self.close()
        if deadline.expired:
            raise LinkTimeout("no time was left to open the port", where=self.port)
        try:
            opened = serial.serial_for_url(self.port, do_not_open=True)
            opened.baudrate = self.baud
            opened.timeout = opened.write_timeout = _SLICE_SECONDS
            if "://" not in self.port:
                opened.exclusive = True
            with self._setting_up():
                opened.open()
        except (OSError, ValueError) as exc:
            raise _refused(self.port, self.baud, exc) from exc
        self._serial = opened
        try:
            self._fd = opened.fileno()
        except OSError:  # io.UnsupportedOperation: rfc2217 has no descriptor
            self._fd = None

    def read(self, deadline: Deadline) -> bytes:
        """Return what is there, at least one byte.

        Raises LinkTimeout at the deadline and LinkClosed where the port vanished.
        """
        port = self._opened()
        with self._vanishing():
            if self._fd is None:
                return self._read_in_slices(port, deadline)
            while self._wait(self._fd, select.POLLIN, deadline):
                with contextlib.suppress(BlockingIOError):
                    data = os.read(self._fd, _READ_BYTES)
                    if not data:
                        raise self._closed("end of file")
                    return data
        raise LinkTimeout("nothing came in time", where=str(self))

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Write all of *data*; LinkTimeout at the deadline, LinkClosed if it vanished.

        After LinkTimeout a part of *data* may be on its way.
        """
        port = self._opened()
        rest = memoryview(data)
        with self._vanishing():
            while rest:
                if deadline.expired:
                    break
                if self._fd is None:
                    with contextlib.suppress(serial.SerialTimeoutException):
                        rest = rest[port.write(bytes(rest)) or 0 :]
                elif self._wait(self._fd, select.POLLOUT, deadline):
                    with contextlib.suppress(BlockingIOError):
                        rest = rest[os.write(self._fd, rest) :]
        if rest:
            raise LinkTimeout(
                "the device does not take what is sent to it",
                where=str(self),
                found=f"{len(rest):,} of {len(data):,} bytes left at the deadline",
            )

    def set_baud(self, baud: int) -> None:
        """Change the rate at once, so ask only when all that was sent is answered.

        Raises BrokenSetup where the port cannot be set to it.
        """
        port = self._opened()
        try:
            with self._setting_up():
                port.baudrate = baud
        except (OSError, ValueError) as exc:
            raise _refused(self.port, baud, exc) from exc
        self.baud = baud

    def close(self) -> None:
        """Close and unlock the port."""
        port, self._serial, self._fd = self._serial, None, None
        if port is not None:
            with contextlib.suppress(OSError):  # it may be gone already
                port.close()

    def _opened(self) -> serial.Serial:
        if self._serial is None:
            raise LinkClosed("the port is not open", where=self.port)
        return self._serial

    def _read_in_slices(self, port: serial.Serial, deadline: Deadline) -> bytes:
        while not deadline.expired:
            data: bytes = port.read(1)
            if data:
                more: bytes = port.read(port.in_waiting) if port.in_waiting else b""
                return data + more
        raise LinkTimeout("nothing came in time", where=str(self))

    def _wait(self, fd: int, event: int, deadline: Deadline) -> bool:
        """Wait until *fd* is ready; False at the deadline."""
        poll = select.poll()
        poll.register(fd, event)
        ready = poll.poll(deadline.remaining * 1000)
        if ready and ready[0][1] & _GONE and not ready[0][1] & event:
            raise self._closed("it hung up")
        return bool(ready)

    @contextlib.contextmanager
    def _vanishing(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise self._closed(exc.strerror or str(exc)) from exc

    @contextlib.contextmanager
    def _setting_up(self) -> Iterator[None]:
        """A port that goes away between two calls of pyserial's: termios tells it."""
        try:
            yield
        except termios.error as exc:
            raise LinkClosed(
                "the port went away while it was set up",
                where=str(self),
                found=str(exc),
                remedy="check the cable; some boards leave USB while they restart",
            ) from exc

    def _closed(self, found: str) -> LinkClosed:
        return LinkClosed(
            "the port went away",
            where=self.port,
            found=found,
            remedy="check the cable and the board's power, then try again",
        )


def _refused(port: str, baud: int, exc: OSError | ValueError) -> BrokenSetup:
    """Say why a port cannot be opened, and what helps."""
    number = getattr(exc, "errno", None)
    if number in {errno.ENOENT, errno.ENXIO, errno.ENODEV}:
        there = ", ".join(sorted(found.device for found in list_ports.comports()))
        return BrokenSetup(
            "there is no such port",
            where=port,
            found=f"ports that are there: {there or 'none'}",
            remedy="plug the board in, or correct link.port of its profile",
        )
    if number in {errno.EACCES, errno.EPERM}:
        return BrokenSetup(
            "no permission to open the port",
            where=port,
            found=str(exc),
            remedy="sudo usermod -aG dialout $USER, then log in again",
        )
    if number in {errno.EAGAIN, errno.EBUSY}:
        holders = ", ".join(_holders(port))
        return BrokenSetup(
            "port busy",
            where=port,
            found=f"held by {holders or 'a process of another user'}",
            remedy="close the other program, or use another port",
        )
    return BrokenSetup(
        f"the port cannot be opened at {baud} baud",
        where=port,
        found=str(exc),
        remedy="a device path such as /dev/ttyACM0, socket://HOST:PORT or "
        "rfc2217://HOST:PORT, and a rate that the port knows",
    )


def _holders(port: str) -> list[str]:
    """Return the processes that have *port* open, as far as we may look."""
    target = os.path.realpath(port)
    found = []
    for process in sorted(Path("/proc").glob("[0-9]*")):
        with contextlib.suppress(OSError):  # another user's, or it has just ended
            if any(str(fd.readlink()) == target for fd in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8").strip()
                found.append(f"{name!r} (process {process.name})")
    return found
