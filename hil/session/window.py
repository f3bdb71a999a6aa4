"""What was sent and not answered yet, held to the bytes that the device can take in."""

from __future__ import annotations

from typing import Generic, TypeVar

Item = TypeVar("Item")


class Window(Generic[Item]):
    """The unanswered frames of one conversation, in the order they were sent."""

    def __init__(self, credit_bytes: int) -> None:
        """Take the bytes that may be on their way at once."""
        self._credit_bytes = credit_bytes
        self._bytes = 0
        self._frames: dict[int, tuple[int, Item]] = {}  # by sequence, oldest first

    @property
    def outstanding_bytes(self) -> int:
        """Bytes that were sent and not answered."""
        return self._bytes

    def has_room(self, size_bytes: int) -> bool:
        """Whether a frame of this size may be sent now; always so when empty."""
        return not self._frames or self._bytes + size_bytes <= self._credit_bytes

    def sent(self, sequence: int, size_bytes: int, item: Item) -> None:
        """Take note of a frame and of what it carried."""
        self._frames[sequence] = (size_bytes, item)
        self._bytes += size_bytes

    def find(self, sequence: int) -> Item | None:
        """Return what the unanswered frame carried; None where there is no such."""
        frame = self._frames.get(sequence)
        return None if frame is None else frame[1]

    def answered(self, sequence: int) -> None:
        """Drop the frame, and those before it: the device works in order."""
        for earlier in list(self._frames):
            size_bytes, _ = self._frames.pop(earlier)
            self._bytes -= size_bytes
            if earlier == sequence:
                return

    def clear(self) -> None:
        """Forget all frames; answers that still come for them are strangers."""
        self._frames.clear()
        self._bytes = 0
