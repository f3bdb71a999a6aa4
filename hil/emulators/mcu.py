"""An emulated microcontroller: a process with a pty that speaks docs/protocol.md.

With a model in its flash from the start it also speaks MLPerf Tiny's text protocol.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import sys
import time
import tty
from typing import TYPE_CHECKING, Protocol

from hil.emulators.board import Board
from hil.emulators.mlperf_board import MlperfBoard
from hil.emulators.uart import Uart
from hil.engines.tflm import TflmEngine
from hil.errors import BrokenSetup, DoesNotFit
from hil.models.arena import confirmed_arena
from hil.models.graph import read_graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import FrameType

    from hil.models.arena import ArenaPrediction
    from hil.vocab import DeviceProfile

_READ_BYTES = 65536
# A real board would lose what nobody reads; this one stops to work instead.
_MOST_OUTPUT_BYTES = 65536
_STDIN = 0


class Works(Protocol):
    """What answers on the line: a Board, or one with another dialect too."""

    @property
    def baud(self) -> int:
        """The rate of the line."""

    @property
    def next_event(self) -> float | None:
        """When to call `step` although nothing came, or None."""

    def receive(self, data: bytes) -> None:
        """Take bytes, cut anywhere."""

    def step(self) -> bytes | None:
        """Work a little; return the answer, None where there is no work."""


def serve(
    profile: DeviceProfile,
    *,
    link_path: Path | None = None,
    watch_stdin: bool = False,
    model: bytes | None = None,
) -> int:
    """Be the microcontroller of *profile* until SIGTERM or SIGINT; return 0.

    With *model* in its flash from the start it speaks MLPerf Tiny's text protocol too.

    The first line on stdout is the path of the pty. *link_path* becomes a symbolic link
    to it and is removed at the end. With *watch_stdin* the end of stdin is an end too,
    so that no emulator outlives the program that started it. Raises ConfigError where
    TFLite Micro is not installed, BrokenSetup where *link_path* cannot be made.
    """
    framed = Board(profile, VerifiedTflm)
    board: Works = framed if model is None else _with_model(framed, profile, model)
    with _stopping() as stop, _terminal(link_path) as (line, path):
        sys.stdout.write(f"{path}\n")
        sys.stdout.flush()
        _Wiring(
            board,
            Uart(board.baud, rx_buffer_bytes=profile.emulator.rx_buffer_bytes),
            line=line,
            stops=[stop, _STDIN] if watch_stdin else [stop],
        ).run()
    return 0


def _with_model(board: Board, profile: DeviceProfile, model: bytes) -> MlperfBoard:
    frame_bytes = profile.emulator.max_frame_bytes
    speaking = MlperfBoard(board, name="hil", max_frame_bytes=frame_bytes)
    speaking.load(model)
    return speaking


class VerifiedTflm(TflmEngine):
    """TFLite Micro that sees no file which could lead it out of bounds.

    Its arena is that of a 32-bit core: the wheel has all the room that its 64-bit
    structures take, and what the core would need decides whether a model fits.
    """

    def __init__(
        self, arena_bytes: int | None = None, *, preserve_tensors: bool = False
    ) -> None:
        """Take the arena's size on the core; see TflmEngine."""
        super().__init__(preserve_tensors=preserve_tensors)
        self._available_bytes = arena_bytes
        self._records = not preserve_tensors
        self._arena: ArenaPrediction | None = None

    def load(self, model: bytes) -> None:
        """Verify and prepare *model*; see TflmEngine.load."""
        graph = read_graph(model, "flash")
        super().load(model)
        if not self._records:
            return
        self._arena = confirmed_arena(graph, super().memory())
        needed, available = self._arena.smallest_bytes, self._available_bytes
        if available is not None and needed > available:
            raise DoesNotFit(
                region="arena",
                needed_bytes=needed,
                available_bytes=available,
                where="TFLite Micro on a 32-bit core",
            )

    def memory(self) -> Mapping[str, int]:
        """Return the arena in use on a 32-bit core, in whole and split."""
        if self._arena is None:
            return {}
        return {
            "arena_bytes": self._arena.total_bytes,
            "arena_persistent_bytes": self._arena.persistent_bytes,
            "arena_nonpersistent_bytes": self._arena.nonpersistent_bytes,
        }


