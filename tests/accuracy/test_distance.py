"""Squared errors and cosines of real and quantized answers."""

from __future__ import annotations

import numpy as np
import pytest

from hil.accuracy.distance import cosine_similarities, mean_squared_errors, real_rows
from hil.errors import ConfigError


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16])
def test_quantized_values_mean_scale_times_the_distance_from_zero(kind) -> None:
    stored = np.array([[[1, 3]], [[5, 0]]], kind)
    assert real_rows(stored, scale=0.5, zero_point=1).tolist() == [[0, 1], [2, -0.5]]


def test_floats_are_taken_as_they_are() -> None:
    assert real_rows(np.array([[0.5, 2]], np.float32)).tolist() == [[0.5, 2]]


def test_the_squared_error_is_the_mean_over_the_values_of_an_answer() -> None:
    rows, targets = np.array([[1.0, 2], [0, 0]]), np.array([[1.0, 4], [3, 0]])
    assert mean_squared_errors(rows, targets).tolist() == [2, 4.5]


def test_cosines_do_not_depend_on_the_length_and_know_zeros() -> None:
    rows = np.array([[1.0, 0], [2, 2], [0, 0], [0, 0], [-1, 0]])
    targets = np.array([[5.0, 0], [1, 0], [0, 0], [1, 0], [4, 0]])
    expected = [1, np.sqrt(0.5), 1, 0, -1]
    assert cosine_similarities(rows, targets) == pytest.approx(expected)


def test_targets_of_another_shape_are_refused() -> None:
    with pytest.raises(ConfigError, match="do not have the same shape") as caught:
        mean_squared_errors(np.zeros((3, 2)), np.zeros((3, 1)))
    assert caught.value.found == "answers [3, 2], targets [3, 1]"
