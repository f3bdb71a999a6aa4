"""Which target drives which kind of device; the registry of the composition root."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from hil.cli.dialects import is_spoken_to, spoken_to
from hil.errors import ConfigError
from hil.firmware.tflm import VARIABLE
from hil.links.adb import AdbLink
from hil.links.serial_port import SerialLink
from hil.targets.board import BoardTarget
from hil.targets.board_image import JobImages
from hil.targets.emulated import EmulatedTarget
from hil.targets.hosted import HostedTarget
from hil.targets.mcu import McuTarget
from hil.targets.phone import PhoneTarget
from hil.targets.phone_claims import IN_USE, PhoneClaims
from hil.targets.phone_conditions import DEFAULT_CONDITIONS, PhoneConditions
from hil.vocab import AdbSettings, SerialSettings, TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.cli.tapes import Tapes
    from hil.links.phone import Phone
    from hil.results.run_folder import RunFolder
    from hil.targets.phone import Decide
    from hil.vocab import DeviceProfile, Link, Target

# An emulated phone that is gone is started anew, not waited for.
_RETURN_SECONDS = 0.2


def make_target(
    profile: DeviceProfile,
    folder: RunFolder,
    tapes: Tapes,
    *,
    conditions: PhoneConditions = DEFAULT_CONDITIONS,
    decide: Decide | None = None,
) -> Target:
    """Return a target for *profile*; an emulated one without an address is started.

    *tapes* are those of the whole command. Phones are measured under *conditions*, and
    their samples until *decide* says so. ConfigError where an address is missing.
    """
    link = profile.link
    log_path = folder.log_path(profile.name)
    if is_spoken_to(profile):
        return spoken_to(profile, tapes)
    if isinstance(link, AdbSettings):
        return _phone(profile, tapes, conditions, decide=decide, log_path=log_path)

    def wrap(link: Link) -> Link:
        return tapes.recorded(profile, link)

    if profile.kind is TargetKind.EMULATED_MCU:
        if link.port is None:
            return EmulatedTarget(
                profile,
                attach=lambda path: _board(profile, path, wrap),
                log_path=log_path,
            )
        return _board(profile, link.port, wrap)
    if profile.kind is TargetKind.MCU:
        return _real_board(profile, wrap)
    return HostedTarget(profile, log_path=log_path, wrap=wrap)


def _real_board(profile: DeviceProfile, wrap: Callable[[Link], Link]) -> Target:
    firmware = profile.firmware
    # A board with TFLite Micro has an image of its own, unless one can be built for it.
    can_build = firmware.engine == "compiled" or os.environ.get(VARIABLE)
    builds = can_build and firmware.template and not firmware.image
    image_for = JobImages(profile) if builds else None
    return BoardTarget(profile, image_for=image_for, wrap=wrap)


def _board(profile: DeviceProfile, port: str, wrap: Callable[[Link], Link]) -> Target:
    assert isinstance(profile.link, SerialSettings)
    return McuTarget(profile, wrap(SerialLink(port, profile.link.baud)))


def _phone(
    profile: DeviceProfile,
    tapes: Tapes,
    conditions: PhoneConditions,
    *,
    decide: Decide | None,
    log_path: Path,
) -> Target:
    link = profile.link
    assert isinstance(link, AdbSettings)

    def over(way: Phone, claims: PhoneClaims = IN_USE) -> Target:
        way = tapes.recorded_phone(profile, way)
        return PhoneTarget(profile, way, conditions, decide=decide, claims=claims)

    if link.cassette is not None:
        return over(tapes.phone_player(profile, link.cassette), PhoneClaims())
    if link.host is not None or link.serial is not None:
        return over(AdbLink(link))
    if profile.kind is TargetKind.EMULATED_PHONE:
        return EmulatedTarget(
            profile,
            attach=lambda at: over(
                AdbLink(_at(link, at), return_seconds=_RETURN_SECONDS)
            ),
            log_path=log_path,
        )
    raise ConfigError(
        "the profile names no way to the phone",
        where=str(profile.source),
        allowed="link.adb_serial, or link.host (and link.port)",
        remedy="`adb devices -l` shows the serial of a phone on USB",
    )


def _at(settings: AdbSettings, address: str) -> AdbSettings:
    host, _, port = address.rpartition(":")
    return dataclasses.replace(settings, host=host, port=int(port))
