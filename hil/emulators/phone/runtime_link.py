"""The server's side of the runtime: starts it and asks it for runs of benchmark_model.

One runtime process per phone is started on first use and does the heavy imports once;
each run is a fork of it. They talk over a Unix socket in a private folder: one message
is one JSON object, and a request carries the two ends that the child prints to.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.deadline import Deadline
from hil.emulators.phone.paths import refusal
from hil.errors import ToolError
from hil.tools import Child

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.emulators.phone.workload import Pace

_LOG = logging.getLogger(__name__)
MAX_MESSAGE_BYTES: Final = 1 << 17
_MAX_ARGUMENT_CHARACTERS: Final = 1 << 14
_MAX_RUNS: Final = 32
_START_SECONDS: Final = 60.0
_START_POLL_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 0.01
_KILLED: Final = -int(signal.SIGKILL)
# The pools of numpy's BLAS would be threads at the time of the fork.
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


Output = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Run:
    """One child at work; `close` ends it if it still goes on."""

    def __init__(self, link: RuntimeLink, number: int, *, ignores_hangup: bool) -> None:
        loop = asyncio.get_running_loop()
        self.pid = 0  # on this machine
        self.started: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self.outputs: list[Output] = []  # our ends of its output and its errors
        self._link = link
        self._number = number
        self._last_signal = signal.SIGKILL if ignores_hangup else signal.SIGHUP

    def signal(self, which: int) -> None:
        """Send a signal to the child, if it still runs."""
        if not self.ended.done():
            self._link.send({"signal": self._number, "which": which})

    async def exit_code(self) -> int:
        """Wait for the end; the exit code, or -N for the signal N."""
        return await self.ended

    def close(self) -> None:
        """Hang up: the child gets SIGHUP, and nobody reads what it prints."""
        self.signal(self._last_signal)
        for _, writer in self.outputs:
            writer.close()


class RuntimeLink:
    """The runtime of one phone; it is started by the first run."""

    def __init__(self) -> None:
        self._runs: dict[int, Run] = {}
        self._last = 0
        self._starting = asyncio.Lock()
        self._child: Child | None = None
        self._socket: socket.socket | None = None
        self._receiver: asyncio.Task[None] | None = None

    async def start(
        self,
        words: Sequence[str],
        *,
        cwd: str,
        root: Path,
        free_bytes: int,
        cpus: Sequence[int],
        ignores_hangup: bool,
        pace: Pace,
    ) -> Run:
        """Start benchmark_model with *words*; OSError where it cannot be."""
        if sum(map(len, words)) > _MAX_ARGUMENT_CHARACTERS:
            raise refusal(errno.E2BIG, words[0])
        async with self._starting:
            if self._socket is None:
                await self._start_runtime()
        if len(self._runs) >= _MAX_RUNS:
            raise refusal(errno.EAGAIN, words[0])
        self._last += 1
        number = self._last
        run = Run(self, number, ignores_hangup=ignores_hangup)
        self._runs[number] = run
        request = {
            "run": number,
            "words": list(words),
            "cwd": cwd,
            "root": str(root),
            "free_bytes": free_bytes,
            "cpus": list(cpus),
            "ignores_hangup": ignores_hangup,
            "pace": asdict(pace),
        }
        with contextlib.ExitStack() as undo:
            undo.callback(run.close)
            undo.callback(self._runs.pop, number, None)
            await self._request(run, request)
            undo.pop_all()
        return run

    async def _request(self, run: Run, request: Mapping[str, object]) -> None:
        """Send *request* with the ends that the child is to print to."""
        ours, theirs = zip(socket.socketpair(), socket.socketpair(), strict=True)
        try:
            for end in ours:
                run.outputs.append(await asyncio.open_connection(sock=end))
            if self._socket is None:
                raise refusal(errno.EAGAIN, "benchmark_model")
            descriptors = [end.fileno() for end in theirs]
            socket.send_fds(self._socket, [json.dumps(request).encode()], descriptors)
        finally:
            for end in theirs:
                end.close()
        run.pid = await run.started

    def send(self, message: Mapping[str, int]) -> None:
        """Send a message without descriptors; once more if there is no room."""
        if self._socket is None:
            return
        try:
            self._socket.send(json.dumps(message).encode())
        except BlockingIOError:
            loop = asyncio.get_running_loop()
            loop.call_later(_RETRY_SECONDS, self.send, message)
        except OSError:  # the runtime is gone; the receiver tells the runs
            return

    async def close(self) -> None:
        """End the runtime and all its children."""
        if self._receiver is not None:
            self._receiver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._receiver
        self._gone()

    async def _start_runtime(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="hil-phone-"))
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.ExitStack() as undo:
            undo.callback(self._gone)
            try:
                path = folder / "runtime"
                listener.bind(str(path))
                listener.listen(1)
                listener.setblocking(False)  # noqa: FBT003 - the standard library's name
                argv = [sys.executable, "-m", "hil.emulators.phone.runtime", str(path)]
                self._child = Child(argv, env=_ENVIRONMENT)
                self._socket = await self._accepted(listener, self._child)
            except ToolError as exc:
                _LOG.exception("the runtime of the emulated phone did not start")
                raise refusal(errno.ENOEXEC, "benchmark_model") from exc
            finally:
                listener.close()
                shutil.rmtree(folder, ignore_errors=True)
            undo.pop_all()
        self._receiver = asyncio.create_task(self._receive(self._socket))

    async def _accepted(self, listener: socket.socket, child: Child) -> socket.socket:
        loop = asyncio.get_running_loop()
        deadline = Deadline(_START_SECONDS)
        accepting = asyncio.ensure_future(loop.sock_accept(listener))
        try:
            while child.exit_code is None and not deadline.expired:
                done, _ = await asyncio.wait({accepting}, timeout=_START_POLL_SECONDS)
                if done:
                    return accepting.result()[0]
        finally:
            accepting.cancel()
        tail = child.read(Deadline(0)).decode(errors="replace")
        raise ToolError(child.argv, exit_code=child.exit_code, tail=tail)

    async def _receive(self, source: socket.socket) -> None:
        """Take what the runtime tells, until it is gone."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(source, MAX_MESSAGE_BYTES):
                message: dict[str, int] = json.loads(data)
                run = self._runs.get(message["run"])
                if run is None:
                    continue
                if "pid" in message:
                    _settle(run.started, message["pid"])
                else:
                    _settle(run.ended, message["code"])
                    del self._runs[message["run"]]
        self._gone()

    def _gone(self) -> None:
        """The runtime ended, or ends now: no run of it goes on."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._child is not None:
            self._child.stop()
            self._child = None
        for run in self._runs.values():
            _settle(run.started, 0)
            _settle(run.ended, _KILLED)
        self._runs.clear()


def _settle(future: asyncio.Future[int], value: int) -> None:
    if not future.done():
        future.set_result(value)
