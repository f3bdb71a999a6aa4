"""The way to a phone over TCP: a socket that keeps a deadline."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from adb_shell.transport.base_transport import BaseTransport

from hil.deadline import Deadline
from hil.errors import BrokenSetup, LinkClosed, LinkTimeout

if TYPE_CHECKING:
    from hil import vocab

_REMEDY = (
    "is the phone on, and debugging over the network on? `adb devices`, "
    "`adb tcpip 5555`, or `hil emulate phone`"
)
_LOOK_SECONDS = 0.25  # between two looks at whether the operation was broken off


class Unreachable(BrokenSetup):
    """Nothing answers where the phone should be, on the network or on USB."""


class TcpTransport(BaseTransport):  # type: ignore[misc]  # adb_shell has no types
    """A socket to a phone that keeps the deadline it was last given."""

    remedy = _REMEDY

    def __init__(self, host: str, port: int) -> None:
        self.address = f"{host}:{port}"
        self.deadline: vocab.Deadline = Deadline(0)
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None

    def connect(self, transport_timeout_s: float | None) -> None:
        """Connect; Unreachable where nothing answers there."""
        del transport_timeout_s
        try:
            self._socket = socket.create_connection(
                (self._host, self._port), timeout=self._seconds("connecting to")
            )
            # adb_shell sends header and payload apart: with Nagle's algorithm each
            # packet waits for the acknowledgement of the one before, 40 ms.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError as exc:
            raise self._silent("connecting to", remedy=_REMEDY) from exc
        except OSError as exc:
            raise Unreachable(
                "the phone cannot be reached",
                where=self.address,
                found=exc.strerror or str(exc),
                remedy=_REMEDY,
            ) from exc

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        """Return 1 to *numbytes* bytes, or raise LinkTimeout or LinkClosed."""
        del transport_timeout_s
        stream = self._open_socket()
        while True:
            stream.settimeout(min(self._seconds("waiting for"), _LOOK_SECONDS))
            try:
                data = stream.recv(numbytes)
            except TimeoutError:
                continue
            except OSError as exc:
                raise self._gone(exc.strerror or str(exc)) from exc
            if not data:
                raise self._gone("end of file")
            return data

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
        """Write all of *data*, or raise LinkTimeout or LinkClosed."""
        del transport_timeout_s
        stream = self._open_socket()
        stream.settimeout(self._seconds("writing to"))
        try:
            stream.sendall(data)
        except TimeoutError as exc:
            raise self._silent("writing to") from exc
        except OSError as exc:
            raise self._gone(exc.strerror or str(exc)) from exc
        return len(data)

    def write_packet(self, head: bytes, data: bytes) -> None:
        """Write a packet at once: the phone wakes up for it once only."""
        self.bulk_write(head + data, None)

    def close(self) -> None:
        """Close the socket; may be called any number of times."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise self._gone("it was not connected")
        return self._socket

    def _seconds(self, doing: str) -> float:
        left = self.deadline.remaining
        if not left:  # settimeout(0) would mean "do not wait"
            raise self._silent(doing)
        return left

    def _silent(self, doing: str, *, remedy: str | None = None) -> LinkTimeout:
        return LinkTimeout(
            f"time ran out while {doing} the phone", where=self.address, remedy=remedy
        )

    def _gone(self, found: str) -> LinkClosed:
        return LinkClosed(
            "the connection to the phone is gone", where=self.address, found=found
        )
