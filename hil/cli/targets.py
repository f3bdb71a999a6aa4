"""Which target drives which kind of device; the registry of the composition root."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.links.adb import AdbLink
from hil.links.serial_port import SerialLink
from hil.targets.board import BoardTarget
from hil.targets.board_image import JobImages
from hil.targets.emulated import EmulatedTarget
from hil.targets.hosted import HostedTarget
from hil.targets.mcu import McuTarget
from hil.targets.phone import PhoneTarget
from hil.vocab import AdbSettings, SerialSettings, TargetKind

if TYPE_CHECKING:
    from hil.results.run_folder import RunFolder
    from hil.vocab import DeviceProfile, Target

_DRIVEN = tuple(kind for kind in TargetKind if kind is not TargetKind.PHONE)


def make_target(profile: DeviceProfile, folder: RunFolder) -> Target:
    """Return a target for *profile*; an emulated one without an address is started.

    Raises ConfigError for a kind that has no target yet or an address that is missing.
    """
    link = profile.link
    log_path = folder.log_path(profile.name)
    if profile.kind is TargetKind.EMULATED_MCU:
        assert isinstance(link, SerialSettings)
        if link.port is None:
            return EmulatedTarget(
                profile, attach=lambda path: _board(profile, path), log_path=log_path
            )
        return _board(profile, link.port)
    if profile.kind is TargetKind.MCU:
        return _real_board(profile)
    if profile.kind in (TargetKind.NATIVE, TargetKind.QEMU):
        return HostedTarget(profile, log_path=log_path)
    if profile.kind is TargetKind.EMULATED_PHONE:
        assert isinstance(link, AdbSettings)
        if link.host is None and link.serial is None:
            return EmulatedTarget(
                profile, attach=lambda at: _phone_at(profile, at), log_path=log_path
            )
        return PhoneTarget(profile, AdbLink(link))
    raise ConfigError(
        f"no target drives devices of kind {profile.kind.value}",
        where=str(profile.source),
        allowed=", ".join(kind.value for kind in _DRIVEN),
    )


def _real_board(profile: DeviceProfile) -> Target:
    firmware = profile.firmware
    builds = firmware.engine == "compiled" and firmware.template and not firmware.image
    return BoardTarget(profile, image_for=JobImages(profile) if builds else None)


def _board(profile: DeviceProfile, port: str) -> Target:
    assert isinstance(profile.link, SerialSettings)
    return McuTarget(profile, SerialLink(port, profile.link.baud))


def _phone_at(profile: DeviceProfile, address: str) -> Target:
    host, _, port = address.rpartition(":")
    assert isinstance(profile.link, AdbSettings)
    settings = dataclasses.replace(profile.link, host=host, port=int(port))
    return PhoneTarget(profile, AdbLink(settings))
