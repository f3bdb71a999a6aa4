"""A lock that all processes of this machine share, by a name: one device, one folder.

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

from hil.errors import BrokenSetup, TargetError
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.vocab import Deadline

FOLDER_VARIABLE: Final = "HIL_LOCKS"
_LOOK_SECONDS: Final = 0.05
_MOST_TEXT_BYTES: Final = 1000
_REMEDY: Final = "wait until that has ended"


@contextlib.contextmanager
def hold(
    identity: str, *, deadline: Deadline, who: str, remedy: str = _REMEDY
) -> Iterator[None]:
    """Hold *identity*; TargetError, with *remedy*, where it is not free in time."""
    file = _opened(identity)
    try:
        _wait(file, identity, deadline, remedy)
        now = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()}, {who}, since {now}".encode(), 0)
        yield
    finally:
        os.close(file)


def _wait(file: int, identity: str, deadline: Deadline, remedy: str) -> None:
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
                remedy=remedy,
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
