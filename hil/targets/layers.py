"""What a target that stands around another one offers beside a Target's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from hil.vocab import Deadline, Job, Target


@runtime_checkable
class Prepared(Protocol):
    """A target whose device needs a firmware of its own for a job."""

    def prepare(self, job: Job, deadline: Deadline) -> None:
        """Let the firmware of *job* run, or raise what building and flashing do."""


@runtime_checkable
class Wrapped(Protocol):
    """A target that brings a device to where another one can talk to it."""

    @property
    def target(self) -> Target:
        """What talks to the device, once it is open and prepared."""
