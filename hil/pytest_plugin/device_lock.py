"""A device for one process at a time: a file lock for each thing that is shared.

The lock is the kernel's (flock), so it ends with the process that holds it, however
that ends. The file says who holds it, for whoever waits.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.deadline import Deadline
from hil.errors import BrokenSetup, TargetError
from hil.links.serial_identity import attached_ports, find_port
from hil.printable import printable
from hil.vocab import AdbSettings, TargetKind, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.vocab import DeviceProfile

FOLDER_VARIABLE: Final = "HIL_LOCKS"
_LOOK_SECONDS: Final = 0.05
_MOST_TEXT_BYTES: Final = 1000
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
            stack.enter_context(hold(identity, deadline=deadline, who=who))
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


@contextlib.contextmanager
def hold(identity: str, *, deadline: Deadline, who: str) -> Iterator[None]:
    """Hold *identity*; TargetError where it is not free by the deadline."""
    file = _opened(identity)
    try:
        _wait(file, identity, deadline)
        now = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()}, {who}, since {now}".encode(), 0)
        yield
    finally:
        os.close(file)


def _wait(file: int, identity: str, deadline: Deadline) -> None:
    pause = threading.Event()
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if deadline.expired:
            raise TargetError(
                "the device is in use",
                where=identity,
                found=printable(os.pread(file, _MOST_TEXT_BYTES, 0)),
                remedy="wait until that has ended, or a longer --hil-lock-seconds",
            )
        pause.wait(min(_LOOK_SECONDS, deadline.remaining))


def _opened(identity: str) -> int:
    """Open the lock's file, which other users of this machine may have made."""
    folder = _folder()
    path = folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.lock"
    try:
        if not folder.is_dir():
            with contextlib.suppress(FileExistsError):
                folder.mkdir(parents=True)
                folder.chmod(0o1777)
        # With O_CREAT, Linux refuses another user's file in such a folder.
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        os.fchmod(file, 0o666)
    except OSError as exc:
        raise BrokenSetup(
            "the lock of the device cannot be opened",
            where=str(path),
            found=exc.strerror,
            remedy=f"{FOLDER_VARIABLE}=FOLDER names another folder, the same for all "
            "that use the device",
        ) from exc
    return file


def _folder() -> Path:
    told = os.environ.get(FOLDER_VARIABLE)
    return Path(told) if told else Path(tempfile.gettempdir()) / "hil-locks"
