"""One request and its reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from hil.session.exchange import Taken
from hil.wire.codec import encode
from hil.wire.framing import encode_frame
from hil.wire.messages import ErrorReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.wire.messages import Message, Reply, Request

Answer = TypeVar("Answer", bound="Reply")


class Question(Generic[Answer]):
    """A request that is repeated with the same sequence when it was lost.

    The device knows a repeated request by its sequence and does nothing twice.
    """

    def __init__(self, request: Request, reply: type[Answer]) -> None:
        """Take the request and the class of its reply."""
        self._request = request
        self._reply = reply
        self._frame = b""
        self._sequence: int | None = None
        self._asked = False
        self.answer: Answer | None = None
        self.error: ErrorReply | None = None

    @property
    def done(self) -> bool:
        """Whether the answer or an error is there."""
        return self.answer is not None or self.error is not None

    @property
    def waits(self) -> bool:
        """Whether it was asked and not answered."""
        return self._asked and not self.done

    @property
    def awaited(self) -> str:
        """Name the reply."""
        return f"the answer to {self.name}"

    @property
    def name(self) -> str:
        """Name the request."""
        return type(self._request).__name__.removesuffix("Request")

    def frames(self, next_sequence: Callable[[], int]) -> list[bytes]:
        """Return the request, once until it is lost."""
        if self._asked:
            return []
        if self._sequence is None:
            self._sequence = next_sequence()
            self._frame = encode_frame(encode(self._request, self._sequence))
        self._asked = True
        return [self._frame]

    def take(self, sequence: int, message: Message) -> Taken:
        """Take the reply."""
        if sequence != self._sequence:
            return Taken.IGNORED
        if isinstance(message, ErrorReply):
            self.error = message
        elif isinstance(message, self._reply):
            self.answer = message
        else:
            return Taken.IGNORED
        return Taken.PROGRESS

    def lost(self) -> None:
        """Ask again."""
        self._asked = False
