"""What a phone's shell says about its files: free space and digests; no I/O."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

from hil.errors import MalformedFrame
from hil.printable import tail

# In this order: md5 is proof enough that a file arrived, and all that very old phones
# have. toybox and busybox have their tools also where no link of that name stands.
_TOOLS = (
    "sha256sum",
    "toybox sha256sum",
    "busybox sha256sum",
    "md5sum",
    "toybox md5sum",
    "busybox md5sum",
)
_NO_TOOL = 127
_ALGORITHMS = {64: "sha256", 32: "md5"}
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_KIB = 1024
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)i?B?", re.IGNORECASE)
_BLOCKS = re.compile(r"(\d+)([KMG]?)-blocks", re.IGNORECASE)
_FREE = ("available", "avail", "free")


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The digest of a file, and how it was made: `sha256` or `md5`."""

    algorithm: str
    hex: str


def digest_command(path: str) -> str:
    """Return the script that prints the digest of *path* by whatever tool there is."""
    tools = " ".join(shlex.quote(tool) for tool in _TOOLS)
    # From standard input, so that no tool has to write the name (and to quote it).
    return (
        f"for hil_t in {tools}; do "
        f"hil_d=$($hil_t < {shlex.quote(path)} 2>/dev/null) && "
        '{ echo "$hil_d"; exit 0; }; done; exit 127'
    )


def digest_of(exit_code: int, stdout: bytes, *, where: str) -> Digest | None:
    """Read the answer to `digest_command`; None where the phone has no such tool."""
    if exit_code == _NO_TOOL:
        return None
    words = stdout.decode(errors="replace").split()
    word = words[0].lower() if words else ""
    algorithm = _ALGORITHMS.get(len(word))
    if exit_code != 0 or algorithm is None or not re.fullmatch("[0-9a-f]+", word):
        raise MalformedFrame(
            "the phone's answer is no digest of a file",
            where=where,
            found=tail(stdout, lines=1) or "nothing",
            allowed="a line of sha256sum or md5sum",
        )
    return Digest(algorithm=algorithm, hex=word)


def space_command(path: str) -> str:
    """Return the script that runs df on the nearest folder above *path* that exists."""
    above = " ".join(shlex.quote(str(folder)) for folder in PurePosixPath(path).parents)
    return f'for hil_p in {above}; do [ -d "$hil_p" ] && df -k "$hil_p"; done'


def free_bytes(stdout: bytes) -> int | None:
    """Return the free bytes in the first table of df; None where it cannot be told.

    The table of toybox (`1K-blocks .. Available`), that of the older toolbox
    (`Size .. Free`, figures such as 1.2G), and lines that a long device name breaks.
    """
    lines = [line.split() for line in stdout.decode(errors="replace").splitlines()]
    lines = [words for words in lines if words]
    head = [word.lower() for word in lines[0]] if lines else []
    column = next((head.index(name) for name in _FREE if name in head), None)
    if column is None:
        return None
    row = lines[1] if len(lines) > 1 else []
    if len(row) == 1 and len(lines) > 2:  # noqa: PLR2004 - a name alone on its line
        row = row + lines[2]
    size = _SIZE.fullmatch(row[column]) if column < len(row) else None
    if size is None:
        return None
    unit = _UNITS.get(size[2].upper()) or _block_bytes(head)
    return int(float(size[1]) * unit)


def _block_bytes(head: list[str]) -> int:
    for word in head:
        if found := _BLOCKS.fullmatch(word):
            return int(found[1]) * _UNITS.get(found[2].upper(), 1)
    return _KIB
