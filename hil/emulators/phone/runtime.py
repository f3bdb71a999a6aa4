"""The runtime process of an emulated phone: forks itself for each benchmark_model.

numpy and LiteRT take 0.3 s to import; a fork takes a few milliseconds. Each child is a
process of its own, so that its peak memory and its crashes are real and disturb nobody.
The runtime ends, and kills its children, when its standard input or its socket does:
nothing outlives the server.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, TypedDict

from hil.emulators.phone import benchmark_model
from hil.emulators.phone.pacer import Pacer, read_pace
from hil.emulators.phone.paths import Backing
from hil.emulators.phone.runtime_link import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG: Final = 1
# What numpy and LiteRT import at their first use: 13 ms in every child otherwise.
_FIRST_USE: Final = ("encodings.ascii", "numpy.random")
_LIBC = ctypes.CDLL(None)


class _Request(TypedDict):
    run: int
    words: list[str]
    cwd: str
    root: str
    free_bytes: int
    cpus: list[int]
    ignores_hangup: bool
    pace: dict[str, object]


class _Runtime:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        self._children: dict[int, int] = {}  # run -> pid
        self._watched: dict[int, int] = {}  # pidfd -> run

    def serve(self) -> None:
        """Start and reap children until the server is gone."""
        try:
            while all(self._handled(key.fd) for key, _ in self._selector.select()):
                pass
        finally:
            for pid in self._children.values():
                os.kill(pid, signal.SIGKILL)

    def _handled(self, descriptor: int) -> bool:
        """Act on one readable descriptor; false when the server is gone."""
        if descriptor in self._watched:
            self._reap(descriptor)
            return True
        if descriptor == self._control.fileno():
            return self._message()
        return bool(os.read(descriptor, 1))

    def _message(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, 2)
        if not data:
            return False
        message = json.loads(data)
        if "signal" in message:
            # A child is reaped here alone, so that its number cannot be another's.
            pid = self._children.get(message["signal"])
            if pid is not None:
                os.kill(pid, message["which"])
            return True
        self._start(message, descriptors)
        return True

    def _start(self, request: _Request, descriptors: Sequence[int]) -> None:
        pid = os.fork()
        if pid == 0:
            self._be_child(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        pidfd = os.pidfd_open(pid)
        self._children[request["run"]] = pid
        self._watched[pidfd] = request["run"]
        self._selector.register(pidfd, selectors.EVENT_READ)
        self._tell({"run": request["run"], "pid": pid})

    def _reap(self, pidfd: int) -> None:
        run = self._watched.pop(pidfd)
        self._selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(self._children.pop(run), 0)
        self._tell({"run": run, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, int]) -> None:
        self._control.send(json.dumps(message).encode())

    def _be_child(self, request: _Request, descriptors: Sequence[int]) -> NoReturn:
        """Run benchmark_model; whatever happens, never return into the loop."""
        code = None
        try:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if request["ignores_hangup"]:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
            self._let_go(descriptors)
            os.sched_setaffinity(0, request["cpus"])
            device = benchmark_model.Device(
                backing=Backing(Path(request["root"])),
                cwd=request["cwd"],
                free_bytes=request["free_bytes"],
                pacer=Pacer(read_pace(request["pace"])),
            )
            code = benchmark_model.run(request["words"], device)
        finally:
            if code is None:
                os.abort()  # a fault of ours shows as a crash of the program
            os._exit(code)

    def _let_go(self, descriptors: Sequence[int]) -> None:
        """Keep the child's own streams and close what belongs to the runtime."""
        self._control.close()
        self._selector.close()
        for pidfd in self._watched:
            os.close(pidfd)
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        for descriptor, standard in zip(descriptors, (1, 2), strict=True):
            os.dup2(descriptor, standard)
            os.close(descriptor)


def main(path: str) -> None:
    """Connect to the server's socket at *path* and serve it."""
    for name in _FIRST_USE:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what was imported is shared by all children and never freed
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        control.connect(path)
        _Runtime(control).serve()


if __name__ == "__main__":
    main(sys.argv[1])
