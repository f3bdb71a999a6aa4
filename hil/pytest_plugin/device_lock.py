"""A device for one test at a time: a lock for each thing that is shared."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from hil.deadline import Deadline
from hil.links.serial_identity import attached_ports, find_port
from hil.machine_lock import hold
from hil.vocab import AdbSettings, TargetKind, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.vocab import DeviceProfile

_REMEDY: Final = "wait until that has ended, or a longer --hil-lock-seconds"
_HOSTED: Final = {TargetKind.NATIVE, TargetKind.QEMU}


@contextlib.contextmanager
def take(profile: DeviceProfile, *, seconds: float, who: str) -> Iterator[None]:
    """Hold all that a measurement on *profile* needs for itself.

    Raises TargetError, with who holds it, where that takes longer than *seconds*, and
    what finding the port of a board raises.
    """
    deadline = Deadline(seconds)
    with contextlib.ExitStack() as stack:
        for identity in identities(profile):
            lock = hold(identity, deadline=deadline, who=who, remedy=_REMEDY)
            stack.enter_context(lock)
        yield


def identities(profile: DeviceProfile) -> list[str]:
    """Return what a measurement shares with others, in the order in which it is taken.

    A board is known by the path of its port, whichever way the profile finds it, and a
    phone by its address. Devices that keep this machine's time disturb each other, and
    so are one thing (as in `hil.bench.runner`). Everyone takes these in one order, so
    that no two wait for each other.
    """
    shared = {_address(profile)}
    if profile.time_basis is TimeBasis.HOST_CLOCK:
        shared.add("the clock of this machine")
    return sorted(filter(None, shared))


def _address(profile: DeviceProfile) -> str:
    link = profile.link
    if isinstance(link, AdbSettings):
        if link.serial is not None:
            return f"phone {link.serial}"
        if link.host is not None:
            return f"phone {link.host}:{link.port}"
    elif profile.kind is TargetKind.MCU:
        return f"port {os.path.realpath(find_port(link, attached_ports).device)}"
    elif link.port is not None and profile.kind not in _HOSTED:
        return f"port {os.path.realpath(link.port)}"
    # A process that hil starts itself; the same row of a run is measured once.
    return f"emulated {profile.name}"
