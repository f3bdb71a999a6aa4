"""Switch both ends to another baud rate, and find them again where that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hil.errors import LinkTimeout
from hil.session.exchange import Exchange
from hil.session.question import Question
from hil.wire.messages import EchoReply, EchoRequest

if TYPE_CHECKING:
    from hil.session.dialogue import Dialogue
    from hil.vocab import Deadline

# The device goes back by itself when it saw no good frame for a second.
_TRIAL_SECONDS = 0.9
_FALL_BACK_SECONDS = 1.5


@runtime_checkable
class RatedLink(Protocol):
    """A link that has a baud rate."""

    baud: int

    def set_baud(self, baud: int) -> None:
        """Change the rate at once."""


def try_rate(
    dialogue: Dialogue, link: RatedLink, deadline: Deadline, *, baud: int
) -> int:
    """Follow a device that has said it switches to *baud*; return the rate in use.

    Where no ECHO comes back at the new rate, the old one is tried, then both in turn:
    the device may have heard us although we did not hear it. Raises LinkTimeout where
    neither answers before the deadline.
    """
    before = link.baud
    seconds = _TRIAL_SECONDS
    rate = baud
    while True:
        link.set_baud(rate)
        # What the other rate left half received must not spoil the first frame.
        dialogue.send([b"\0"], deadline)
        question = Question(EchoRequest(data=b"baud"), EchoReply)
        try:
            Exchange(dialogue, question, deadline.sooner(seconds)).run()
        except LinkTimeout:
            dialogue.retries.append(f"no echo at {rate} baud")
            if deadline.expired:
                raise
            rate = before if rate == baud else baud
            seconds = _FALL_BACK_SECONDS
        else:
            return rate
