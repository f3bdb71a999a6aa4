"""What goes wrong with an emulated phone, and when: data, and the counting of bytes.

A fault is a line of text, what happens first and then when; `;` parts several:

    drop to-phone=100000              that byte of a connection is its last
    drop command=sync: to-host=5000   likewise, of the answers of a service
    reboot command=benchmark_model    all ends; the phone is back after `seconds`
    vanish command=benchmark_model    all ends, and nothing ever answers again
    kill command=benchmark_model      its processes get SIGKILL, after `seconds`
    cut command=getprop to-host=80    its output ends there, and no status follows
    full to-phone=100000              no free block is left on the disk
    unauthorised                      nobody accepts the key of a host

A profile has them in its property `ro.hil.faults`. Each goes off once, or `times`.
"""

from __future__ import annotations

import enum
import math
import shlex
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

PROPERTY: Final = "ro.hil.faults"
_KEYS = ("command", "to-phone", "to-host", "seconds", "times")
_NEEDS_COMMAND = ("kill", "cut")


class FaultKind(enum.StrEnum):
    """What happens."""

    DROP = "drop"
    REBOOT = "reboot"
    VANISH = "vanish"
    KILL = "kill"
    CUT = "cut"
    FULL = "full"
    UNAUTHORISED = "unauthorised"


_WORDS: Final = (*(kind.value for kind in FaultKind), *_KEYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, and when.

    With a *command*, bytes are those that the first service whose name holds this text
    sends, 1 by default; without, those of a connection, packets' heads included.
    """

    kind: FaultKind
    command: str = ""
    to_phone_bytes: int | None = None
    to_host_bytes: int | None = None
    seconds: float = 1.0  # that a reboot takes, or that a kill waits
    times: int = 1

    def __post_init__(self) -> None:
        """Refuse what never goes off, with a ConfigError."""
        counts = (self.to_phone_bytes, self.to_host_bytes)
        wrong = None
        if self.kind is FaultKind.UNAUTHORISED:
            if self.command or counts != (None, None):
                wrong = "it holds from the start: no command, no bytes"
        elif self.kind.value in _NEEDS_COMMAND and not self.command:
            wrong = "command=TEXT, a part of the command that it hits"
        elif self.command and self.to_phone_bytes is not None:
            wrong = "to-host=N: a command's own output is counted"
        elif not self.command and counts.count(None) != 1:
            wrong = "command=TEXT, to-phone=N or to-host=N"
        elif min([self.times, *(n for n in counts if n is not None)]) < 1:
            wrong = "bytes and times from 1"
        elif not 0 <= self.seconds < math.inf:
            wrong = "seconds from 0"
        if wrong is not None:
            raise ConfigError(
                "a fault of the emulated phone cannot go off",
                where=self.kind.value,
                allowed=wrong,
            )


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read faults as above; ConfigError where one is not understood."""
    return tuple(_parsed(line.strip()) for line in text.split(";") if line.strip())


def _parsed(line: str) -> Fault:
    try:
        name, *words = shlex.split(line)
        pairs = dict(word.split("=", 1) for word in words)
        unknown = next((key for key in pairs if key not in _KEYS), None)
        if name not in set(FaultKind) or unknown is not None:
            raise _misread(line, nearest(unknown or name, _WORDS))
        return Fault(
            kind=FaultKind(name),
            command=pairs.get("command", ""),
            to_phone_bytes=_count(pairs.get("to-phone")),
            to_host_bytes=_count(pairs.get("to-host")),
            seconds=float(pairs.get("seconds", 1.0)),
            times=int(pairs.get("times", 1)),
        )
    except ValueError as exc:
        raise _misread(line, None) from exc


def _count(text: str | None) -> int | None:
    return None if text is None else int(text)


def _misread(line: str, remedy: str | None) -> ConfigError:
    return ConfigError(
        "a fault of the emulated phone is not understood",
        where=PROPERTY,
        found=line,
        allowed=f"{' | '.join(FaultKind)}, then {'=, '.join(_KEYS)}=",
        remedy=remedy,
    )


class Faults:
    """The faults of one phone, shared by its connections; each has its times left."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        """Take what shall go wrong."""
        self._left: Counter[Fault] = Counter()
        for fault in faults:
            self._left[fault] += fault.times

    @property
    def unauthorised(self) -> bool:
        """Whether nobody accepts a key."""
        return any(f.kind is FaultKind.UNAUTHORISED for f in self._armed())

    def of_connection(self) -> Meter:
        """Return what counts the bytes of one new connection."""
        return Meter(self, [fault for fault in self._armed() if not fault.command])

    def of_service(self, name: str) -> Meter:
        """Return what counts the bytes of one new service."""
        hit = [f for f in self._armed() if f.command and f.command in name]
        return Meter(self, hit)

    def spend(self, fault: Fault) -> bool:
        """Let *fault* go off once more; false where another has used it up."""
        if self._left[fault] < 1:
            return False
        self._left[fault] -= 1
        return True

    def _armed(self) -> list[Fault]:
        return [fault for fault, left in self._left.items() if left > 0]


class Meter:
    """Counts the bytes of one connection or service against the faults in it."""

    def __init__(self, faults: Faults, watched: Iterable[Fault]) -> None:
        """Take the faults that *faults* has for this one."""
        self._faults = faults
        self._to_phone = {f: f.to_phone_bytes for f in watched if f.to_phone_bytes}
        self._to_host = {
            f: f.to_host_bytes or 1 for f in watched if not f.to_phone_bytes
        }

    def to_phone(self, size: int) -> tuple[int, Fault | None]:
        """Count *size* bytes; return how many come before a fault, and the fault."""
        return self._count(self._to_phone, size)

    def to_host(self, size: int) -> tuple[int, Fault | None]:
        """Count *size* bytes; return how many come before a fault, and the fault."""
        return self._count(self._to_host, size)

    def _count(self, left: dict[Fault, int], size: int) -> tuple[int, Fault | None]:
        due = min(left, key=lambda fault: left[fault], default=None)
        if due is None or left[due] > size:
            for fault in left:
                left[fault] -= size
            return size, None
        passed = left.pop(due)
        for fault in left:
            left[fault] -= passed
        if self._faults.spend(due):
            return passed, due
        rest, other = self._count(left, size - passed)
        return passed + rest, other
