"""Paths of the phone: from the text a client sends to a place in the backing folder.

Every refusal is an OSError with the number that Android's kernel would give, since the
texts that clients see are made of it ("No such file or directory").
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WRITABLE: Final = ("/data/local/tmp", "/sdcard")
FOLDERS: Final = ("/data", "/data/local", *WRITABLE)
MAX_PATH_BYTES: Final = 1024  # adbd's own limit
MAX_DEPTH: Final = 64  # ours: each step of a path is looked at, every time


def refusal(number: int, path: str) -> OSError:
    """Return the OSError with the kernel's text for *number*."""
    return OSError(number, os.strerror(number), path)


def reason(exc: OSError) -> str:
    """Return the kernel's text for *exc*, without the path on this machine."""
    return os.strerror(exc.errno) if exc.errno else "I/O error"


def normal(path: str, cwd: str = "/") -> str:
    """Return *path* as an absolute path of the phone without `.`, `..` or `//`.

    There are no symbolic links on the phone, so that `..` may be resolved by text; it
    cannot climb above the root.
    """
    if "\0" in path or not path:
        raise refusal(errno.ENOENT, path)
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise refusal(errno.ENAMETOOLONG, path)
    parts: list[str] = []
    for part in (path if path.startswith("/") else f"{cwd}/{path}").split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    if len(parts) > MAX_DEPTH:
        raise refusal(errno.ENAMETOOLONG, path)
    return "/" + "/".join(parts)


def parent(path: str) -> str:
    """Return the folder of a normal *path*."""
    return path.rsplit("/", 1)[0] or "/"


def check_writable(path: str) -> None:
    """Raise OSError unless the normal *path* may be made, changed or removed."""
    if any(path.startswith(f"{folder}/") for folder in WRITABLE):
        return
    if path.split("/")[1] in {"data", "proc", "sys", "sdcard"}:
        raise refusal(errno.EACCES, path)
    raise refusal(errno.EROFS, path)


@dataclass(frozen=True, slots=True)
class Backing:
    """The folder on this machine that holds the phone's files."""

    root: Path

    def host(self, path: str) -> Path:
        """Return where the normal *path* lies; ELOOP if a link leads out of it."""
        place = str(self.root)
        for part in path.split("/")[1:]:
            place = f"{place}/{part}" if part else place
            try:
                mode = os.lstat(place).st_mode  # text: many times per call
            except (FileNotFoundError, NotADirectoryError):
                continue
            if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
                raise refusal(errno.ELOOP, path)
        return Path(place)
