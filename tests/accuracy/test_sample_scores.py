"""What each answer is worth, by each metric and whatever a model answers."""

from __future__ import annotations

import numpy as np
import pytest

from hil.accuracy.metrics import find_metric
from hil.accuracy.sample_scores import Scale, Target, score
from hil.errors import ConfigError

LABELS = np.array([0, 1, 1, 0])


def scored(outputs, metric, **given):
    return score(outputs, metric=find_metric(metric), **given)


def test_top_k_keeps_hits_answers_and_ties() -> None:
    outputs = np.array([[9, 1, 0], [9, 1, 0], [5, 5, 0], [0, 1, 2]], np.int8)
    one, two = (scored(outputs, name, labels=LABELS) for name in ("top1", "top2"))
    assert one.hits.tolist() == [True, False, False, False]
    assert two.hits.tolist() == [True, True, True, False]
    assert one.answers.tolist() == [0, 0, 0, 2]
    assert (one.ties, two.ties) == (1, 0)


def test_without_labels_there_is_nothing_to_hold_to() -> None:
    assert scored(np.zeros((4, 3)), "top1") is None
    assert scored(np.zeros((4, 3)), "none", labels=LABELS) is None
    assert scored(np.zeros((4, 3)), "mse") is None
    assert scored(np.zeros((0, 3)), "top1", labels=LABELS[:0]) is None


def test_one_output_is_the_score_itself() -> None:
    found = scored(np.array([[1], [5], [3], [2]], np.int8), "auc", labels=LABELS)
    assert found.values.tolist() == [1, 5, 3, 2]
    assert found.target == "the output"


def test_two_outputs_give_the_score_of_class_1_over_class_0() -> None:
    outputs = np.array([[127, -128]] * 2 + [[-128, 127]] * 2, np.int8)
    found = scored(outputs, "auc", labels=LABELS)
    assert found.values.tolist() == [-255, -255, 255, 255]


def test_several_outputs_are_held_one_against_the_rest() -> None:
    found = scored(np.eye(4, 3, dtype=np.float32), "auc", labels=LABELS)
    assert found.values.shape == (4, 3)
    assert found.target == "one against the rest"


def test_an_autoencoders_anomaly_score_is_its_mean_squared_error() -> None:
    samples = np.array([[0.0, 2], [1, 1]], np.float32)
    outputs = np.array([[2, 2], [6, 2]], np.int8)  # 1, 1 and 3, 1
    found = scored(
        outputs,
        "auc",
        labels=np.array([0, 1]),
        samples=samples,
        output_scale=Scale(scale=0.5),
    )
    assert found.values.tolist() == [1.0, 2.0]
    assert found.target == "reconstruction error"
    rebuilt = scored(outputs, "mse", samples=samples, output_scale=Scale(scale=0.5))
    assert rebuilt.values.tolist() == [1.0, 2.0]
    assert rebuilt.target == "the input (reconstruction)"


def test_a_target_comes_before_the_sample() -> None:
    target = Target(rows=np.array([[3.0], [4.0]]), name="y")
    samples = np.zeros((2, 1), np.float32)
    outputs = np.array([[3.0], [2.0]], np.float32)
    found = scored(outputs, "mse", samples=samples, target=target)
    assert (found.values.tolist(), found.target) == ([0.0, 4.0], "y")


def test_scores_that_are_no_numbers_have_no_rank() -> None:
    outputs = np.array([[np.nan], [1], [2], [3]], np.float32)
    with pytest.raises(ConfigError, match="which have no rank") as caught:
        scored(outputs, "auc", labels=LABELS)
    assert caught.value.found == "1 of 4 samples"
