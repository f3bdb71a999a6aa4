"""Send a model in pieces, several on their way at once (go-back-N)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.session.exchange import Taken
from hil.wire.codec import encode, head_bytes
from hil.wire.framing import encode_frame, longest_frame
from hil.wire.messages import ChunkReply, ChunkRequest, ErrorReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.session.window import Window
    from hil.wire.messages import Message

_HEAD_BYTES = head_bytes(ChunkRequest)


class ModelTransfer:
    """The bytes of one model from an offset on; the device takes them in order only."""

    def __init__(
        self,
        model: bytes,
        *,
        next_offset: int,
        chunk_bytes: int,
        window: Window[int],
    ) -> None:
        """Take where the device wants to begin, and an empty window."""
        self._model = model
        self._chunk_bytes = chunk_bytes
        self._window = window  # holds the offset behind each chunk
        self._to_send = next_offset
        self.next_offset = next_offset
        self.error: ErrorReply | None = None

    @property
    def done(self) -> bool:
        """Whether the device has all of it, or refused."""
        return self.error is not None or self.next_offset >= len(self._model)

    @property
    def waits(self) -> bool:
        """Whether a piece that was sent is not answered."""
        return self._window.outstanding_bytes > 0

    @property
    def awaited(self) -> str:
        """Name the first piece that the device has not confirmed."""
        return f"the answer to Chunk at byte {self.next_offset:,}"

    def frames(self, next_sequence: Callable[[], int]) -> list[bytes]:
        """Return as many pieces as the window has room for."""
        frames: list[bytes] = []
        while self._to_send < len(self._model):
            end = min(self._to_send + self._chunk_bytes, len(self._model))
            request = ChunkRequest(
                offset=self._to_send, data=self._model[self._to_send : end]
            )
            if not self._window.has_room(
                longest_frame(_HEAD_BYTES + len(request.data))
            ):
                break
            sequence = next_sequence()
            frame = encode_frame(encode(request, sequence))
            self._window.sent(sequence, len(frame), end)
            self._to_send = end
            frames.append(frame)
        return frames

    def take(self, sequence: int, message: Message) -> Taken:
        """Take a confirmation; one that is short of its piece tells of a loss."""
        end = self._window.find(sequence)
        if end is None:
            return Taken.IGNORED
        if isinstance(message, ErrorReply):
            self.error = message
            return Taken.PROGRESS
        if not isinstance(message, ChunkReply):
            return Taken.IGNORED
        reached = message.next_offset
        if reached > self._to_send:
            return Taken.IGNORED  # nonsense: that was never sent
        went_on = reached > self.next_offset
        self.next_offset = max(self.next_offset, reached)
        if reached >= end:
            self._window.answered(sequence)
            return Taken.PROGRESS if went_on else Taken.IGNORED
        return Taken.LOST

    def lost(self) -> None:
        """Go back to the first byte that the device has not confirmed."""
        self._window.clear()
        self._to_send = self.next_offset
