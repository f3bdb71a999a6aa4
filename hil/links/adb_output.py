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
_PID_LINE_BYTES = 64


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


class ShellOutput(Protocol):
    """One command: the service that runs it and the reading of what that sends."""

    service: str

    @property
    def pid(self) -> int | None:
        """The number of the command's process, as soon as the phone has said it."""

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
    def pid(self) -> int | None:
        """The number of the command's process, as soon as the phone has said it."""
        return _pid(_pid_line(self._marker, self._streams[_STDOUT]))

    def command(self, body: str) -> str:
        """Return the line that runs *body* and says its process number first."""
        return f"echo {self._marker} $$; {body}"

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
            pid=_pid(line),
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
    def pid(self) -> int | None:
        """The number of the command's process, as soon as the phone has said it."""
        return _pid(_pid_line(self._marker, self._output))

    def command(self, body: str) -> str:
        """Return the line that runs *body* and says its process number first.

        The inner shell gives the program a number of its own, and an `exit` in *body*
        ends only that shell, so that the status is printed all the same.
        """
        script = shlex.quote(f"echo {self._marker} $$; {body}")
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
        if line is not None and line[2]:
            # A terminal stands between (old adbd): it made \r\n of every \n.
            stdout = stdout.replace(b"\r\n", b"\n")
        return ShellResult(
            exit_code=int(status[1]), stdout=stdout, stderr=b"", pid=_pid(line)
        )


def _pid_line(marker: str, output: bytearray) -> re.Match[bytes] | None:
    pattern = marker.encode() + rb" (\d{1,10})(\r?)\n"
    return re.match(pattern, bytes(output[: _PID_LINE_BYTES + len(marker)]))


def _pid(line: re.Match[bytes] | None) -> int | None:
    return None if line is None else int(line[1])


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
