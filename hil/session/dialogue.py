"""Messages over a link: sequence numbers, damaged frames dropped, logs put aside."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hil.errors import MalformedFrame
from hil.wire.codec import decode
from hil.wire.framing import FrameDecoder
from hil.wire.messages import LogMessage, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.vocab import Deadline, Link

_LOGS_KEPT = 1000


@runtime_checkable
class SeededLink(Protocol):
    """A link that is recorded or replayed: what is random must be so again."""

    def next_seed(self) -> int:
        """Return the next random number of 16 bits."""


class Dialogue:
    """One link, read and written as messages."""

    def __init__(self, link: Link) -> None:
        """Take a link that is not open yet."""
        self._link = link
        self._decoder = FrameDecoder()
        # Answers of an earlier session may still be on their way, so each session
        # counts from elsewhere.
        self._sequence = (
            link.next_seed()
            if isinstance(link, SeededLink)
            else time.monotonic_ns() // 1000 & 0xFFFF
        )
        self._frames = 0
        self._bytes = 0
        self.retries: list[str] = []
        self.logs: deque[LogMessage] = deque(maxlen=_LOGS_KEPT)

    def __str__(self) -> str:
        return str(self._link)

    @property
    def link(self) -> Link:
        """The link below."""
        return self._link

    def open(self, deadline: Deadline) -> None:
        """Open the link and end whatever frame an earlier session left half sent."""
        self._link.open(deadline)
        self._decoder = FrameDecoder()
        self._link.write(b"\0", deadline)

    def next_sequence(self) -> int:
        """Return the number of the next request."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        return self._sequence

    def send(self, frames: Sequence[bytes], deadline: Deadline) -> None:
        """Write all *frames* at once."""
        self._link.write(b"".join(frames), deadline)

    def receive(self, deadline: Deadline) -> list[tuple[int, Message]]:
        """Read once; return the whole messages that came, with their sequences.

        Damaged frames are dropped and counted. Raises what the link raises, and
        ProtocolMismatch for a message of another version.
        """
        data = self._link.read(deadline)
        self._bytes += len(data)
        self._decoder.feed(data)
        arrived: list[tuple[int, Message]] = []
        while True:
            try:
                payload = self._decoder.next_payload()
                if payload is None:
                    return arrived
                sequence, message = decode(payload)
            except MalformedFrame:
                continue
            self._frames += 1
            if isinstance(message, LogMessage):
                self.logs.append(message)
            else:
                arrived.append((sequence, message))

    def heard(self) -> tuple[int, int, int]:
        """Return how many bytes, good messages and bytes of no frame came so far."""
        no_frame = self._decoder.dropped_bytes + self._decoder.pending_bytes
        return self._bytes, self._frames, no_frame
