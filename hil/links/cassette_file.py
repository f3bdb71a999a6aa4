"""The file of a cassette: JSON lines, gzip by its name, whole up to the last one.

What the dialogues of boards and those of phones have in common; docs/cassettes.md has
the format.
"""

from __future__ import annotations

import gzip
import json
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO, cast

from hil.errors import ConfigError, RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

VERSION: Final = 1
BYTES: Final = "bytes"  # a dialogue byte by byte, with a board
PHONE: Final = "phone"  # a dialogue call by call


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line: what answered, and what a dialogue may draw at random."""

    device: str
    origin: str
    seed: int = 0
    baud: int | None = None
    profile: str | None = None
    dialogue: str = BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What a file holds: the first line, the others, and what was not written whole.

    `cut` is the part of a line that is there where hil was killed, and empty where only
    the end of the gzip stream is missing.
    """

    header: Header
    whole: tuple[str, ...]
    cut: str | None


class CassetteFile:
    """A cassette that is being written; each line is on the disk at once."""

    def __init__(
        self, path: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take where to write; nothing is made before `begin`."""
        self._path = path
        self._clock = clock
        self._file: TextIO | None = None
        self._began = 0.0
        self._has_failed = False
        self.is_begun = False

    @property
    def seconds(self) -> float:
        """Seconds since the recording began."""
        return self._clock() - self._began

    def begin(self, header: Header) -> None:
        """Open the file, with *header* the first time; RecordingError for no file."""
        if self._file is not None or self._has_failed:
            return
        try:
            self._file = open_text(self._path, "a" if self.is_begun else "x")
        except OSError as exc:
            self._has_failed = True
            raise cannot_write(
                self._path,
                exc,
                remedy="name a file that is not there yet, in a folder that is",
            ) from exc
        if not self.is_begun:
            self.is_begun, self._began = True, self._clock()
            self.write(header_line(header))

    def write(self, line: str) -> None:
        """Write one line; RecordingError where it cannot be, the first time.

        After that nothing more is written: a device is to be left in good order also
        where the disk is full.
        """
        if self._has_failed:
            return
        assert self._file is not None
        try:
            self._file.write(f"{line}\n")
            self._file.flush()  # what was said before a crash is what is wanted
        except (OSError, ValueError) as exc:
            self._has_failed = True
            raise cannot_write(self._path, exc) from exc

    def close(self) -> None:
        """Close the file; `begin` goes on with it."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.close()
        except OSError as exc:
            if self._has_failed:
                return  # it was told, and the buffer is what could not be written
            self._has_failed = True
            raise cannot_write(self._path, exc) from exc


def cannot_write(
    path: Path, exc: OSError | ValueError, *, remedy: str | None = None
) -> RecordingError:
    """Return the error of a file that cannot be made or written."""
    told = exc.strerror if isinstance(exc, OSError) else None
    return RecordingError(
        "the cassette cannot be written",
        where=str(path),
        found=told or str(exc),
        remedy=remedy,
    )


def read_lines(path: Path) -> Lines:
    """Read a file up to where it ends or was cut; ConfigError where it is none."""
    lines: list[str] = []
    cut = None
    try:
        with open_text(path, "r") as file:
            for line in file:
                lines.append(line.removesuffix("\n"))
                cut = None if line.endswith("\n") or _is_json(line) else line
    except EOFError:
        cut = cut or ""
    except (OSError, UnicodeDecodeError, zlib.error) as exc:
        raise ConfigError(
            "the cassette cannot be read", where=str(path), found=str(exc)
        ) from exc
    if not lines:
        raise ConfigError("the cassette is empty", where=str(path))
    where = f"{path}, line 1"
    header = _header(read_object(lines[0], where), where)
    whole = lines[1:-1] if cut else lines[1:]
    return Lines(header=header, whole=tuple(whole), cut=cut)


def header_line(header: Header) -> str:
    """Return the first line of a file."""
    known = {
        "cassette": VERSION,
        "device": header.device,
        "origin": header.origin,
        "dialogue": None if header.dialogue == BYTES else header.dialogue,
        "seed": header.seed if header.dialogue == BYTES else None,
        "baud": header.baud,
        "profile": header.profile,
    }
    return json.dumps({k: v for k, v in known.items() if v is not None})


def read_object(line: str, where: str) -> dict[str, object]:
    """Return the object of one line; ConfigError where it is none."""
    try:
        found = json.loads(line)
    except ValueError as exc:
        raise no_cassette(where, str(exc)) from exc
    if not isinstance(found, dict):
        raise no_cassette(where, repr(line[:60]))
    return found


def no_cassette(where: str, found: str) -> ConfigError:
    """Return the error of a line that no cassette has."""
    return ConfigError(
        "this is no cassette",
        where=where,
        found=found,
        allowed=f"a file of --record or of hil mlperf import, version {VERSION}",
    )


def to_bytes(text: object) -> bytes:
    """Return what is written as U+0000 to U+00FF; TypeError or ValueError for else."""
    if not isinstance(text, str):
        raise TypeError(text)
    return text.encode("latin-1")


def to_text(data: bytes) -> str:
    """Return bytes as they are written."""
    return data.decode("latin-1")


def open_text(path: Path, mode: str) -> TextIO:
    """Open a file for text, through gzip where its name ends so; raises OSError."""
    if path.suffix == ".gz":
        # gzip's own stubs do not tell a text file by the letter t.
        return cast("TextIO", gzip.open(path, f"{mode}t", encoding="ascii"))
    return cast("TextIO", path.open(mode, encoding="ascii"))


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _header(plain: Mapping[str, object], where: str) -> Header:
    if plain.get("cassette") != VERSION:
        found = f"cassette {plain.get('cassette')!r} in the first line"
        raise no_cassette(where, found)
    seed, baud = plain.get("seed", 0), plain.get("baud")
    profile = plain.get("profile")
    if not isinstance(seed, int) or not isinstance(baud, int | None):
        raise no_cassette(where, f"seed {seed!r}, baud {baud!r}")
    return Header(
        device=str(plain.get("device", "")),
        origin=str(plain.get("origin", "")),
        seed=seed & 0xFFFF,
        baud=baud,
        profile=profile if isinstance(profile, str) else None,
        dialogue=str(plain.get("dialogue", BYTES)),
    )
