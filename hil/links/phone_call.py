"""One call of a phone as a line of a cassette, and a whole cassette read back.

docs/cassettes.md has the format.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.errors import (
    BrokenSetup,
    ConfigError,
    DeviceCrashed,
    FirmwareFault,
    HilError,
    LinkClosed,
    LinkTimeout,
    MalformedFrame,
    ProtocolMismatch,
    TargetError,
)
from hil.links.adb_output import ShellResult
from hil.links.adb_sync import RemoteFile
from hil.links.cassette_file import (
    PHONE,
    Header,
    no_cassette,
    read_lines,
    read_object,
    to_bytes,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    Plain = Mapping[str, object]

_ERRORS: Final = {
    error.__name__: error
    for error in (
        HilError,
        ConfigError,
        TargetError,
        BrokenSetup,
        LinkTimeout,
        LinkClosed,
        MalformedFrame,
        ProtocolMismatch,
        DeviceCrashed,
        FirmwareFault,
    )
}
_PARTS: Final = ("what", "where", "found", "allowed", "remedy")
OPEN: Final[Plain] = {"open": True}
DRAW: Final[Plain] = {"draw": True}
SECONDS_LEFT: Final[Plain] = {"seconds_left": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCall:
    """One line of a cassette: `to` is what the host asked, `said` what came back.

    `at` are seconds since the recording began, `seconds` how long it took. With
    `error`, that was raised in the end; it `is_late` if the host's deadline was over.
    """

    at: float
    to: Plain
    said: Plain  # "from" on file
    seconds: float = 0.0
    error: HilError | None = None
    is_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneDialogue:
    """A whole cassette; `is_cut` where hil was killed while it was written."""

    header: Header
    calls: tuple[PhoneCall, ...]
    is_cut: bool


class Content:
    """What a file is known by: its size and digest, as its parts go by."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._digest = hashlib.sha256()
        self._size = 0

    def watch(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Hand *parts* on."""
        for part in parts:
            self._digest.update(part)
            self._size += len(part)
            yield part

    def drain(self, watched: Iterator[bytes]) -> None:
        """Take what is left of the parts."""
        for _ in watched:
            pass

    def told(self) -> dict[str, object]:
        """Return it as it is written."""
        return {"size": self._size, "sha256": self._digest.hexdigest()}


def shell_asked(command: str | Sequence[str]) -> dict[str, object]:
    """Return a command as it is written: a script, or a program's arguments."""
    return {"shell": command if isinstance(command, str) else list(command)}


def shell_said(result: ShellResult) -> dict[str, object]:
    """Return how a command ended as it is written."""
    return {
        "exit_code": result.exit_code,
        "stdout": to_text(result.stdout),
        "stderr": to_text(result.stderr),
        "pid": result.pid,
    }


def entry_said(found: RemoteFile | None) -> dict[str, object]:
    """Return what is known of a file as it is written; nothing where it is missing."""
    return {} if found is None else {"mode": found.mode, "size": found.size_bytes}


def read_shell(said: Plain) -> ShellResult:
    """Return how the command ended; as all below KeyError, TypeError or ValueError."""
    pid = said.get("pid")
    return ShellResult(
        exit_code=_whole(said["exit_code"]),
        stdout=to_bytes(said["stdout"]),
        stderr=to_bytes(said["stderr"]),
        pid=None if pid is None else _whole(pid),
    )


def read_entry(said: Plain) -> RemoteFile | None:
    """Return mode and size, None for a file that was missing."""
    if not said:
        return None
    return RemoteFile(mode=_whole(said["mode"]), size_bytes=_whole(said["size"]))


def read_content(said: Plain) -> bytes:
    """Return the content of a file, or what came of it."""
    return to_bytes(said.get("content", ""))


def read_token(said: Plain) -> str:
    """Return what was drawn."""
    token = said["token"]
    if not isinstance(token, str):
        raise TypeError(token)
    return token


def read_seconds(said: Plain) -> float:
    """Return the seconds that were left."""
    seconds = said["seconds"]
    if not isinstance(seconds, int | float):
        raise TypeError(seconds)
    return float(seconds)


_READERS: Final[Mapping[str, Callable[[Plain], object]]] = {
    "open": dict,
    "shell": read_shell,
    "entry": read_entry,
    "send": dict,
    "receive": read_content,
    "draw": read_token,
    "seconds_left": read_seconds,
}


def call_line(call: PhoneCall) -> str:
    """Return the line of one call."""
    known: dict[str, object] = {
        "at": round(call.at, 6),
        "seconds": round(call.seconds, 6),
    }
    known["to"] = call.to
    said = {key: value for key, value in call.said.items() if value is not None}
    if said:
        known["from"] = said
    if call.error is not None:
        known["error"] = _error_told(call.error)
    if call.is_late:
        known["late"] = True
    return json.dumps(known)


def read_phone_cassette(path: Path) -> PhoneDialogue:
    """Read a cassette up to its end, or to the line at which it was cut.

    ConfigError names the line that is none, or says that a board was recorded.
    """
    lines = read_lines(path)
    if lines.header.dialogue != PHONE:
        raise ConfigError(
            "this cassette is not of a phone",
            where=str(path),
            found=f"a dialogue in {lines.header.dialogue}, "
            f"with {lines.header.device or 'a device without a name'}",
            allowed="a recording of a phone, by link.record or --record",
        )
    calls = [
        _call(read_object(line, f"{path}, line {number}"), f"{path}, line {number}")
        for number, line in enumerate(lines.whole, start=2)
    ]
    return PhoneDialogue(
        header=lines.header, calls=tuple(calls), is_cut=lines.cut is not None
    )


def _error_told(exc: HilError) -> dict[str, object]:
    """Return an error's parts, and the nearest class of the tree in hil.errors."""
    name = next(c.__name__ for c in type(exc).__mro__ if c.__name__ in _ERRORS)
    parts = {part: getattr(exc, part) for part in _PARTS}
    return {"class": name, **{k: v for k, v in parts.items() if v is not None}}


def _call(plain: Plain, where: str) -> PhoneCall:
    try:
        at, seconds = plain["at"], plain.get("seconds", 0.0)
        to, said = plain["to"], plain.get("from", {})
        if not (
            isinstance(at, int | float)
            and isinstance(seconds, int | float)
            and isinstance(to, dict)
            and isinstance(said, dict)
        ):
            raise TypeError(plain)  # noqa: TRY301 - the same refusal as for a wrong key
        error = _error(plain["error"]) if "error" in plain else None
        if error is None:
            read = next(_READERS[verb] for verb in to if verb in _READERS)
            read(said)
        return PhoneCall(
            at=float(at),
            to=to,
            said=said,
            seconds=float(seconds),
            error=error,
            is_late=bool(plain.get("late")),
        )
    except (KeyError, TypeError, ValueError, StopIteration) as exc:
        raise no_cassette(where, f"{dict(plain)!r}"[:120]) from exc


def _error(plain: object) -> HilError:
    if not isinstance(plain, dict):
        raise TypeError(plain)
    parts = {part: plain.get(part) for part in _PARTS}
    if not all(isinstance(value, str | None) for value in parts.values()):
        raise TypeError(plain)
    what = parts.pop("what")
    if what is None:
        raise KeyError("what")
    return _ERRORS[str(plain["class"])](what, **parts)


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(value)
    return value
