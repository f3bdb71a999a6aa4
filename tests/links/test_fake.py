from __future__ import annotations

import pytest

from hil.deadline import Deadline
from hil.errors import LinkTimeout
from hil.links.fake import FakeClock, FakeLink, drop, duplicate, flip


def upper(data: bytes) -> bytes:
    return data.upper()


def answers(link: FakeLink, data: bytes) -> bytes:
    deadline = Deadline(1, now=link.clock)
    link.open(deadline)
    link.write(data, deadline)
    return link.read(deadline)


def test_the_device_answers_what_is_written() -> None:
    assert answers(FakeLink(upper), b"abc\0") == b"ABC\0"


def test_frames_are_lost_doubled_and_damaged_where_it_was_asked_for() -> None:
    link = FakeLink(
        upper, to_device=[drop(1), duplicate(2)], from_device=[flip(0, bit=9)]
    )
    assert answers(link, b"aa\0bb\0cc\0") == b"AC\0CC\0CC\0"


def test_frames_are_counted_across_writes_that_cut_them() -> None:
    link = FakeLink(upper, to_device=[drop(0)])
    deadline = Deadline(1, now=link.clock)
    for piece in (b"a", b"a\0b", b"b\0"):
        link.write(piece, deadline)
    assert link.read(deadline) == b"BB\0"


def test_silence_moves_the_clock_to_the_deadline() -> None:
    link = FakeLink(lambda _: b"")
    deadline = Deadline(30, now=link.clock)
    with pytest.raises(LinkTimeout, match="nothing came in time"):
        link.read(deadline)
    assert link.clock() == 30
    with pytest.raises(LinkTimeout, match="no time was left to write"):
        link.write(b"x", deadline)


def test_a_device_may_speak_late() -> None:
    clock = FakeClock()
    link = FakeLink(lambda _: b"late\0" if clock() >= 2 else b"", clock=clock)
    assert link.read(Deadline(2, now=clock)) == b"late\0"


def test_the_rate_is_remembered() -> None:
    link = FakeLink(upper)
    link.set_baud(9600)
    link.close()
    assert link.baud == 9600
