"""One call of a command: its arguments, where it reads and writes, who calls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.emulators.phone.paths import normal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hil.emulators.phone.phone import Phone
    from hil.emulators.phone.pipes import Sink, Source
    from hil.emulators.phone.shell import Shell

_NUMBER = re.compile(r"[-+]?\d{1,18}")


def number(text: str) -> int | None:
    """Read a whole number that fits 64 bits; None for any other text."""
    return int(text) if _NUMBER.fullmatch(text) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Io:
    """The three streams of a command."""

    stdin: Source
    stdout: Sink
    stderr: Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a command function gets; it returns its exit status."""

    name: str
    arguments: Sequence[str]
    io: Io
    shell: Shell
    # For commands that run others: one command of words, or a script. `exit` in the
    # script comes out as Leave.
    run: Callable[[Sequence[str], Shell, Io], Awaitable[int]]
    source: Callable[[str, Shell, Io], Awaitable[int]]

    @property
    def phone(self) -> Phone:
        """The phone that the command runs on."""
        return self.shell.phone

    def path(self, argument: str) -> str:
        """Return the absolute path that *argument* names."""
        return normal(argument, self.shell.cwd)

    def options(self, known: str) -> tuple[set[str], list[str]]:
        """Return the leading single-letter options of *known*, and the operands.

        Letters that are not known are returned as they are: the caller refuses.
        """
        given: set[str] = set()
        operands = list(self.arguments)
        while operands and re.fullmatch(r"-[A-Za-z0-9]+", operands[0]):
            given |= set(operands.pop(0)[1:])
        if operands[:1] == ["--"]:
            operands.pop(0)
        unknown = given - set(known)
        if unknown:
            message = f"Unknown option '{min(unknown)}'"
            raise UsageError(message)
        return given, operands

    async def say(self, text: str) -> None:
        """Print *text* as it stands."""
        await self.io.stdout.write(text.encode(errors="surrogateescape"))

    async def fail(self, text: str, *, status: int = 1) -> int:
        """Print `NAME: text` as an error and return *status*."""
        line = f"{self.name}: {text}\n"
        await self.io.stderr.write(line.encode(errors="surrogateescape"))
        return status


class UsageError(Exception):
    """The options of a command are wrong; its text is printed after the name."""
