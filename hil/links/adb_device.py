"""The edge to the adb_shell package: its connection, with its traps taken out.

adb_shell 0.4.4 as it comes waits for a refused stream until its time is up, loses what
the phone says early, ignores short writes, takes a closed socket for silence and
throws the phone's banner away. Everything foreign becomes an error of ours here.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING

from adb_shell import adb_device, constants, exceptions
from adb_shell.adb_message import AdbMessage
from adb_shell.transport.base_transport import BaseTransport

from hil.deadline import Deadline
from hil.errors import BrokenSetup, LinkClosed, LinkTimeout, MalformedFrame

try:
    from adb_shell.transport import usb_transport
except (
    ImportError,
    OSError,
):  # the package libusb1, or the library it loads, is absent
    usb_transport = None

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil import vocab
    from hil.links.adb_key import HostKey

    Packet = tuple[bytes, int, int, bytes]

# adb_shell's own timers are left out: the transport below keeps the deadline.
_NO_LIMIT_SECONDS = 1e9
_REACH = (
    "is the phone on, and debugging over the network on? `adb devices`, "
    "`adb tcpip 5555`, or `hil emulate phone`"
)


class TcpTransport(BaseTransport):  # type: ignore[misc]  # adb_shell has no types
    """A socket to a phone that keeps the deadline it was last given."""

    def __init__(self, host: str, port: int) -> None:
        self.address = f"{host}:{port}"
        self.deadline: vocab.Deadline = Deadline(0)
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None

    def connect(self, transport_timeout_s: float | None) -> None:
        """Connect; BrokenSetup where nothing answers there."""
        del transport_timeout_s
        try:
            self._socket = socket.create_connection(
                (self._host, self._port), timeout=self._seconds("connecting to")
            )
            # adb_shell sends header and payload apart: with Nagle's algorithm each
            # packet waits for the acknowledgement of the one before, 40 ms.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError as exc:
            raise self._silent("connecting to", remedy=_REACH) from exc
        except OSError as exc:
            raise BrokenSetup(
                "the phone cannot be reached",
                where=self.address,
                found=exc.strerror or str(exc),
                remedy=_REACH,
            ) from exc

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        """Return 1 to *numbytes* bytes, or raise LinkTimeout or LinkClosed."""
        del transport_timeout_s
        stream = self._open_socket()
        stream.settimeout(self._seconds("waiting for"))
        try:
            data = stream.recv(numbytes)
        except TimeoutError as exc:
            raise self._silent("waiting for") from exc
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
        if self.deadline.expired:  # settimeout(0) would mean "do not wait"
            raise self._silent(doing)
        return self.deadline.remaining

    def _silent(self, doing: str, *, remedy: str | None = None) -> LinkTimeout:
        return LinkTimeout(
            f"time ran out while {doing} the phone", where=self.address, remedy=remedy
        )

    def _gone(self, found: str) -> LinkClosed:
        return LinkClosed(
            "the connection to the phone is gone", where=self.address, found=found
        )


class UsbTransport(BaseTransport):  # type: ignore[misc]  # adb_shell has no types
    """A phone on USB, found by its adb serial; keeps the deadline it was last given."""

    def __init__(self, serial: str) -> None:
        self.address = f"USB {serial}"
        self.deadline: vocab.Deadline = Deadline(0)
        if usb_transport is None:
            raise BrokenSetup(
                "phones on USB need libusb, which is not installed",
                where=self.address,
                remedy="pip install 'adb-shell[usb]' and apt-get install libusb-1.0-0, "
                "or `adb tcpip 5555` and the phone's address as link.host",
            )
        try:
            self._usb = usb_transport.UsbTransport.find_adb(serial)
        except (exceptions.UsbDeviceNotFoundError, usb_transport.usb1.USBError) as exc:
            raise self._unreachable(exc) from exc

    def connect(self, transport_timeout_s: float | None) -> None:
        """Claim the phone's adb interface; BrokenSetup where that is refused."""
        del transport_timeout_s
        assert usb_transport is not None
        try:
            self._usb.connect(self.deadline.remaining)
        except usb_transport.usb1.USBError as exc:
            raise self._unreachable(exc) from exc

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        """Return what came, or raise LinkTimeout or LinkClosed."""
        del transport_timeout_s
        try:
            return bytes(self._usb.bulk_read(numbytes, self._seconds()))
        except exceptions.UsbReadFailedError as exc:
            raise self._lost(exc) from exc

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
        """Write all of *data*, or raise LinkTimeout or LinkClosed."""
        del transport_timeout_s
        try:
            return int(self._usb.bulk_write(data, self._seconds()))
        except exceptions.UsbWriteFailedError as exc:
            raise self._lost(exc) from exc

    def close(self) -> None:
        """Release the interface; may be called any number of times."""
        self._usb.close()

    def _seconds(self) -> float:
        # libusb takes 0 for "no limit".
        return max(0.001, self.deadline.remaining)

    def _unreachable(self, exc: Exception) -> BrokenSetup:
        return BrokenSetup(
            "the phone cannot be reached",
            where=self.address,
            found=str(exc),
            remedy="is debugging on? `adb devices` shows the serial; `adb kill-server` "
            "lets go of the phone; a udev rule gives the permission",
        )

    def _lost(self, exc: Exception) -> LinkTimeout | LinkClosed:
        if self.deadline.expired:
            return LinkTimeout(
                "time ran out while waiting for the phone", where=self.address
            )
        return LinkClosed(
            "the connection to the phone is gone", where=self.address, found=str(exc)
        )


