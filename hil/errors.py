"""The one exception tree.

HilError                  exit 1; transient = False
+-- ConfigError           exit 2  a command, plan, profile or dataset must change
+-- ModelError            exit 2  the model cannot be read, converted or quantized
|   +-- UnsupportedOp     an engine cannot run an operator of the model
|   +-- WrongQuantization the quantized file is not what was asked for
+-- DoesNotFit            exit 1  the model or its arena is larger than the device
+-- ToolError             exit 3  a host tool failed: argv, exit status, last output
|   +-- ToolMissing       the tool is not installed
+-- RecordingError        exit 3  a record could not be written
+-- TargetError           exit 3  the device, or the way to it, failed
    +-- BrokenSetup       the port, the address or the permission is wrong
    +-- LinkTimeout       (transient) nothing came in time
    +-- LinkClosed        (transient) the port or process went away
    +-- MalformedFrame    (transient) bytes came that are no frame
    +-- ProtocolMismatch  the device speaks another protocol or version
    +-- DeviceCrashed     the device died while it worked
    +-- FirmwareFault     the device reported an error of its own
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable


class HilError(Exception):
    """Base of all errors; says what is wrong, where, what was found and the remedy.

    The CLI prints these without a traceback and exits with `exit_status`. `status` is
    what a record says when a job ends with the error. Only errors with `transient`
    true are tried again, and only by the runner.
    """

    transient = False
    exit_status = 1
    status = RunStatus.BROKEN_SETUP

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        found: str | None = None,
        allowed: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Keep the five parts; every part but *what* may be absent."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.found = found
        self.allowed = allowed
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the parts that are there, one a line."""
        parts = [self.what]
        for label in ("where", "found", "allowed", "remedy"):
            value = getattr(self, label)
            if value is not None:
                parts.append(f"  {label + ':':<9}{value}")
        return "\n".join(parts)


class ConfigError(HilError):
    """A command, plan, profile or dataset that the user wrote must change."""

    exit_status = 2


class ModelError(HilError):
    """The model cannot be read, converted or quantized."""

    exit_status = 2


class UnsupportedOp(ModelError):
    """An engine cannot run an operator of the model."""

    exit_status = 1
    status = RunStatus.UNSUPPORTED_OP


class WrongQuantization(ModelError):
    """The file that a quantizer returned is not what was asked for."""


class DoesNotFit(HilError):
    """The model or its arena is larger than the device."""

    status = RunStatus.DOES_NOT_FIT

    def __init__(
        self, *, region: str, needed_bytes: int, available_bytes: int, where: str
    ) -> None:
        """Name the *region* ("flash", "arena") and both sizes."""
        missing = needed_bytes - available_bytes
        super().__init__(
            f"{region}: {missing:,} bytes missing",
            where=where,
            found=f"{needed_bytes:,} bytes needed",
            allowed=f"{available_bytes:,} bytes available",
            remedy="a smaller variant (hil shrink), or a device with more memory",
        )
        self.region = region
        self.needed_bytes = needed_bytes
        self.available_bytes = available_bytes


class ToolError(HilError):
    """A host tool failed; keeps its argv, exit status and last output."""

    exit_status = 3

    def __init__(
        self,
        argv: tuple[str, ...],
        *,
        exit_code: int | None,
        tail: str,
        remedy: str | None = None,
    ) -> None:
        """Take the command line, its exit code (None: killed at the deadline)."""
        ended = (
            "did not end in time"
            if exit_code is None
            else f"ended with status {exit_code}"
        )
        super().__init__(
            f"{argv[0]} {ended}",
            where=" ".join(argv),
            found=tail.strip() or "no output",
            remedy=remedy,
        )
        self.argv = argv
        self.exit_code = exit_code
        self.tail = tail


class ToolMissing(ToolError):
    """The tool is not installed."""

    def __init__(self, argv: tuple[str, ...], *, remedy: str) -> None:
        """Name the tool by its argv and the command that installs it."""
        super().__init__(argv, exit_code=127, tail="not installed", remedy=remedy)


class RecordingError(HilError):
    """A record could not be written: the disk is full or the folder is gone."""

    exit_status = 3


class TargetError(HilError):
    """The device, or the way to it, failed."""

    exit_status = 3


class BrokenSetup(TargetError):
    """The port, the address or the permission is wrong; trying again cannot help."""


class LinkTimeout(TargetError):
    """Nothing came in time."""

    transient = True
    status = RunStatus.TIMED_OUT


class LinkClosed(TargetError):
    """The port or process went away."""

    transient = True
    status = RunStatus.LINK_BROKEN


class MalformedFrame(TargetError):
    """Bytes came that are no frame; the decoder goes on at the next one."""

    transient = True
    status = RunStatus.LINK_BROKEN


class ProtocolMismatch(TargetError):
    """The device speaks another protocol, or another version of it."""


class DeviceCrashed(TargetError):
    """The device died while it worked."""

    status = RunStatus.CRASHED


class FirmwareFault(TargetError):
    """The device reported an error of its own."""

    status = RunStatus.CRASHED


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """Return "did you mean X?" for the closest of *allowed*, if one is close."""
    matches = get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return f"did you mean {matches[0]!r}?" if matches else None
