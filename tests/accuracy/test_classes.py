"""Confusion, recall per class, the worst class, macro-F1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.accuracy.classes import confusion, macro_f1, most_confused, recalls, worst
from hil.accuracy.metrics import wilson
from hil.accuracy.ranking import NO_CLASS

LABELS = np.array([0, 0, 0, 1, 1, 3])
ANSWERS = np.array([0, 0, 1, 1, 0, 1])


def test_confusion_counts_each_label_and_answer() -> None:
    counts = confusion(LABELS, ANSWERS, classes=4)
    assert counts.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_an_answer_of_no_class_is_in_no_column() -> None:
    answers = np.array([NO_CLASS, 1])
    assert confusion(np.array([0, 1]), answers, classes=2).tolist() == [[0, 0], [0, 1]]
    assert most_confused(np.array([0, 1]), answers, most=3) == []


def test_the_commonest_mistakes_come_first() -> None:
    assert most_confused(LABELS, ANSWERS, most=2) == [(0, 1, 1), (1, 0, 1)]


def test_each_class_with_samples_has_its_recall_and_interval() -> None:
    found = recalls(LABELS, LABELS == ANSWERS)
    assert [(r.label, r.n, r.correct) for r in found] == [
        (0, 3, 2),
        (1, 2, 1),
        (3, 1, 0),
    ]
    assert (found[0].low, found[0].high) == wilson(2, 3)


def test_the_worst_class_has_a_wider_interval_since_it_was_picked() -> None:
    lowest = worst(recalls(LABELS, LABELS == ANSWERS))
    assert (lowest.label, lowest.n) == (3, 1)
    assert lowest.high == wilson(0, 1, confidence=1 - 0.05 / 3)[1]
    assert worst(()) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_macro_f1_is_the_mean_of_precision_and_recalls_harmonic_means(pairs) -> None:
    counts = np.zeros((4, 4))
    for label, answer in pairs:
        counts[label, answer] += 1
    scores = []
    for c in range(4):
        named, own, right = counts[:, c].sum(), counts[c].sum(), counts[c, c]
        if named or own:
            precision = right / named if named else 0
            recall = right / own if own else 0
            both = precision + recall
            scores.append(2 * precision * recall / both if both else 0)
    found = macro_f1(np.diag(counts), counts.sum(axis=1), counts.sum(axis=0))
    assert float(found) == pytest.approx(np.mean(scores))