Transport = TcpTransport | UsbTransport


class _Packets(adb_device._AdbIOManager):  # type: ignore[misc]  # noqa: SLF001
    """adb_shell's reader of packets; it has no public seam for what is mended here."""

    banner = b""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._address = transport.address
        self._early: dict[int, deque[bytes]] = {}

    def read(
        self,
        expected_cmds: Sequence[bytes],
        adb_info: object,
        allow_zeros: object = None,
    ) -> Packet:
        """Return the next packet of a stream that is of an expected kind.

        A close that nobody expects ends the wait with LinkClosed. Data that comes
        before its turn (a FAIL in the middle of a push) is acknowledged, since the
        phone may not read on before that, and kept for `early`.
        """
        wanted = [*expected_cmds, constants.WRTE, constants.CLSE]
        while True:
            packet: Packet = super().read(wanted, adb_info, bool(allow_zeros))
            command, remote, _, data = packet
            if command in expected_cmds:
                return packet
            if command == constants.CLSE:
                raise LinkClosed(
                    "the phone closed the stream before it was done",
                    where=self._address,
                    remedy="the service may be unknown to this phone",
                )
            stream = adb_info.local_id  # type: ignore[attr-defined]
            self.send(AdbMessage(constants.OKAY, stream, remote), adb_info)
            self._early.setdefault(stream, deque()).append(data)

    def early(self, stream: int) -> bytes | None:
        """Return data of *stream* that came before its turn, None if there is none."""
        waiting = self._early.get(stream)
        return waiting.popleft() if waiting else None

    def _read_bytes_from_device(self, length: int, adb_info: object) -> bytes:
        if length > constants.MAX_ADB_DATA:
            raise MalformedFrame(
                "the phone announced a packet that is too long",
                where=self._address,
                found=f"{length:,} bytes",
                allowed=f"{constants.MAX_ADB_DATA:,} bytes",
            )
        return bytes(super()._read_bytes_from_device(length, adb_info))

    def _read_expected_packet_from_device(
        self, expected_cmds: Sequence[bytes], adb_info: object
    ) -> Packet:
        packet: Packet = super()._read_expected_packet_from_device(
            expected_cmds, adb_info
        )
        if packet[0] == constants.CNXN:
            self.banner = packet[3]
        return packet


class Device(adb_device.AdbDevice):  # type: ignore[misc]  # adb_shell has no types
    """One connection to a phone."""

    def __init__(self, transport: Transport) -> None:
        # In place of the host's name, as adb itself does.
        super().__init__(transport, banner=b"features=shell_v2,cmd,stat_v2,ls_v2")
        self._io_manager = _Packets(transport)

    @property
    def features(self) -> frozenset[str]:
        """What the phone's banner offers; empty on a phone that is too old to say."""
        text = self._io_manager.banner.decode(errors="replace").strip("\0")
        for part in text.partition("::")[2].split(";"):
            if part.startswith("features="):
                return frozenset(part.removeprefix("features=").split(",")) - {""}
        return frozenset()

    def start(self, key: HostKey, *, asked: object) -> None:
        """Say hello; *asked* is called when the phone must first accept the key."""
        self.connect(
            rsa_keys=[key],
            read_timeout_s=_NO_LIMIT_SECONDS,
            auth_timeout_s=_NO_LIMIT_SECONDS,
            auth_callback=asked,
        )

    def _read_until(
        self, expected_cmds: Sequence[bytes], adb_info: object
    ) -> tuple[bytes, bytes]:
        if constants.WRTE in expected_cmds:
            stream = adb_info.local_id  # type: ignore[attr-defined]
            data = self._io_manager.early(stream)
            if data is not None:
                return constants.WRTE, data
        command, data = super()._read_until(expected_cmds, adb_info)
        return command, data

    def stream(self, service: str, command: bytes) -> Iterator[bytes]:
        """Yield the bytes of a service as they come, until the phone closes it."""
        yield from self._streaming_command(
            service.encode(), command, None, _NO_LIMIT_SECONDS, None
        )


# What adb_shell raises, and lets through from struct and its own tables, on bytes that
# are no ADB.
FOREIGN_ERRORS = (
    exceptions.AdbConnectionError,
    exceptions.AdbTimeoutError,
    exceptions.DeviceAuthError,
    exceptions.InvalidChecksumError,
    exceptions.InvalidCommandError,
    exceptions.InvalidResponseError,
    KeyError,
    ValueError,
    struct.error,
)
