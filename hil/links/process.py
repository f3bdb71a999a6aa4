"""A device that is a child process: frames over its standard input and output."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hil.deadline import Deadline as Moment
from hil.errors import DeviceCrashed, LinkClosed, LinkTimeout, TargetError, ToolError
from hil.tools import Child

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.vocab import Deadline

_TAIL_BYTES = 2000
_REAP_SECONDS = 1.0  # from the end of its output to its exit code


class ProcessLink:
    """One child process; its standard error is kept for the report of its death."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        log_path: Path | None = None,
    ) -> None:
        """Take the command line; nothing is started before `open`.

        *log_path* keeps its standard error, which otherwise ends with the link.
        """
        self.argv = tuple(argv)
        self._cwd = cwd
        self._log_path = log_path
        self._child: Child | None = None
        self._cleanup = contextlib.ExitStack()
        self._stderr = Path()
        self._stderr_begin = 0  # what is before it, an earlier process said
        self._last_output = b""

    def __str__(self) -> str:
        return " ".join(self.argv)

    @property
    def pid(self) -> int | None:
        """The process number while it is open."""
        return self._child.pid if self._child else None

    def open(self, deadline: Deadline) -> None:
        """Start the process; ToolMissing where it is not installed."""
        self.close()
        if deadline.expired:
            raise LinkTimeout("no time was left to start the process", where=str(self))
        self._stderr = self._log_path or self._own_log()
        if self._stderr.exists():
            self._stderr_begin = self._stderr.stat().st_size
        self._last_output = b""
        self._child = Child(self.argv, cwd=self._cwd, stderr=self._stderr)

    def _own_log(self) -> Path:
        folder = tempfile.TemporaryDirectory(prefix="hil-process-")
        return Path(self._cleanup.enter_context(folder)) / "stderr"

    def read(self, deadline: Deadline) -> bytes:
        """Return what the process wrote, at least one byte.

        Raises LinkTimeout at the deadline, DeviceCrashed where the process failed and
        LinkClosed where it just ended.
        """
        child = self._running()
        data = child.read(deadline)
        if data:
            self._last_output = (self._last_output + data)[-_TAIL_BYTES:]
            return data
        if deadline.expired and child.exit_code is None:
            raise LinkTimeout("nothing came in time", where=str(self))
        raise self._ended(child)

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Write all of *data*; DeviceCrashed or LinkClosed where the process ended."""
        child = self._running()
        try:
            child.write(data, deadline)
        except ToolError as exc:
            if deadline.expired and child.exit_code is None:
                raise LinkTimeout(
                    "not all was taken in time", where=str(self), found=exc.tail
                ) from exc
            raise self._ended(child) from exc

    def close(self) -> None:
        """End the process, kindly first."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()
        self._cleanup.close()

    def _running(self) -> Child:
        if self._child is None:
            raise LinkClosed("the process is not started", where=str(self))
        return self._child

    def _ended(self, child: Child) -> TargetError:
        """Say how the process ended; only a clean end is no crash."""
        exit_code = child.wait(Moment(_REAP_SECONDS))
        said = self._stderr.read_bytes()[self._stderr_begin :]
        # Frames, which have a zero at their end, are no words.
        printed = self._last_output if b"\0" not in self._last_output else b""
        words = said[-_TAIL_BYTES:] or printed
        found = words.decode(errors="replace").strip() or "no output"
        if exit_code is None:
            return LinkClosed(
                "the process closed its output", where=str(self), found=found
            )
        if exit_code == 0:
            return LinkClosed(
                "the process ended with status 0", where=str(self), found=found
            )
        how = f"by signal {-exit_code}" if exit_code < 0 else f"with status {exit_code}"
        return DeviceCrashed(f"the process ended {how}", where=str(self), found=found)
