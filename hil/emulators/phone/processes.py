"""The phone's process table: numbers, names, /proc/PID and signals.

Process numbers are the phone's own. A command that really runs in a child process of
this machine lends its figures (VmHWM, State, ...) to its entry, so that what a client
reads there is real; all other entries are parts of this program.
"""

from __future__ import annotations

import asyncio
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

SIGNALLED: Final = 128  # plus the number of the signal: the status that a shell sees
_FIRST_PID = 4000  # a phone that has been up for a while
_PID_LIMIT = 32768
_SHELL_UID = "2000\t2000\t2000\t2000"


@dataclass(slots=True, eq=False)
class Process:
    """One entry; *host_pid* is set while a child of this machine stands behind it."""

    pid: int
    parent: int
    arguments: Sequence[str]
    signal: Callable[[int], None] | None = None
    host_pid: int | None = None
    cpus_allowed: str | None = None
    run_ticks: Callable[[], int] | None = None
    group: int = 0

    @property
    def name(self) -> str:
        """The name as ps shows it, at most 15 characters as in the kernel."""
        return self.arguments[0].rsplit("/", 1)[-1][:15] if self.arguments else "sh"


@dataclass(slots=True)
class Processes:
    """All that run now."""

    _table: dict[int, Process] = field(default_factory=dict)
    _last: int = _FIRST_PID

    def __iter__(self) -> Iterator[Process]:
        return iter(list(self._table.values()))

    def start(
        self,
        arguments: Sequence[str],
        *,
        parent: int = 1,
        signal: Callable[[int], None] | None = None,
    ) -> Process:
        """Enter a new process under the next free number, in its parent's group."""
        self._last += 1
        while self._last in self._table or self._last >= _PID_LIMIT:
            self._last = self._last + 1 if self._last < _PID_LIMIT else _FIRST_PID
        process = Process(self._last, parent, arguments, signal)
        above = self._table.get(parent)
        process.group = above.group if above else process.pid
        self._table[process.pid] = process
        return process

    def end(self, process: Process) -> None:
        """Take *process* out of the table."""
        self._table.pop(process.pid, None)

    def find(self, pid: int) -> Process | None:
        """Return the process with the number *pid*."""
        return self._table.get(pid)

    def group(self, number: int) -> list[Process]:
        """Return the processes of a group; its leader may be gone."""
        return [process for process in self if process.group == number]

    def content(self, pid: int, name: str) -> bytes | None:
        """Return the file *name* of /proc/PID, None where there is none."""
        process = self._table.get(pid)
        if process is None:
            return None
        if name == "cmdline":
            return b"".join(
                argument.encode(errors="surrogateescape") + b"\0"
                for argument in process.arguments
            )
        if name == "comm":
            return f"{process.name}\n".encode(errors="surrogateescape")
        tell = {"status": _status, "stat": _stat}.get(name)
        return None if tell is None else tell(process)


class Killed(Exception):
    """A part of this program that stands for a process got a signal."""

    def __init__(self, which: int) -> None:
        super().__init__(which)
        self.status = SIGNALLED + which
        self.text = signal.strsignal(which) or f"Signal {which}"


async def run_killable(process: Process, work: Coroutine[None, None, int]) -> int:
    """Do *work* for *process*; Killed where a signal to the process ends it.

    Nothing here could be stopped and go on later: those signals do nothing.
    """
    killed = 0
    task = asyncio.create_task(work)

    def kill(which: int) -> None:
        nonlocal killed
        if which not in {signal.SIGSTOP, signal.SIGCONT}:
            killed = which
            task.cancel()

    process.signal = kill
    try:
        return await task
    except asyncio.CancelledError:
        if killed:
            raise Killed(killed) from None
        raise


FILES = frozenset({"cmdline", "comm", "stat", "status"})


def _status(process: Process) -> bytes:
    fields = {
        "Name": process.name,
        "State": "S (sleeping)",
        "Tgid": str(process.pid),
        "Pid": str(process.pid),
        "PPid": str(process.parent),
        "Uid": _SHELL_UID,
        "Gid": _SHELL_UID,
    }
    fields.update(_host_fields(process.host_pid))
    if process.cpus_allowed is not None:
        fields["Cpus_allowed"] = process.cpus_allowed
    lines = "".join(f"{key}:\t{value}\n" for key, value in fields.items())
    return lines.encode(errors="surrogateescape")


def _stat(process: Process) -> bytes:
    """Return /proc/PID/stat of proc(5): who it is, and its time as user time."""
    state = _host_fields(process.host_pid).get("State", "S")[:1]
    ticks = process.run_ticks() if process.run_ticks else 0
    numbers = [process.parent, process.group, *[0] * 8, ticks, *[0] * 38]
    text = f"{process.pid} ({process.name}) {state} {' '.join(map(str, numbers))}\n"
    return text.encode(errors="surrogateescape")


def _host_fields(host_pid: int | None) -> dict[str, str]:
    """Return the figures of the child on this machine; its identity stays hidden."""
    if host_pid is None:
        return {}
    try:
        text = Path(f"/proc/{host_pid}/status").read_text(encoding="utf-8")
    except OSError:  # it ended just now
        return {}
    shown = re.compile(r"(?:State|Vm\w+|Rss\w+|Threads|\w*voluntary\w*)\Z")
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key: value.strip() for key, value in pairs if shown.match(key)}
