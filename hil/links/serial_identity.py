"""Find the port of one board by what USB says of it, never by its number alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from serial.tools import list_ports

from hil.errors import BrokenSetup, ConfigError
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hil.vocab import SerialSettings

# Debug probes that are also the board's serial port: their serial number names both.
# STMicroelectronics ST-LINK, Arm DAPLink, SEGGER, NXP LPC-Link and MCU-Link, Raspberry
# Pi (Debug Probe; a Pico answers picotool with the number of its port).
_PROBE_VENDORS = {"0483", "0d28", "1366", "1fc9", "2e8a"}


class ListedPort(Protocol):
    """What pyserial's list of ports says of one; all but the path may be absent."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    location: str | None
    product: str | None
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortIdentity:
    """A serial port, and what tells it from others; None is what USB does not say."""

    device: str
    usb_serial: str | None = None
    vid_pid: str | None = None
    location: str | None = None
    product: str | None = None

    def __str__(self) -> str:
        parts = [
            f"{name} {value}"
            for name, value in (
                ("usb_serial", self.usb_serial),
                ("vid_pid", self.vid_pid),
                ("location", self.location),
            )
            if value
        ]
        named = f"{self.device} {self.product}" if self.product else self.device
        return printable(f"{named} ({', '.join(parts) or 'no USB identity'})")

    @property
    def probe_serial(self) -> str | None:
        """The serial number of the debug probe, where the port belongs to one."""
        vendor = (self.vid_pid or "").partition(":")[0]
        return self.usb_serial if vendor in _PROBE_VENDORS else None


def attached_ports(
    listed: Callable[[], Iterable[ListedPort]] = list_ports.comports,
) -> list[PortIdentity]:
    """Return the serial ports of this machine, by their paths."""
    return sorted((_identity(port) for port in listed()), key=lambda p: p.device)


def find_port(
    link: SerialSettings, attached: Callable[[], Sequence[PortIdentity]]
) -> PortIdentity:
    """Return the one port that *link* names.

    Raises ConfigError where it names none, and BrokenSetup where no port is that, where
    several are, or where `link.port` is another one than the identity beside it.
    """
    wanted = _wanted(link)
    if link.port is not None:
        return _at_path(link, link.port, attached(), wanted)
    if not wanted:
        raise ConfigError(
            "the profile does not say which port the board is on",
            found=_told(attached()),
            allowed="link.usb_serial, link.vid_pid, link.location or link.port",
            remedy="hil devices probe shows the ports and what tells them apart",
        )
    there = attached()
    matches = [port for port in there if _matches(port, link)]
    if not matches:
        raise BrokenSetup(
            "no port is the board's",
            found=_told(there),
            allowed=wanted,
            remedy="plug the board in, or correct the [link] table of its profile",
        )
    if len(matches) > 1:
        raise BrokenSetup(
            f"{len(matches)} ports could be the board's",
            found=_told(matches),
            allowed=wanted,
            remedy=_what_tells_apart(matches),
        )
    return matches[0]


def _identity(port: ListedPort) -> PortIdentity:
    vid_pid = None
    if port.vid is not None and port.pid is not None:
        vid_pid = f"{port.vid:04x}:{port.pid:04x}"
    return PortIdentity(
        device=port.device,
        usb_serial=port.serial_number or None,
        vid_pid=vid_pid,
        location=port.location or None,
        product=port.product or None,
    )


def _wanted(link: SerialSettings) -> str:
    named = {
        "usb_serial": link.usb_serial,
        "vid_pid": link.vid_pid,
        "location": link.location,
    }
    return ", ".join(f"{name} {value}" for name, value in named.items() if value)


def _matches(port: PortIdentity, link: SerialSettings) -> bool:
    return (
        _same(link.usb_serial, port.usb_serial)
        and _same(link.vid_pid, port.vid_pid)
        and (
            _same(link.location, port.location)
            # A device with several interfaces: "1-2:1.0" and "1-2:1.2" are at "1-2".
            or (port.location or "").startswith(f"{link.location}:")
        )
    )


def _same(wanted: str | None, found: str | None) -> bool:
    return not wanted or wanted.lower() == (found or "").lower()


def _at_path(
    link: SerialSettings, path: str, there: Sequence[PortIdentity], wanted: str
) -> PortIdentity:
    real = os.path.realpath(path)
    listed = [port for port in there if os.path.realpath(port.device) == real]
    found = listed[0] if listed else PortIdentity(device=path)
    if wanted and not _matches(found, link):
        raise BrokenSetup(
            "another device is on the port than the profile says",
            where=path,
            found=_told([found]),
            allowed=wanted,
            remedy="leave link.port out: the port is found by the identity",
        )
    return found


def _told(ports: Sequence[PortIdentity]) -> str:
    return "; ".join(str(port) for port in ports) or "no serial port is attached"


def _what_tells_apart(ports: Sequence[PortIdentity]) -> str:
    """Return the first key whose values differ in all *ports*, with the choices."""
    for key, values in (
        ("link.usb_serial", [port.usb_serial for port in ports]),
        ("link.location", [port.location for port in ports]),
        ("link.port", [port.device for port in ports]),
    ):
        if all(values) and len(set(values)) == len(values):
            lines = [f'{key} = "{printable(value or "")}"' for value in values]
            return f"add one of these to the profile: {'; '.join(lines)}"
    raise AssertionError(ports)
