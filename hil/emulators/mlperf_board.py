"""A board that also speaks MLPerf Tiny's text protocol, on the same line as frames."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from typing import TYPE_CHECKING

from hil.emulators.mlperf_text import MlperfText
from hil.emulators.slot import Refusal
from hil.errors import ConfigError
from hil.wire.dialect import CommandFinder
from hil.wire.kinds import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.emulators.board import Board


class MlperfBoard:
    """A Board whose text commands are answered too.

    What a command says is answered at once, and while an `infer` is worked through
    nothing else is, as in a firmware with one loop. Where the last thing that made
    sense was a frame, unknown text is no command but noise, and stays unanswered.
    """

    def __init__(
        self,
        board: Board,
        *,
        name: str,
        max_frame_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the board, and the name that `name%` tells."""
        self._board = board
        self._text = MlperfText(board.slot, name=name, clock=clock)
        self._finder = CommandFinder(max_frame_bytes)
        self._commands: deque[str] = deque()
        self._answer: Iterator[bytes] | None = None
        self._speaks_frames = False

    def load(self, model: bytes) -> None:
        """Put *model* into the flash and prepare it; ConfigError where that fails."""
        slot = self._board.slot
        try:
            slot.begin(len(model), hashlib.sha256(model).digest())
            slot.write(0, model)
            slot.commit()
        except Refusal as exc:
            refused = ErrorCode(exc.reply.code).name.lower()
            raise ConfigError(
                "the emulated board cannot take the model",
                found=f"{refused} {exc.reply.text}".strip(),
                remedy="another profile, or a smaller model (int8)",
            ) from exc

    @property
    def baud(self) -> int:
        """The rate of the line."""
        return self._board.baud

    @property
    def next_event(self) -> float | None:
        """When to call `step` although nothing came, or None."""
        return self._board.next_event

    def receive(self, data: bytes) -> None:
        """Take bytes, cut anywhere."""
        self._board.receive(data)
        self._commands += self._finder.feed(data)

    def step(self) -> bytes | None:
        """Work a little and return what is said to it; None where there is no work."""
        if self._answer is not None:
            return self._go_on()
        answer = self._board.step()
        if answer is not None:
            self._speaks_frames |= bool(answer)
            return answer
        if not self._commands:
            return None
        command = self._commands.popleft()
        if self._board.slot.sha256 is None:
            return b""  # without a model there is no firmware of MLPerf's
        if self._text.knows(command):
            self._speaks_frames = False
        if self._speaks_frames:
            return b""
        self._answer = self._text.answer(command)
        return self._go_on()

    def _go_on(self) -> bytes:
        assert self._answer is not None
        piece = next(self._answer, None)
        if piece is None:
            self._answer = None
        return piece or b""
