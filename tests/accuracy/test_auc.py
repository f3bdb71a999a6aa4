"""The area under the ROC curve held against counting every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from hil.accuracy.auc import auc, weighted_auc
from hil.errors import ConfigError


def by_pairs(scores, positive):
    above, below = scores[positive], scores[~positive]
    wins = sum((a > b) + 0.5 * (a == b) for a in above.tolist() for b in below.tolist())
    return wins / (len(above) * len(below))


@given(
    st.lists(
        st.tuples(st.integers(-128, 127), st.booleans()), min_size=2, max_size=40
    ).filter(lambda rows: len({positive for _, positive in rows}) == 2)
)
def test_it_is_the_share_of_pairs_in_the_right_order(rows) -> None:
    scores = np.array([score for score, _ in rows], np.int8)
    labels = np.array([positive for _, positive in rows], np.int64)
    assert auc(scores, labels) == pytest.approx(by_pairs(scores, labels == 1))


def test_it_is_mann_whitneys_u_over_the_pairs() -> None:
    generator = np.random.default_rng(0)
    labels = np.r_[np.zeros(90, np.int64), np.ones(60, np.int64)]
    scores = generator.normal(size=150) + labels
    u = mannwhitneyu(scores[labels == 1], scores[labels == 0]).statistic
    assert auc(scores, labels) == pytest.approx(u / (90 * 60))


def test_quantized_scores_of_equal_value_count_half() -> None:
    labels = np.array([0, 1, 0, 1])
    assert auc(np.full(4, 7, np.int8), labels) == 0.5
    assert auc(np.array([0, 1, 0, 1], np.uint8), labels) == 1.0
    assert auc(np.array([1, 0, 1, 0], np.int16), labels) == 0.0


def test_of_several_classes_it_is_the_mean_of_one_against_the_rest() -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 3, 60)
    scores = generator.normal(size=(60, 4)).astype(np.float32)
    each = [by_pairs(scores[:, c], labels == c) for c in range(3)]
    assert auc(scores, labels) == pytest.approx(np.mean(each)), "class 3 has no sample"


def test_a_weight_is_worth_as_many_copies_of_the_sample() -> None:
    generator = np.random.default_rng(2)
    labels = np.array([0, 1] * 10)
    scores = generator.integers(0, 6, 20)
    weights = generator.integers(1, 4, (5, 20))
    found = weighted_auc(scores, labels, weights.astype(np.float64))
    for row, value in zip(weights, found, strict=True):
        copied = auc(np.repeat(scores, row), np.repeat(labels, row))
        assert value == pytest.approx(copied)


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], [0, 1, 2]])
def test_labels_without_two_sides_are_refused(labels) -> None:
    with pytest.raises(ConfigError, match="auc cannot be had from these labels"):
        auc(np.arange(3.0), np.array(labels))
