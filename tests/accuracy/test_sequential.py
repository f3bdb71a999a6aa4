"""Stopping early: right as often as promised, however often one looks."""

from __future__ import annotations

import numpy as np
import pytest

from hil.accuracy.gate import Gate, Outcome
from hil.accuracy.sequential import SequentialGate, decide_in_turn

POINT = Gate(most_drop=0.01)
FIVE = Gate(most_drop=0.05)


def outcomes(generator, lost, gained, most):
    """Yield (baseline right, other right) by the chances of losing and gaining."""
    kinds = generator.choice(3, size=most, p=[lost, gained, 1 - lost - gained])
    pairs = ((True, False), (False, True), (True, True))
    return (pairs[kind] for kind in kinds)


def runs(gate, lost, gained, *, most, count, seed):
    generator = np.random.default_rng(seed)
    return [
        decide_in_turn(outcomes(generator, lost, gained, most), gate)
        for _ in range(count)
    ]


def test_nothing_is_decided_before_the_first_sample() -> None:
    standing = SequentialGate(POINT).standing
    assert (standing.outcome, standing.n) == (Outcome.UNDECIDABLE, 0)
    assert standing.e_passed == standing.e_failed == pytest.approx(1)


def test_equal_answers_pass_after_some_hundred_samples() -> None:
    standing = decide_in_turn(((True, True) for _ in range(5000)), POINT)
    assert standing.outcome is Outcome.PASSED
    assert 300 <= standing.n <= 700


def test_a_large_loss_fails_after_few_samples() -> None:
    standing = decide_in_turn(((True, False) for _ in range(100)), POINT)
    assert standing.outcome is Outcome.FAILED
    assert standing.n < 20
    assert standing.lost == standing.n


def test_both_wrong_is_as_good_as_both_right() -> None:
    right = decide_in_turn(((True, True) for _ in range(5000)), POINT)
    wrong = decide_in_turn(((False, False) for _ in range(5000)), POINT)
    assert right == wrong


def test_once_decided_it_stays_so() -> None:
    test = SequentialGate(POINT)
    while test.standing.outcome is Outcome.UNDECIDABLE:
        test.add(baseline_right=True, right=True)
    for _ in range(50):
        test.add(baseline_right=True, right=False)
    standing = test.standing
    assert standing.outcome is Outcome.PASSED
    assert (standing.lost, standing.gained) == (50, 0)


def test_the_order_of_the_samples_does_not_change_the_evidence() -> None:
    first, second = SequentialGate(FIVE), SequentialGate(FIVE)
    pairs = [(True, False)] * 3 + [(False, True)] * 2 + [(True, True)] * 20
    for one, other in zip(pairs, reversed(pairs), strict=True):
        first.add(baseline_right=one[0], right=one[1])
        second.add(baseline_right=other[0], right=other[1])
    assert first.standing == second.standing


def test_at_the_limit_it_is_wrong_at_most_one_time_in_twenty() -> None:
    found = runs(FIVE, 0.08, 0.03, most=500, count=200, seed=1)
    for wrong in (Outcome.PASSED, Outcome.FAILED):
        share = sum(s.outcome is wrong for s in found) / len(found)
        # An e-value's bound is loose, so no allowance for chance is needed.
        assert share <= 0.05


def test_a_good_and_a_bad_model_are_told_apart_before_the_samples_end() -> None:
    good = runs(FIVE, 0.01, 0.01, most=1000, count=60, seed=2)
    bad = runs(FIVE, 0.15, 0.02, most=1000, count=60, seed=3)
    assert all(s.outcome is Outcome.PASSED for s in good)
    assert all(s.outcome is Outcome.FAILED for s in bad)
    assert np.median([s.n for s in good]) < 300
    assert np.median([s.n for s in bad]) < 300


def test_too_few_samples_decide_nothing() -> None:
    standing = decide_in_turn([(True, True)] * 50, POINT)
    assert (standing.outcome, standing.n) == (Outcome.UNDECIDABLE, 50)


@pytest.mark.parametrize("drop", [0.0, 1.0])
def test_the_ends_of_the_range_are_no_special_case(drop: float) -> None:
    gate = Gate(most_drop=drop)
    lost = decide_in_turn([(True, False)] * 200, gate)
    assert lost.outcome is (Outcome.FAILED if drop == 0 else Outcome.UNDECIDABLE)
