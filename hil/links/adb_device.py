"""The edge to the adb_shell package: its connection, with its traps taken out.

adb_shell 0.4.4 as it comes waits for a refused stream until its time is up, loses what
the phone says early, ignores short writes, takes a closed socket for silence, sums
every byte in Python and throws the phone's banner away. Everything foreign becomes an
error of ours here.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING

from adb_shell import adb_device, constants, exceptions
from adb_shell.adb_message import AdbMessage, checksum

from hil.errors import LinkClosed, MalformedFrame
from hil.links.adb_tcp import TcpTransport
from hil.links.adb_usb import UsbTransport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.links.adb_key import HostKey

    Packet = tuple[bytes, int, int, bytes]

# adb_shell's own timers are left out: the transport keeps the deadline.
_NO_LIMIT_SECONDS = 1e9
# From this version on, both sides leave the sums of payloads out: adb's A_VERSION_SKIP_
# CHECKSUM. CNXN and AUTH carry them in any case.
_SKIPS_SUMS = 0x01000001
_HEAD = struct.Struct("<6I")  # command, two arguments, length, sum, magic
_MAGIC_MASK = 0xFFFFFFFF

Transport = TcpTransport | UsbTransport


class Packets(adb_device._AdbIOManager):  # type: ignore[misc]  # noqa: SLF001
    """adb_shell's reader of packets; it has no public seam for what is mended here."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.banner = b""
        self._address = transport.address
        self._early: dict[int, deque[bytes]] = {}
        self._sums = True

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

    def _read_packet_from_device(self, adb_info: object) -> Packet:
        head = self._read_bytes_from_device(_HEAD.size, adb_info)
        code, first, second, length, total, magic = _HEAD.unpack(head)
        command = constants.WIRE_TO_ID.get(code)
        if not command or magic != code ^ _MAGIC_MASK:
            name = code.to_bytes(4, "little").decode(errors="backslashreplace")
            raise exceptions.InvalidCommandError(f"unknown command {name!r}")
        data = self._read_bytes_from_device(length, adb_info) if length else b""
        if command == constants.CNXN:
            self.banner = data
            self._sums = first < _SKIPS_SUMS
        # In its answers to a host that needs no sums, adbd leaves them out at once.
        if self._sums and (total or command != constants.AUTH):
            found = checksum(data)
            if found != total:
                raise exceptions.InvalidChecksumError(f"sum {found}, said {total}")
        return command, first, second, data

    def _send(self, msg: AdbMessage, adb_info: object) -> None:
        del adb_info  # holds adb_shell's own timers
        code, data = msg.command, msg.data
        version = _SKIPS_SUMS if code == constants.ID_TO_WIRE[constants.CNXN] else None
        head = _HEAD.pack(
            code,
            msg.arg0 if version is None else version,
            msg.arg1,
            len(data),
            checksum(data) if self._sums else 0,
            code ^ _MAGIC_MASK,
        )
        self._transport.write_packet(head, data)


class Device(adb_device.AdbDevice):  # type: ignore[misc]  # adb_shell has no types
    """One connection to a phone."""

    def __init__(self, transport: Transport) -> None:
        # In place of the host's name, as adb itself does.
        super().__init__(transport, banner=b"features=shell_v2,cmd,stat_v2,ls_v2")
        self._packets = Packets(transport)
        self._io_manager = self._packets
        self._address = transport.address

    @property
    def state(self) -> str:
        """What answers: `device`, or `recovery`, `sideload`, `bootloader` and so on."""
        return self._banner_text().partition("::")[0]

    @property
    def model(self) -> str:
        """The product, model and device of the banner; empty where it has none."""
        parts = self._banner_text().partition("::")[2].split(";")
        return ";".join(part for part in parts if part.startswith("ro.product."))

    @property
    def features(self) -> frozenset[str]:
        """What the phone's banner offers; empty on a phone that is too old to say."""
        for part in self._banner_text().partition("::")[2].split(";"):
            if part.startswith("features="):
                return frozenset(part.removeprefix("features=").split(",")) - {""}
        return frozenset()

    @property
    def max_data_bytes(self) -> int:
        """The longest payload that both sides take."""
        offered = int(self._maxdata)
        return min(max(offered, 1), int(constants.MAX_ADB_DATA))

    def start(self, keys: Sequence[HostKey], *, asked: object) -> None:
        """Say hello; *asked* is called when the phone must first accept a key."""
        self.connect(
            rsa_keys=list(keys),
            read_timeout_s=_NO_LIMIT_SECONDS,
            auth_timeout_s=_NO_LIMIT_SECONDS,
            auth_callback=asked,
        )

    def stream(self, service: str, command: bytes) -> Iterator[bytes]:
        """Yield the bytes of a service as they come, until the phone closes it."""
        yield from self._streaming_command(
            service.encode(), command, None, _NO_LIMIT_SECONDS, None
        )

    def open_stream(self, service: str) -> Stream:
        """Open a service to which data is sent, too."""
        info = self._open(service.encode(), None, _NO_LIMIT_SECONDS, None)
        return Stream(self, self._packets, info)

    def _banner_text(self) -> str:
        return self._packets.banner.decode(errors="replace").strip("\0")

    def _read_until(
        self, expected_cmds: Sequence[bytes], adb_info: object
    ) -> tuple[bytes, bytes]:
        if constants.WRTE in expected_cmds:
            stream = adb_info.local_id  # type: ignore[attr-defined]
            data = self._packets.early(stream)
            if data is not None:
                return constants.WRTE, data
        command, data = super()._read_until(expected_cmds, adb_info)
        return command, data


class Stream:
    """An open service: bytes both ways, one packet of ours under way at a time."""

    def __init__(self, device: Device, packets: Packets, info: object) -> None:
        """Take what `Device.open_stream` made."""
        self._device = device
        self._packets = packets
        self._info = info
        self._local: int = info.local_id  # type: ignore[attr-defined]
        self._remote: int = info.remote_id  # type: ignore[attr-defined]
        self._owed = False

    def write(self, data: bytes | bytearray) -> None:
        """Send *data* (at most `max_data_bytes`) once the phone took the last."""
        self.settle()
        message = AdbMessage(constants.WRTE, self._local, self._remote, bytes(data))
        self._packets.send(message, self._info)
        self._owed = True

    def settle(self) -> None:
        """Wait until the phone has taken what was written last."""
        if self._owed:
            self._packets.read([constants.OKAY], self._info, allow_zeros=True)
            self._owed = False

    def early(self) -> bytes | None:
        """Return what the phone said while we wrote, None where it said nothing."""
        return self._packets.early(self._local)

    def read(self) -> bytes:
        """Return what the phone sends next; LinkClosed where it closes the stream."""
        self.settle()
        return self._device._read_until([constants.WRTE], self._info)[1]  # noqa: SLF001 - the class beside it

    def close(self) -> None:
        """Close the stream and wait until the phone has, too."""
        self.settle()
        self._device._clse(self._info)  # noqa: SLF001 - adb_shell has no public way


# All that adb_shell raises of its own.
NO_KEY = exceptions.DeviceAuthError
FOREIGN_ERRORS = tuple(
    kind
    for kind in vars(exceptions).values()
    if isinstance(kind, type) and issubclass(kind, Exception)
)
