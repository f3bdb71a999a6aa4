"""Counts, intervals and agreement of answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hil.accuracy.metrics import (
    METRIC_NAMES,
    Kind,
    Metric,
    agreement,
    count_top1,
    find_metric,
    wilson,
)
from hil.errors import ConfigError, HilError


def test_the_highest_score_is_the_answer_and_wrong_ones_are_listed() -> None:
    outputs = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], np.float32)
    count = count_top1(outputs, np.array([1, 1, 1]))
    assert (count.metric, count.n, count.correct) == ("top1", 3, 2)
    assert count.wrong == (1,)


def test_of_equal_scores_the_first_counts() -> None:
    outputs = np.array([[5, 5, 5], [1, 7, 7]], np.int8)
    assert count_top1(outputs, np.array([0, 1])).correct == 2
    assert count_top1(outputs, np.array([1, 2])).correct == 0


def test_quantized_scores_need_no_scale() -> None:
    outputs = np.array([[-128, 127], [127, -128]], np.int8)
    assert count_top1(outputs, np.array([1, 0])).correct == 2


def test_an_answer_with_nan_is_wrong_whatever_else_is_in_it() -> None:
    outputs = np.array([[np.nan, 1.0], [0.0, np.nan]], np.float32)
    count = count_top1(outputs, np.array([1, 1]))
    assert count.correct == 0
    assert count.wrong == (0, 1)


def test_axes_of_length_one_between_batch_and_classes_do_not_matter() -> None:
    outputs = np.zeros((2, 1, 1, 3), np.float32)
    outputs[:, 0, 0, 2] = 1
    assert count_top1(outputs, np.array([2, 2])).correct == 2


def test_labels_beyond_the_outputs_belong_to_another_model() -> None:
    with pytest.raises(ConfigError, match="do not belong to this model") as caught:
        count_top1(np.zeros((2, 10), np.int8), np.array([3, 11]))
    assert caught.value.found == "labels from 3 to 11"
    assert caught.value.allowed == "0 to 9, for the model has 10 outputs"


def test_answers_and_labels_must_be_as_many() -> None:
    with pytest.raises(ConfigError, match="differ in number") as caught:
        count_top1(np.zeros((2, 10), np.int8), np.array([3]))
    assert caught.value.found == "2 answers, 1 labels"


@pytest.mark.parametrize("shape", [(3, 1), (3,), ()])
def test_a_single_score_is_no_classification(shape: tuple[int, ...]) -> None:
    outputs = np.zeros(shape, np.float32)
    labels = np.zeros(shape[0] if shape else 1, np.int64)
    with pytest.raises(ConfigError, match="one score for each class") as caught:
        count_top1(outputs, labels)
    assert 'metric "none"' in str(caught.value)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [(902, 1000, 0.882, 0.919), (173, 200, 0.811, 0.906)],
)
def test_wilson_gives_the_published_intervals(
    correct: int, n: int, low: float, high: float
) -> None:
    found = wilson(correct, n)
    assert tuple(round(end, 3) for end in found) == (low, high)


def test_wilson_stays_inside_0_and_1_and_is_never_a_point() -> None:
    assert wilson(0, 10)[0] == 0.0
    assert wilson(0, 10)[1] == pytest.approx(0.2775, abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_more_confidence_needs_a_wider_interval() -> None:
    narrow, wide = wilson(50, 100, confidence=0.8), wilson(50, 100, confidence=0.99)
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]


@pytest.mark.parametrize(
    ("correct", "n", "confidence"),
    [(1, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1)],
)
def test_wilson_of_no_share_is_refused(correct: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match=f"no share: {correct} of {n}"):
        wilson(correct, n, confidence=confidence)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_is_symmetric(pair: tuple[int, int]) -> None:
    correct, n = pair
    low, high = wilson(correct, n)
    assert 0 <= low <= correct / n <= high <= 1
    assert wilson(n - correct, n) == pytest.approx((1 - high, 1 - low))


def test_equal_answers_agree_in_everything() -> None:
    outputs = np.array([[1, 2], [3, 4]], np.int8)
    found = agreement(outputs, outputs.copy(), reference="litert-ref")
    assert (found.reference, found.n, found.identical) == ("litert-ref", 2, 2)
    assert (found.label_flips, found.max_lsb, found.max_relative) == (0, 0, None)


def test_integers_differ_in_steps_and_do_not_overflow() -> None:
    ours = np.array([[127, 0], [5, 6]], np.int8)
    theirs = np.array([[-128, 0], [5, 7]], np.int8)
    found = agreement(ours, theirs, reference="tflm")
    assert found.identical == 0
    assert found.max_lsb == 255
    assert found.label_flips == 1


def test_floats_differ_relative_to_the_largest_value_of_the_reference() -> None:
    ours = np.array([[0.5, 4.0], [1.0, 2.0]], np.float32)
    theirs = np.array([[0.5, 4.0], [1.0, 2.2]], np.float32)
    found = agreement(ours, theirs, reference="litert")
    assert found.identical == 1
    assert found.max_lsb is None
    assert found.max_relative == pytest.approx(0.2 / 4.0, rel=1e-5)


def test_a_reference_of_zeros_does_not_divide_by_zero() -> None:
    zeros = np.zeros((2, 3), np.float32)
    assert agreement(zeros, zeros, reference="r").max_relative == 0.0
    assert agreement(zeros + 1, zeros, reference="r").max_relative > 1e30


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_is_the_largest_difference(value: float) -> None:
    ours = np.array([[value, 1.0]], np.float32)
    theirs = np.array([[0.0, 1.0]], np.float32)
    found = agreement(ours, theirs, reference="r")
    assert found.identical == 0
    assert found.max_relative == pytest.approx(1.797e308, rel=1e-3)
    json.dumps(found.max_relative, allow_nan=False)


def test_the_same_nan_on_both_sides_is_identical() -> None:
    nan = np.array([[np.nan, 1.0], [0.0, 1.0]], np.float32)
    found = agreement(nan, nan.copy(), reference="r")
    assert (found.identical, found.label_flips, found.max_relative) == (2, 0, 0.0)


def test_a_single_value_has_no_label_to_flip() -> None:
    one = np.array([[0.5], [0.25]], np.float32)
    assert agreement(one, one, reference="r").label_flips is None


def test_no_answers_agree_trivially() -> None:
    none = np.zeros((0, 10), np.int8)
    found = agreement(none, none, reference="r")
    assert (found.n, found.identical, found.max_lsb) == (0, 0, 0)


@pytest.mark.parametrize(
    "other", [np.zeros((2, 3), np.int8), np.zeros((3, 2), np.float32)]
)
def test_answers_of_another_shape_or_type_are_not_compared(other: np.ndarray) -> None:
    with pytest.raises(HilError, match="cannot be compared") as caught:
        agreement(np.zeros((3, 2), np.int8), other, reference="tflm")
    assert caught.value.found == "[3, 2] of int8"
    assert "as tflm answers" in str(caught.value)


@given(
    hnp.arrays(np.int16, (5, 4)),
    hnp.arrays(np.int16, (5, 4)),
)
def test_agreement_of_integers_is_that_of_plain_python(
    ours: np.ndarray, theirs: np.ndarray
) -> None:
    found = agreement(ours, theirs, reference="r")
    a, b = ours.tolist(), theirs.tolist()
    pairs = list(zip(a, b, strict=True))
    assert found.identical == sum(x == y for x, y in pairs)
    assert found.max_lsb == max(
        abs(p - q) for x, y in pairs for p, q in zip(x, y, strict=True)
    )
    assert found.label_flips == sum(
        x.index(max(x)) != y.index(max(y)) for x, y in pairs
    )


def test_metrics_are_found_by_name() -> None:
    assert find_metric("top1") == Metric(name="top1", kind=Kind.TOP_K, k=1)
    assert find_metric("top12").k == 12
    assert [find_metric(name).kind for name in METRIC_NAMES[2:]] == [
        kind for kind in Kind if kind is not Kind.TOP_K
    ]


def test_a_rise_of_the_squared_error_is_a_loss_and_has_no_points() -> None:
    assert find_metric("mse").better_when_lower
    assert not find_metric("mse").in_points
    assert not find_metric("auc").better_when_lower
    assert find_metric("auc").in_points


def test_an_unknown_metric_names_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="unknown metric") as caught:
        find_metric("top-1")
    assert caught.value.allowed == (
        "top1, top5, macro-f1, auc, mse, cosine, none (topK for any K)"
    )
    assert caught.value.remedy == "did you mean 'top1'?"
