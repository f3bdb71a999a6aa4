"""Output of a command on a phone: process number, streams and exit code; no I/O."""

from __future__ import annotations

import re
import shlex
import struct
from dataclasses import dataclass
from typing import Protocol

from hil.errors import LinkClosed, MalformedFrame

_MAX_OUTPUT_BYTES = 64 * 1024 * 1024
_FRAME_HEAD = struct.Struct("<BI")
_STDOUT, _STDERR, _EXIT = 1, 2, 3
_PID_LINE_BYTES = 1024
# Prints process number, number of its group and, where /proc tells it, the line stat of
# the group's leader. `read` and `echo` are built into every shell: no process is made.
_SAY_WHO = (
    "{{ read -r hil_s </proc/{group}/stat; }} 2>/dev/null; "
    'echo {marker} $$ {group} "$hil_s"; unset hil_s; '
)
_START_FIELD = 19  # of stat, counted from the state that follows the name


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellResult:
    """How a command on the phone ended. A signal N is 128 + N.

    Without the feature shell_v2 (before Android 7) standard error is in `stdout`.
    `pid` is absent where the phone's shell did not get to say it.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process on a phone, known well enough to be killed and no other in its place.

    `group` is its process group; `started` the ticks from the phone's start to the
    leader's, absent where the phone does not tell.
    """

    pid: int
    group: int
    started: int | None

    @property
    def kill_script(self) -> str:
        """The script that kills it and all it started; ends with 0 while any lives.

        A number that belongs to another process by now (the phone restarted) is left
        alone. Where the leader is gone, what is left of its group is still ours: the
        kernel gives no number away that a group bears.
        """
        ours = ""
        if self.started is not None:
            ours = (
                f"{{ read -r hil_s </proc/{self.group}/stat; }} 2>/dev/null; "
                f"case \"$hil_s\" in ''|*' 0 {self.started} '*) ;; *) exit 1;; esac; "
            )
        return (
            f"{ours}{{ kill -9 -{self.group}; kill -9 {self.pid}; "
            f"kill -0 -{self.group} || kill -0 {self.pid}; }} 2>/dev/null"
        )


class ShellOutput(Protocol):
    """One command: the service that runs it and the reading of what that sends."""

    service: str

    @property
    def running(self) -> Running | None:
        """The command's process, as soon as the phone has said which it is."""

    def command(self, body: str) -> str:
        """Return the line that runs *body* and says its process number first."""

    def feed(self, data: bytes) -> None:
        """Take bytes as they come, cut anywhere; MalformedFrame where they lie."""

    def result(self) -> ShellResult:
        """Return how it ended; LinkClosed where the exit code never came."""


class FramedOutput:
    """`shell,v2`: frames of id (u8), length (u32, little-endian) and payload."""

    service = "shell,v2,raw"

    def __init__(self, marker: str, address: str) -> None:
        """Take a *marker* that no command prints by chance, and a name for errors."""
        self._marker = marker
        self._address = address
        self._pending = bytearray()
        self._streams = {_STDOUT: bytearray(), _STDERR: bytearray()}
        self._exit_code: int | None = None

    @property
    def running(self) -> Running | None:
        """The command's process, as soon as the phone has said which it is."""
        return _running(_pid_line(self._marker, self._streams[_STDOUT]))

    def command(self, body: str) -> str:
        """Return the line that runs *body* and says its process number first."""
        return _SAY_WHO.format(marker=self._marker, group="$$") + body

    def feed(self, data: bytes) -> None:
        """Take bytes as they come, cut anywhere; MalformedFrame where they lie."""
        self._pending += data
        while len(self._pending) >= _FRAME_HEAD.size:
            kind, length = _FRAME_HEAD.unpack_from(self._pending)
            if kind not in {_STDOUT, _STDERR, _EXIT} or length > _MAX_OUTPUT_BYTES:
                raise MalformedFrame(
                    "the phone sent a shell frame that cannot be read",
                    where=self._address,
                    found=f"id {kind}, {length:,} bytes",
                    allowed="id 1 (stdout), 2 (stderr), 3 (exit code)",
                )
            end = _FRAME_HEAD.size + length
            if len(self._pending) < end:
                return
            payload = bytes(self._pending[_FRAME_HEAD.size : end])
            del self._pending[:end]
            if kind != _EXIT:
                self._streams[kind] += payload
                _limit(len(self._streams[kind]), self._address)
            elif payload:
                self._exit_code = payload[0]

    def result(self) -> ShellResult:
        """Return how it ended; LinkClosed where the exit code never came."""
        if self._exit_code is None:
            raise _no_status(self._address)
        stdout = self._streams[_STDOUT]
        line = _pid_line(self._marker, stdout)
        return ShellResult(
            exit_code=self._exit_code,
            stdout=bytes(stdout[line.end() if line else 0 :]),
            stderr=bytes(self._streams[_STDERR]),
            pid=int(line[1]) if line else None,
        )


