"""The way to a phone over USB, found by its adb serial; keeps a deadline.

Tried without a phone only: what libusb does with a real one is not tested.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from adb_shell import exceptions
from adb_shell.transport.base_transport import BaseTransport

from hil.deadline import Deadline
from hil.errors import BrokenSetup, ConfigError, LinkClosed, LinkTimeout
from hil.links.adb_tcp import Unreachable
from hil.printable import printable

try:
    from adb_shell.transport import usb_transport
except (
    ImportError,
    OSError,
):  # the package libusb1, or the library it loads, is absent
    usb_transport = None

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil import vocab

_REMEDY = (
    "is debugging on? `adb devices` shows the serial; `adb kill-server` lets go of the "
    "phone; a udev rule gives the permission"
)


class UsbTransport(BaseTransport):  # type: ignore[misc]  # adb_shell has no types
    """A phone on USB, found by its adb serial; keeps the deadline it was last given."""

    remedy = _REMEDY

    def __init__(self, serial: str | None) -> None:
        """Find the phone; without a *serial* there must be exactly one."""
        self.address = f"USB {serial}" if serial else "USB"
        self.deadline: vocab.Deadline = Deadline(0)
        if usb_transport is None:
            raise BrokenSetup(
                "phones on USB need libusb, which is not installed",
                where=self.address,
                remedy="pip install 'adb-shell[usb]' and apt-get install libusb-1.0-0, "
                "or `adb tcpip 5555` and the phone's address as link.host",
            )
        try:
            found = list(usb_transport.UsbTransport.find_all_adb_devices())
        except (exceptions.UsbDeviceNotFoundError, usb_transport.usb1.USBError) as exc:
            raise self._unreachable(exc) from exc
        phones = [(_serial(phone), phone) for phone in found]
        chosen = choose([name for name, _ in phones], serial)
        self.address = f"USB {chosen}"
        self._usb = dict(phones)[chosen]

    def connect(self, transport_timeout_s: float | None) -> None:
        """Claim the phone's adb interface; Unreachable where that is refused."""
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

    def write_packet(self, head: bytes, data: bytes) -> None:
        """Write a packet as two transfers, as adbd reads them."""
        self.bulk_write(head, None)
        if data:
            self.bulk_write(data, None)

    def close(self) -> None:
        """Release the interface; may be called any number of times."""
        with contextlib.suppress(exceptions.UsbWriteFailedError):
            self._usb.close()

    def _seconds(self) -> float:
        # libusb takes 0 for "no limit".
        return max(0.001, self.deadline.remaining)

    def _unreachable(self, exc: Exception) -> Unreachable:
        return Unreachable(
            "the phone cannot be reached",
            where=self.address,
            found=printable(str(exc)),
            remedy=_REMEDY,
        )

    def _lost(self, exc: Exception) -> LinkTimeout | LinkClosed:
        if self.deadline.expired:
            return LinkTimeout(
                "time ran out while waiting for the phone", where=self.address
            )
        return LinkClosed(
            "the connection to the phone is gone",
            where=self.address,
            found=printable(str(exc)),
        )


def choose(serials: Iterable[str], wanted: str | None) -> str:
    """Return the one of *serials* that is meant.

    Unreachable where it, or any phone, is absent; ConfigError where there are several
    that could be meant.
    """
    found = sorted(serial for serial in serials if serial)
    shown = ", ".join(printable(serial) for serial in found) or "no phone"
    if wanted is None and len(found) > 1:
        raise ConfigError(
            "several phones are on USB and the profile names none",
            where="[link]",
            found=shown,
            remedy="link.adb_serial names one of them",
        )
    if wanted is None and found:
        return found[0]
    if wanted is None or wanted not in found:
        raise Unreachable(
            "the phone is not on USB" if wanted else "there is no phone on USB",
            where=f"USB {wanted}" if wanted else "USB",
            found=shown,
            remedy=_REMEDY,
        )
    if found.count(wanted) > 1:
        raise ConfigError(
            "several phones on USB say the same serial",
            where=f"USB {printable(wanted)}",
            found=shown,
            remedy="unplug one, or `adb tcpip 5555` and link.host for each",
        )
    return wanted


def _serial(phone: object) -> str:
    """Return a phone's serial; "" where it may not be read (no permission)."""
    assert usb_transport is not None
    try:
        return str(phone.serial_number)  # type: ignore[attr-defined]
    except (usb_transport.usb1.USBError, UnicodeDecodeError):
        return ""
