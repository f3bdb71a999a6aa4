"""Gates: passed and failed only where the samples say so, else what would decide."""

from __future__ import annotations

import numpy as np
import pytest

from hil.accuracy.gate import Gate, Outcome, decide_counts, parse_gate
from hil.errors import ConfigError

POINT = Gate(most_drop=0.01)


@pytest.mark.parametrize(
    ("text", "drop"),
    [("drop<=1", 0.01), (" drop <= 0.5 points", 0.005), ("drop<=2%", 0.02)],
)
def test_a_gate_is_read_in_points(text: str, drop: float) -> None:
    gate = parse_gate(text, confidence=0.9)
    assert gate.most_drop == pytest.approx(drop)
    assert gate.confidence == 0.9


@pytest.mark.parametrize("text", ["", "1", "drop<1", "drop>=1", "drop<=-1", "drop<=x"])
def test_what_is_no_gate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read[\s\S]*'drop<=1'"):
        parse_gate(text)


@pytest.mark.parametrize(
    ("lost", "gained", "n", "outcome"),
    [
        (8, 5, 1000, Outcome.PASSED),  # the keyword model with one scale a tensor
        (61, 17, 1000, Outcome.FAILED),  # with an outlier in its calibration
        (35, 24, 1000, Outcome.UNDECIDABLE),  # as published
        (0, 0, 200, Outcome.UNDECIDABLE),  # no difference at all, yet too few
        (0, 0, 400, Outcome.PASSED),
        (0, 30, 1000, Outcome.PASSED),  # better is not worse
    ],
)
def test_known_outcomes_are_decided(lost, gained, n, outcome) -> None:
    found = decide_counts(lost, gained, n=n, gate=POINT)
    assert found.outcome is outcome
    assert (found.samples_needed is None) == (outcome is not Outcome.UNDECIDABLE)


def test_a_loss_of_exactly_the_limit_is_never_decided() -> None:
    found = decide_counts(20, 10, n=1000, gate=POINT)
    assert found.outcome is Outcome.UNDECIDABLE
    assert found.samples_needed is None


def test_equal_answers_need_as_many_samples_as_the_interval_says() -> None:
    found = decide_counts(0, 0, n=200, gate=POINT)
    assert found.samples_needed is not None
    assert found.samples_needed > 200
    decided = decide_counts(0, 0, n=found.samples_needed, gate=POINT)
    assert decided.outcome is Outcome.PASSED


def test_the_number_of_samples_told_decides_four_times_in_five() -> None:
    generator = np.random.default_rng(5)
    undecided = decide_counts(4, 3, n=500, gate=POINT)
    assert undecided.outcome is Outcome.UNDECIDABLE
    n, lost, gained = undecided.samples_needed, 4 / 500, 3 / 500
    assert n is not None
    draws = generator.multinomial(n, [lost, gained, 1 - lost - gained], size=400)
    passed = sum(
        decide_counts(int(a), int(b), n=n, gate=POINT).outcome is Outcome.PASSED
        for a, b, _ in draws
    )
    assert 0.75 <= passed / 400 <= 0.92


def test_a_model_at_the_limit_passes_no_more_often_than_the_confidence_allows() -> None:
    generator = np.random.default_rng(9)
    draws = generator.multinomial(800, [0.025, 0.015, 0.96], size=1500)
    outcomes = [
        decide_counts(int(a), int(b), n=800, gate=POINT).outcome for a, b, _ in draws
    ]
    for wrong in (Outcome.PASSED, Outcome.FAILED):
        share = outcomes.count(wrong) / len(outcomes)
        assert share <= 0.05 + 3 * (0.05 * 0.95 / 1500) ** 0.5


def test_more_confidence_decides_less() -> None:
    easy = decide_counts(10, 8, n=1000, gate=Gate(most_drop=0.01, confidence=0.8))
    strict = decide_counts(10, 8, n=1000, gate=Gate(most_drop=0.01, confidence=0.999))
    assert easy.outcome is Outcome.PASSED
    assert strict.outcome is Outcome.UNDECIDABLE
    assert strict.low < easy.low
