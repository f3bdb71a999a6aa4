"""Deadlines on a clock that the test turns."""

from __future__ import annotations

import pytest

from hil.deadline import Deadline


class Clock:
    """A clock that stands until it is told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_the_remaining_time_falls_and_never_below_zero():
    clock = Clock()
    deadline = Deadline(5, now=clock)
    assert deadline.remaining == 5
    clock.seconds += 3
    assert deadline.remaining == 2
    assert not deadline.expired
    clock.seconds += 30
    assert deadline.remaining == 0
    assert deadline.expired


@pytest.mark.parametrize("seconds", [-0.001, float("nan")])
def test_a_deadline_in_the_past_is_refused(seconds):
    with pytest.raises(ValueError, match="a deadline lies ahead"):
        Deadline(seconds)


def test_a_sooner_deadline_never_outlives_the_one_it_came_from():
    clock = Clock()
    deadline = Deadline(5, now=clock)
    assert deadline.sooner(2).remaining == 2
    assert deadline.sooner(60).remaining == 5
    assert deadline.sooner(-1).expired


def test_a_deadline_that_is_cut_is_over_at_once_with_all_that_came_from_it():
    cut = []
    deadline = Deadline(60, is_cut=lambda: bool(cut))
    child = deadline.sooner(30)
    assert not deadline.expired
    assert not child.expired
    cut.append("now")
    assert deadline.expired
    assert child.remaining == 0
    assert deadline.sooner(5).expired
