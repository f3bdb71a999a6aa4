"""Carry one conversation to its end: send, listen, and find out what was lost.

The host never guesses how long a device computes. When it has been quiet for a while,
an ECHO goes out as a fence: the device works in order, so what is unanswered when the
fence comes back was lost, and only then is it sent again.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

from hil.errors import LinkTimeout
from hil.wire.codec import encode
from hil.wire.framing import encode_frame
from hil.wire.messages import EchoReply, EchoRequest, ErrorReply, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.session.dialogue import Dialogue
    from hil.vocab import Deadline

_FIRST_QUIET_SECONDS = 0.25
_LONGEST_QUIET_SECONDS = 4.0
_MOST_LOSSES = 8  # in a row, without any answer in between
_FENCE = b"fence"
FENCE_FRAME_BYTES = 32  # more than the frame of a fence takes


class Taken(enum.Enum):
    """What a conversation made of a message."""

    IGNORED = enum.auto()
    PROGRESS = enum.auto()
    LOST = enum.auto()  # it tells that something sent before was lost


class Conversation(Protocol):
    """What is asked and answered, without a link or a clock."""

    error: ErrorReply | None

    @property
    def done(self) -> bool:
        """Whether nothing more is awaited; also so once `error` is there."""

    @property
    def waits(self) -> bool:
        """Whether something that was sent is not answered."""

    @property
    def awaited(self) -> str:
        """What is awaited, for people."""

    def frames(self, next_sequence: Callable[[], int]) -> Sequence[bytes]:
        """Return the frames that may be sent now, and take them as sent."""

    def take(self, sequence: int, message: Message) -> Taken:
        """Take a message that arrived, if it is for this conversation."""

    def lost(self) -> None:
        """Go back: all that was sent and not answered must be sent again."""


class Exchange:
    """One conversation over one dialogue, until its deadline."""

    def __init__(
        self, dialogue: Dialogue, conversation: Conversation, deadline: Deadline
    ) -> None:
        """Take the three; nothing is sent before the first step."""
        self._dialogue = dialogue
        self._conversation = conversation
        self._deadline = deadline
        self._heard_before = dialogue.heard()
        self._fences: set[int] = set()
        self._losses = 0
        self._quiet_seconds = _FIRST_QUIET_SECONDS
        self._quiet = deadline.sooner(self._quiet_seconds)

    def run(self) -> None:
        """Step until the conversation is done; see `step` for what is raised."""
        while not self._conversation.done:
            self.step()

    def step(self) -> None:
        """Send what may be sent and read once.

        Raises LinkTimeout at the deadline, or where the same thing was lost too many
        times; LinkClosed, DeviceCrashed or ProtocolMismatch from below.
        """
        frames = self._conversation.frames(self._dialogue.next_sequence)
        if not frames and self._conversation.done:
            return  # there was nothing to ask
        if frames:
            # A fence that is out already says nothing of what follows it.
            self._fences.clear()
            self._dialogue.send(frames, self._deadline)
            self._quiet = self._deadline.sooner(self._quiet_seconds)
        try:
            arrived = self._dialogue.receive(self._quiet)
        except LinkTimeout as exc:
            if self._deadline.expired:
                raise self._timed_out() from exc
            self._send_fence()
            return
        for sequence, message in arrived:
            self._dispatch(sequence, message)
        if self._conversation.done:
            return
        if self._deadline.expired:
            raise self._timed_out()
        if self._quiet.expired:  # something comes all the time, but no answer
            self._send_fence()

    def _dispatch(self, sequence: int, message: Message) -> None:
        if sequence in self._fences and isinstance(message, EchoReply):
            if self._conversation.waits:
                self._go_back()
            return
        taken = self._conversation.take(sequence, message)
        if taken is Taken.LOST:
            self._go_back()
        elif taken is Taken.PROGRESS:
            self._losses = 0
            self._quiet_seconds = _FIRST_QUIET_SECONDS
            self._quiet = self._deadline.sooner(self._quiet_seconds)
            self._heard_before = self._dialogue.heard()

    def _send_fence(self) -> None:
        sequence = self._dialogue.next_sequence()
        self._fences.add(sequence)
        fence = encode_frame(encode(EchoRequest(data=_FENCE), sequence))
        self._dialogue.send([fence], self._deadline)
        self._quiet_seconds = min(2 * self._quiet_seconds, _LONGEST_QUIET_SECONDS)
        self._quiet = self._deadline.sooner(self._quiet_seconds)

    def _go_back(self) -> None:
        self._fences.clear()
        self._losses += 1
        awaited = self._conversation.awaited
        if self._losses > _MOST_LOSSES:
            raise LinkTimeout(
                f"{awaited} was lost {self._losses} times in a row",
                where=str(self._dialogue),
                found="the device answers an ECHO, but not this",
                remedy="a lower baud rate or a better cable; restart the device",
            )
        self._dialogue.retries.append(f"{awaited} was lost and asked for again")
        self._conversation.lost()

    def _timed_out(self) -> LinkTimeout:
        now, before = self._dialogue.heard(), self._heard_before
        came, messages, no_frame = (a - b for a, b in zip(now, before, strict=True))
        other = f"{messages:,} messages that are no answer to it"
        garbage = f"{max(no_frame, 0):,} bytes that are no frame"
        if not came:
            found = "nothing at all"
            remedy = "check that the device runs hil's firmware; reset it"
        elif not messages:
            found = garbage
            remedy = "check the baud rate, and that the device speaks hil's protocol"
        else:
            found = other if no_frame <= 0 else f"{other}, {garbage}"
            remedy = "a later deadline, or reset the device"
        return LinkTimeout(
            f"{self._conversation.awaited} did not come in time",
            where=str(self._dialogue),
            found=found,
            remedy=remedy,
        )
