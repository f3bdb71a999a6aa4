"""A target whose device is a process of hil's own, started and ended with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hil.errors import DeviceCrashed, LinkClosed, LinkTimeout, TargetError, ToolError
from hil.tools import Child
from hil.vocab import TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.vocab import Deadline, DeviceProfile, Job, Measurement, Target

_VERBS = {TargetKind.EMULATED_MCU: "mcu", TargetKind.EMULATED_PHONE: "phone"}
_START_SECONDS = 30.0
_TAIL_CHARACTERS = 2000


class EmulatedTarget:
    """Starts the emulator, lets the real target talk to it, and tells its death.

    The target in between is the one that drives hardware: it gets the address that the
    emulator prints (a pty's path, or host and port) and knows nothing of the process.
    """

    def __init__(
        self,
        profile: DeviceProfile,
        *,
        attach: Callable[[str], Target],
        log_path: Path,
    ) -> None:
        """Take how to *attach* to the printed address, and where stderr goes."""
        self.profile = profile
        self._attach = attach
        self._log_path = log_path
        self._child: Child | None = None
        self._target: Target | None = None

    def open(self, deadline: Deadline) -> None:
        """Start the emulator and reach it; DeviceCrashed where it does not start."""
        self.close()
        self._child = Child(emulator_argv(self.profile), stderr=self._log_path)
        try:
            address = self._child.read_line(deadline.sooner(_START_SECONDS))
        except ToolError as exc:
            raise self._died("the emulator did not start") from exc
        self._target = self._attach(address)
        self._target.open(deadline)

    @property
    def target(self) -> Target:
        """What talks to the emulator, once it is open."""
        assert self._target is not None
        return self._target

    def measure(self, job: Job, deadline: Deadline) -> Measurement:
        """Run *job*; DeviceCrashed where the emulator's process died meanwhile."""
        assert self._target is not None
        assert self._child is not None
        try:
            return self._target.measure(job, deadline)
        except (LinkClosed, LinkTimeout) as exc:
            # The pty closes a moment before the process can be waited for.
            if self._child.wait(deadline.sooner(1.0)) is not None:
                raise self._died("the emulator died while it worked") from exc
            raise

    def close(self) -> None:
        """End the emulator."""
        target, self._target = self._target, None
        child, self._child = self._child, None
        try:
            if target is not None:
                target.close()
        finally:
            if child is not None:
                child.stop()

    def _died(self, what: str) -> TargetError:
        assert self._child is not None
        code = self._child.exit_code
        return DeviceCrashed(
            what,
            where=f"{self.profile.name}, log in {self._log_path}",
            found=f"exit status {code}; {self._tail()}",
        )

    def _tail(self) -> str:
        try:
            text = self._log_path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "no log"
        return text[-_TAIL_CHARACTERS:].strip() or "an empty log"


def emulator_argv(profile: DeviceProfile) -> list[str]:
    """Return the command that starts the emulator of *profile*."""
    assert profile.source is not None
    settings = [word for line in profile.overrides for word in ("--set", line)]
    if profile.kind is TargetKind.EMULATED_PHONE:
        settings.append("--skip-sleep")  # it cools down in no time
    return [
        sys.executable,
        "-m",
        "hil",
        "emulate",
        _VERBS[profile.kind],
        "--profile",
        str(profile.source.resolve()),
        *settings,
        "--watch-stdin",
    ]