class PlainOutput:
    """The old `shell:`: both streams in one, the status on a marked last line."""

    service = "shell"

    def __init__(self, marker: str, address: str) -> None:
        """Take a *marker* that no command prints by chance, and a name for errors."""
        self._marker = marker
        self._address = address
        self._output = bytearray()

    @property
    def running(self) -> Running | None:
        """The command's process, as soon as the phone has said which it is."""
        return _running(_pid_line(self._marker, self._output))

    def command(self, body: str) -> str:
        """Return the line that runs *body* and says its process number first.

        The inner shell gives the program a number of its own, and an `exit` in *body*
        ends only that shell, so that the status is printed all the same. The outer
        shell leads the group.
        """
        who = _SAY_WHO.format(marker=self._marker, group="$PPID")
        script = shlex.quote(who + body)
        return f"sh -c {script}; echo {self._marker}=$?"

    def feed(self, data: bytes) -> None:
        """Take bytes as they come, cut anywhere; MalformedFrame where they lie."""
        self._output += data
        _limit(len(self._output), self._address)

    def result(self) -> ShellResult:
        """Return how it ended; LinkClosed where the exit code never came."""
        last = re.compile(self._marker.encode() + rb"=(\d{1,3})\r?\n\Z")
        status = last.search(self._output)
        if status is None:
            raise _no_status(self._address)
        line = _pid_line(self._marker, self._output)
        stdout = bytes(self._output[line.end() if line else 0 : status.start()])
        if line is not None and line[4]:
            # A terminal stands between (old adbd): it made \r\n of every \n.
            stdout = stdout.replace(b"\r\n", b"\n")
        return ShellResult(
            exit_code=int(status[1]),
            stdout=stdout,
            stderr=b"",
            pid=int(line[1]) if line else None,
        )


def _pid_line(marker: str, output: bytearray) -> re.Match[bytes] | None:
    pattern = marker.encode() + rb" (\d{1,10}) ?(\d{0,10}) ?([^\r\n]*)(\r?)\n"
    return re.match(pattern, bytes(output[: _PID_LINE_BYTES + len(marker)]))


def _running(line: re.Match[bytes] | None) -> Running | None:
    if line is None:
        return None
    pid = int(line[1])
    # The name, in parentheses, may hold blanks and parentheses of its own.
    fields = line[3].rpartition(b")")[2].split()
    told = len(fields) > _START_FIELD and fields[_START_FIELD].isdigit()
    return Running(
        pid=pid,
        group=int(line[2] or pid),
        started=int(fields[_START_FIELD]) if told else None,
    )


def _limit(size: int, address: str) -> None:
    if size > _MAX_OUTPUT_BYTES:
        raise MalformedFrame(
            "a command on the phone prints without end",
            where=address,
            found=f"{size:,} bytes",
            allowed=f"{_MAX_OUTPUT_BYTES:,} bytes",
        )


def _no_status(address: str) -> LinkClosed:
    return LinkClosed(
        "the phone ended a command without its exit code",
        where=address,
        remedy="did the phone, or its adbd, restart?",
    )
