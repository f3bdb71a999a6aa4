"""Devices that are there and speak: recorded, replayed, or in another dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.links.cassette_player import is_cassette
from hil.links.serial_identity import attached_ports, find_port
from hil.links.serial_port import SerialLink
from hil.targets.mcu import McuTarget
from hil.targets.mlperf import DialectTarget
from hil.vocab import SerialSettings, TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.cli.tapes import Tapes
    from hil.vocab import DeviceProfile, Link, Target


def is_spoken_to(profile: DeviceProfile) -> bool:
    """Whether *profile* names a cassette, or another dialect than frames."""
    link = profile.link
    return isinstance(link, SerialSettings) and (
        link.protocol != "hil" or is_cassette(link.port)
    )


def spoken_to(profile: DeviceProfile, tapes: Tapes) -> Target:
    """Return a target for a device that is never flashed, only spoken to.

    Raises ConfigError where hil would start the device: it loads a model by frames.
    """
    link = profile.link
    assert isinstance(link, SerialSettings)
    connect = connection(profile, tapes)
    if link.protocol == "hil":
        return McuTarget(profile, connect())
    return DialectTarget(profile, connect)


def connection(profile: DeviceProfile, tapes: Tapes) -> Callable[[], Link]:
    """Return what gives the link to a cassette, a port, or a port found by identity.

    Raises ConfigError where hil would start the device: it loads a model by frames.
    """
    settings = profile.link
    assert isinstance(settings, SerialSettings)
    if profile.kind is not TargetKind.MCU and settings.port is None:
        raise ConfigError(
            "a board that hil starts has no model that text could reach",
            where=profile.name,
            found=f"kind {profile.kind.value}, no link.port",
            allowed="a board on a port; hil bench speaks frames to this one",
            remedy="hil emulate mcu --model FILE, and its port as link.port",
        )

    def connect() -> Link:
        if settings.port is not None and is_cassette(settings.port):
            return tapes.recorded(profile, tapes.player(profile, settings.port))
        port = find_port(settings, attached_ports).device
        return tapes.recorded(profile, SerialLink(port, settings.baud))

    return connect
