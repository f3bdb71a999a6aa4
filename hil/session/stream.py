"""Stream samples through the device, so many on their way that it never waits."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.session.exchange import Taken
from hil.wire.codec import encode, head_bytes
from hil.wire.framing import encode_frame, longest_frame
from hil.wire.kinds import ErrorCode
from hil.wire.messages import REWIND, ErrorReply, RunReply, RunRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hil.session.window import Window
    from hil.wire.messages import Message

_HEAD_BYTES = head_bytes(RunRequest)


@dataclass(frozen=True, slots=True)
class Piece:
    """Which run a frame belongs to, and whether it completes its sample."""

    run_id: int
    is_last: bool


class SampleStream:
    """The samples, their runs and their results, all in order.

    Samples are kept from the first one without a result on, so that the stream can go
    back to it.
    """

    def __init__(
        self, samples: Iterable[bytes], *, piece_bytes: int, window: Window[Piece]
    ) -> None:
        """Take the samples (read as they are needed) and an empty window."""
        self._samples = iter(samples)
        self._piece_bytes = piece_bytes
        self._window = window
        self._kept: deque[bytes] = deque()
        self._first_kept = 0  # its run_id; also the first run without a result
        self._next = (0, 0)  # run_id and offset of the piece to send next
        self._rewind = True
        self._output = bytearray()  # of the first run without a result, as far as here
        self._exhausted = False
        self.results: deque[tuple[int, bytes]] = deque()
        self.error: ErrorReply | None = None

    @property
    def done(self) -> bool:
        """Whether every sample has its result, or the device refused."""
        return self.error is not None or (self._exhausted and not self._kept)

    @property
    def waits(self) -> bool:
        """Whether a piece that was sent is not answered."""
        return self._window.outstanding_bytes > 0

    @property
    def awaited(self) -> str:
        """Name the first run without a result."""
        return f"the answer to Run {self._first_kept:,}"

    def frames(self, next_sequence: Callable[[], int]) -> list[bytes]:
        """Return as many pieces as the window has room for."""
        frames: list[bytes] = []
        while self._available():
            run_id, offset = self._next
            sample = self._kept[run_id - self._first_kept]
            end = min(offset + self._piece_bytes, len(sample))
            if not self._window.has_room(longest_frame(_HEAD_BYTES + end - offset)):
                break
            request = RunRequest(
                run_id=run_id,
                flags=REWIND if self._rewind else 0,
                offset=offset,
                data=sample[offset:end],
            )
            sequence = next_sequence()
            frame = encode_frame(encode(request, sequence))
            is_last = end == len(sample)
            self._window.sent(sequence, len(frame), Piece(run_id, is_last))
            self._next = (run_id + 1, 0) if is_last else (run_id, end)
            self._rewind = False
            frames.append(frame)
        return frames

    def take(self, sequence: int, message: Message) -> Taken:
        """Take a result, or the word that a piece came out of order."""
        piece = self._window.find(sequence)
        if piece is None:
            return Taken.IGNORED
        if isinstance(message, ErrorReply):
            if message.code == ErrorCode.OUT_OF_ORDER:
                return Taken.LOST
            self.error = message
            return Taken.PROGRESS
        if not isinstance(message, RunReply) or message.run_id != piece.run_id:
            return Taken.IGNORED
        if message.run_id != self._first_kept:
            return Taken.LOST  # results come in order, so the one before it is lost
        return self._take_output(sequence, piece, message)

    def lost(self) -> None:
        """Go back to the first run without a result."""
        self._window.clear()
        self._output.clear()
        self._next = (self._first_kept, 0)
        self._rewind = True

    def _take_output(self, sequence: int, piece: Piece, reply: RunReply) -> Taken:
        if not piece.is_last:
            if reply.total_bytes:
                return Taken.IGNORED
            self._window.answered(sequence)
            return Taken.PROGRESS
        if reply.offset != len(self._output):
            return Taken.LOST if reply.offset > len(self._output) else Taken.IGNORED
        self._output += reply.data
        if len(self._output) == reply.total_bytes:
            self.results.append((reply.ticks, bytes(self._output)))
            self._output.clear()
            self._kept.popleft()
            self._first_kept += 1
            self._window.answered(sequence)
        return Taken.PROGRESS

    def _available(self) -> bool:
        """Whether there is a piece to send; reads one more sample where needed."""
        if self._next[0] - self._first_kept < len(self._kept):
            return True
        if not self._exhausted:
            sample = next(self._samples, None)
            if sample is not None:
                self._kept.append(sample)
                return True
            self._exhausted = True
        return False
