"""Emulated devices that run for a test, and where any client reaches them."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.deadline import Deadline
from hil.errors import ConfigError, DeviceCrashed, ToolError
from hil.printable import tail
from hil.profiles import find_profile, profile_files
from hil.targets.emulated import emulator_argv
from hil.tools import Child

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hil.vocab import DeviceProfile, TargetKind

_START_SECONDS: Final = 30.0
_FAULTS: Final = 'emulator.properties."ro.hil.faults"'


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedMcu:
    """An emulated microcontroller; `port` is the path of its serial pty."""

    profile: DeviceProfile
    port: str
    log: Path  # what it printed on standard error


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedPhone:
    """An emulated phone that speaks ADB over TCP."""

    profile: DeviceProfile
    host: str
    port: int
    log: Path  # what it printed on standard error

    @property
    def address(self) -> str:
        """HOST:PORT, as `adb connect` takes it."""
        return f"{self.host}:{self.port}"


def emulated_profile(
    name: str, kind: TargetKind, *, settings: Sequence[str], faults: str | None
) -> DeviceProfile:
    """Return the profile *name*, or KIND-*name*; ConfigError for another kind."""
    longer = f"{kind.value}-{name}"
    known = profile_files()
    if name not in known and longer in known:
        name = longer
    # A string of JSON is one of TOML.
    lines = [*settings, *([f"{_FAULTS}={json.dumps(faults)}"] if faults else [])]
    found = find_profile(name, overrides=lines)
    if found.kind is not kind:
        raise ConfigError(
            f"{found.name} cannot be emulated so",
            found=f"kind {found.kind.value}",
            allowed=f"a profile of kind {kind.value}",
        )
    return found


@contextlib.contextmanager
def running(profile: DeviceProfile, *, log: Path) -> Iterator[str]:
    """Run the emulator and give the address that it prints.

    Raises DeviceCrashed, with the end of its log, where it does not start.
    """
    child = Child(emulator_argv(profile), stderr=log)
    try:
        try:
            address = child.read_line(Deadline(_START_SECONDS))
        except ToolError as exc:
            raise DeviceCrashed(
                "the emulator did not start",
                where=f"{profile.name}, log in {log}",
                found=tail(log.read_bytes()) or "an empty log",
            ) from exc
        yield address
    finally:
        child.stop()