class _Wiring:
    """Bytes between the pty and the board, at the rate of the line."""

    def __init__(
        self, board: Works, uart: Uart, *, line: int, stops: list[int]
    ) -> None:
        self._board = board
        self._uart = uart
        self._line = line
        self._unwritten = b""
        self._looked_at = time.monotonic()  # when the line was last seen empty or read
        # select, as only it waits for less than a millisecond.
        self._selector = selectors.SelectSelector()
        self._selector.register(line, selectors.EVENT_READ)
        for stop in stops:
            self._selector.register(stop, selectors.EVENT_READ)

    def run(self) -> None:
        worked = False
        while self._move_bytes(may_wait=not worked):
            worked = self._work()

    def _work(self) -> bool:
        """Let the board work through one frame; False where it has none."""
        if self._uart.queued_output_bytes + len(self._unwritten) > _MOST_OUTPUT_BYTES:
            return False
        self._board.receive(self._uart.received(time.monotonic()))
        answer = self._board.step()
        if answer is None:
            return False
        self._uart.send(answer, time.monotonic())
        self._uart.baud = self._board.baud  # behind the answer that announces it
        return True

    def _move_bytes(self, *, may_wait: bool) -> bool:
        """Read and write what can be; False when it is time to end."""
        self._unwritten += self._uart.sent(time.monotonic())
        self._register()
        ready = self._selector.select(0)
        if not ready and may_wait:
            ready = self._selector.select(self._seconds_to_wait())
            # What comes now has begun to come now, not while the board worked.
            self._looked_at = time.monotonic()
        for key, events in ready:
            if key.fd != self._line:
                if self._has_ended(key.fd):
                    return False
                continue
            if events & selectors.EVENT_READ:
                self._read()
            if events & selectors.EVENT_WRITE:
                with contextlib.suppress(BlockingIOError):
                    written = os.write(self._line, self._unwritten)
                    self._unwritten = self._unwritten[written:]
        return True

    def _read(self) -> None:
        data = os.read(self._line, _READ_BYTES)
        now = time.monotonic()
        self._uart.arrive(data, since=self._looked_at, now=now)
        self._looked_at = now

    def _has_ended(self, fd: int) -> bool:
        return fd != _STDIN or not os.read(fd, _READ_BYTES)

    def _register(self) -> None:
        events = selectors.EVENT_READ if self._uart.wants_input else 0
        if self._unwritten:
            events |= selectors.EVENT_WRITE
        registered = self._selector.get_map().get(self._line)
        if registered is not None and registered.events == events:
            return
        if registered is not None:
            self._selector.unregister(self._line)
        if events:
            self._selector.register(self._line, events)

    def _seconds_to_wait(self) -> float | None:
        times = [self._uart.next_event, self._board.next_event]
        soonest = min((at for at in times if at is not None), default=None)
        return None if soonest is None else max(0.0, soonest - time.monotonic())


@contextlib.contextmanager
def _terminal(link_path: Path | None) -> Iterator[tuple[int, str]]:
    """Open a raw pty; yield the descriptor of the board's end and the host's path."""
    with contextlib.ExitStack() as stack:
        # Our copy of the host's end stays open: hosts may come and go.
        line, host_end = os.openpty()
        stack.callback(os.close, line)
        stack.callback(os.close, host_end)
        tty.setraw(host_end)
        os.set_blocking(line, False)
        path = os.ttyname(host_end)
        if link_path is not None:
            try:
                if link_path.is_symlink():
                    link_path.unlink()  # of an emulator that was killed
                link_path.symlink_to(path)
            except OSError as exc:
                raise BrokenSetup(
                    "the link to the port cannot be made",
                    where=str(link_path),
                    found=exc.strerror,
                ) from exc
            stack.callback(link_path.unlink, missing_ok=True)
        yield line, path


@contextlib.contextmanager
def _stopping() -> Iterator[int]:
    """Yield a descriptor that becomes readable at SIGTERM or SIGINT."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def stop(_number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(writer, b"!")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        yield reader
    finally:
        # A signal while we end already must not turn status 0 into a death by it.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.close(reader)
        os.close(writer)
