"""Run host tools: the only module that starts a process."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import RecordingError, ToolError, ToolMissing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.vocab import Deadline

_TAIL_CHARACTERS = 2000
_INSTALL = {
    "adb": "apt-get install adb",
    "qemu-system-arm": "apt-get install qemu-system-arm",
    "qemu-system-riscv32": "apt-get install qemu-system-misc",
    "arm-none-eabi-gcc": "apt-get install gcc-arm-none-eabi",
    "chromium": "apt-get install chromium",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutput:
    """What a finished tool printed, as bytes, and its exit code."""

    exit_code: int
    stdout: bytes
    stderr: bytes


def run(
    argv: Sequence[str],
    *,
    deadline: Deadline,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    check: bool = True,
) -> ToolOutput:
    """Run *argv* to its end and return what it printed.

    Raises ToolMissing where it is not installed, ToolError where it did not end by
    the deadline (it is killed then) or, with *check*, where it failed.
    """
    with _started(argv, cwd=cwd, env=env, own_group=True) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=deadline.remaining)
        except subprocess.TimeoutExpired as exc:
            _kill_group(process)
            stdout, stderr = process.communicate()
            raise ToolError(
                tuple(argv), exit_code=None, tail=_tail(stdout + stderr)
            ) from exc
        finally:
            # Whatever ended the wait (Ctrl-C too), nothing of the tool lives on.
            _kill_group(process)
    if check and process.returncode != 0:
        raise ToolError(
            tuple(argv), exit_code=process.returncode, tail=_tail(stdout + stderr)
        )
    return ToolOutput(exit_code=process.returncode, stdout=stdout, stderr=stderr)


def run_logged(
    argv: Sequence[str],
    *,
    log_path: Path,
    deadline: Deadline,
    env: Mapping[str, str] | None = None,
    append: bool = False,
) -> int | None:
    """Run a child that writes *log_path* itself; return its exit code.

    None where it did not end by the deadline. What it printed before it took over its
    output is added to the log, which is a new one unless *append*. Raises
    ToolMissing, or RecordingError where the log cannot be written.
    """
    try:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        if not append:
            log_path.write_bytes(b"")
        try:
            ended = run(argv, deadline=deadline, env=env, check=False)
        except ToolError as exc:
            if exc.exit_code is not None:
                raise
            return None
        with log_path.open("ab") as log:
            log.write(ended.stdout + ended.stderr)
    except OSError as exc:
        raise RecordingError(
            "the log cannot be written",
            where=str(log_path),
            found=exc.strerror or str(exc),
        ) from exc
    return ended.exit_code


class Child:
    """A tool that goes on while we talk to it.

    Its standard input stays open as long as we live: a child of ours that reads end
    of file there knows that its parent is gone and ends too, so that none is orphaned.
    Standard error is merged into standard output unless *stderr* names a file.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stderr: Path | None = None,
    ) -> None:
        """Start *argv*, or raise ToolMissing."""
        self.argv = tuple(argv)
        with contextlib.ExitStack() as stack:
            sink = (
                subprocess.STDOUT
                if stderr is None
                else stack.enter_context(stderr.open("ab")).fileno()
            )
            self._process = _started(argv, cwd=cwd, env=env, stderr=sink)
        self._pending = b""

    @property
    def pid(self) -> int:
        """The process number."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while it runs; a signal N is -N."""
        return self._process.poll()

    def read(self, deadline: Deadline) -> bytes:
        """Return what came on standard output; empty at its end or the deadline."""
        if self._pending:
            data, self._pending = self._pending, b""
            return data
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(deadline.remaining):
                return b""
        return os.read(self._process.stdout.fileno(), 65536)

    def read_line(self, deadline: Deadline) -> str:
        """Return the next line without its end; ToolError if none comes in time."""
        while b"\n" not in self._pending:
            pending, self._pending = self._pending, b""
            data = self.read(deadline)
            self._pending = pending + data
            if not data:
                raise ToolError(
                    self.argv, exit_code=self.exit_code, tail=_tail(self._pending)
                )
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode(errors="replace").rstrip("\r")

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Write all of *data* to standard input; ToolError where that cannot be."""
        assert self._process.stdin is not None
        pipe = self._process.stdin.fileno()
        os.set_blocking(pipe, False)
        left = memoryview(data)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(pipe, selectors.EVENT_WRITE)
                while left:
                    if not selector.select(deadline.remaining):
                        raise ToolError(
                            self.argv,
                            exit_code=self.exit_code,
                            tail=f"{len(left)} bytes were not taken in time",
                        )
                    left = left[os.write(pipe, left) :]
        except OSError as exc:
            raise ToolError(self.argv, exit_code=self.exit_code, tail=str(exc)) from exc

    def stop(self, *, grace_seconds: float = 2.0) -> int:
        """End the process, kindly first, and return its exit code."""
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def wait(self, deadline: Deadline) -> int | None:
        """Wait for the end; return the exit code, or None at the deadline."""
        try:
            return self._process.wait(deadline.remaining)
        except subprocess.TimeoutExpired:
            return None


def _started(
    argv: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stderr: int = subprocess.PIPE,
    own_group: bool = False,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=cwd,
            env=None if env is None else {**os.environ, **env},
            start_new_session=own_group,
        )
    except FileNotFoundError as exc:
        raise ToolMissing(tuple(argv), remedy=install_hint(argv[0])) from exc
    except OSError as exc:
        raise ToolError(
            tuple(argv),
            exit_code=126,
            tail=exc.strerror or str(exc),
            remedy=f"{argv[0]} must be a program that may be executed: chmod +x, "
            "and a first line #!/bin/sh",
        ) from exc


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and what it started: a shell's child holds our pipes open."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def install_hint(tool: str) -> str:
    """Return the command that installs *tool* on Debian and Ubuntu."""
    return _INSTALL.get(tool, f"install {tool} and put it on PATH")


def _tail(output: bytes) -> str:
    return output.decode(errors="replace")[-_TAIL_CHARACTERS:]
