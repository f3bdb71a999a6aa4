"""The state of one shell of the phone: variables, folder, status, process."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from hil.emulators.phone.paths import refusal

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from hil.emulators.phone.phone import Phone
    from hil.emulators.phone.processes import Process

SHELL: Final = "/system/bin/sh"
NOT_RUNNABLE: Final = 126
NOT_FOUND: Final = 127
_MAX_VARIABLES: Final = 10_000


class Leave(Exception):
    """`exit`: the shell ends with *status*."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LoopControl(Exception):
    """`break` or `continue`, out of *levels* loops."""

    def __init__(self, levels: int, *, goes_on: bool) -> None:
        super().__init__(levels)
        self.levels = levels
        self.goes_on = goes_on


@dataclass(slots=True, kw_only=True)
class Shell:
    """What a command may see and change; `copy` is what a subshell starts with."""

    phone: Phone
    process: Process
    cwd: str = "/"
    variables: dict[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = (SHELL,)
    status: int = 0
    depth: int = 0
    cpus: tuple[int, ...] | None = None  # cores of the phone; None: all
    ignores_hangup: bool = False
    replaced: bool = False  # by `exec`: a program takes this shell's process over
    jobs: dict[int, asyncio.Task[int]] = field(default_factory=dict)  # by process
    last_job: int | None = None

    @property
    def positional(self) -> Sequence[str]:
        """The arguments of the script, `$1` first."""
        return self.arguments[1:]

    def copy(self) -> Shell:
        """Return a shell that starts as this one is, and changes nothing in it."""
        return replace(self, variables=dict(self.variables), jobs={})

    def value(self, name: str) -> str:
        """Return the value of a variable or parameter, "" where it is unset."""
        if name.isdigit():
            index = int(name)
            return self.arguments[index] if index < len(self.arguments) else ""
        match name:
            case "?":
                value = str(self.status)
            case "$":
                value = str(self.process.pid)
            case "!":
                value = "" if self.last_job is None else str(self.last_job)
            case "#":
                value = str(len(self.positional))
            case "@" | "*":
                value = " ".join(self.positional)
            case "PWD":
                value = self.cwd
            case _:
                value = self.variables.get(name, "")
        return value

    def assign(self, name: str, value: str) -> None:
        """Set a variable; OSError (E2BIG) where there are too many."""
        if name not in self.variables and len(self.variables) >= _MAX_VARIABLES:
            raise refusal(errno.E2BIG, name)
        self.variables[name] = value
