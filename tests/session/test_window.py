from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil.session.window import Window


def test_a_frame_is_remembered_until_it_is_answered() -> None:
    window: Window[str] = Window(100)
    window.sent(7, 30, "a")
    assert window.find(7) == "a"
    assert window.outstanding_bytes == 30
    window.answered(7)
    assert window.find(7) is None
    assert window.outstanding_bytes == 0


def test_an_answer_stands_for_all_that_was_sent_before_it() -> None:
    window: Window[str] = Window(100)
    for sequence, item in enumerate("abc"):
        window.sent(sequence, 10, item)
    window.answered(1)
    assert [window.find(sequence) for sequence in range(3)] == [None, None, "c"]


def test_there_is_room_for_one_frame_of_any_size_when_nothing_is_out() -> None:
    window: Window[str] = Window(100)
    assert window.has_room(5000)
    window.sent(0, 5000, "a")
    assert not window.has_room(1)


def test_a_cleared_window_knows_nothing() -> None:
    window: Window[str] = Window(100)
    window.sent(1, 60, "a")
    window.clear()
    assert window.find(1) is None
    assert window.has_room(100)


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 100))
def test_no_more_than_the_credit_is_out_unless_one_frame_is_larger(
    sizes: list[int], credit: int
) -> None:
    window: Window[int] = Window(credit)
    oldest = 0
    for sequence, size in enumerate(sizes):
        while not window.has_room(size):
            window.answered(oldest)
            oldest += 1
        window.sent(sequence, size, size)
        assert window.outstanding_bytes <= max(credit, size)
        assert window.outstanding_bytes == sum(sizes[oldest : sequence + 1])
