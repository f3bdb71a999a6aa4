"""Mistakes of preprocessing, found before anything is quantized."""

from __future__ import annotations

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.quantization.preprocessing import (
    check_layout,
    check_pixels,
    check_preprocessing,
    constant_samples,
    duplicates,
)


@pytest.fixture(scope="module")
def digits_x(digits_calibration):
    return digits_calibration.x


@pytest.fixture(scope="module")
def pictures():
    """Smooth colour pictures, 0..1, of which each channel has its own level."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1, (60, 4, 4, 1)) * [1.0, 0.6, 0.3]
    return corners.repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)


def refused(x, reference):
    with pytest.raises(ConfigError) as caught:
        check_preprocessing(x, reference, where="c.npz", against="test")
    assert caught.value.where == "c.npz"
    assert caught.value.exit_status == 2
    return caught.value


@pytest.mark.parametrize(
    ("factor", "offset", "found", "remedy"),
    [
        (1 / 255, 0, "they were divided by 255", "take x * 255"),
        (255, 0, "they were multiplied by 255", "take x / 255"),
        (2, -1, "they are -1..1 where 0..1 belongs", "take (x + 1) / 2"),
        (40, 0, "they are 4", "take x / "),
        (1 / 16, 0, "they are 16 times too small", "take x * "),
        (10, 0, "they were multiplied by 10", "take x / 10"),
        (-1, 0, "they have the opposite sign", "take x / -1"),
    ],
)
def test_the_mistake_is_named_with_its_factor(digits_x, factor, offset, found, remedy):
    error = refused(digits_x[:100] * factor + offset, digits_x[100:])
    assert error.what == (
        "the calibration data do not have the preprocessing of the dataset"
    )
    assert error.found.startswith(found)
    assert error.remedy.startswith(remedy)


def test_signed_data_for_unsigned_and_the_reverse(digits_x):
    signed = digits_x * 2 - 1
    error = refused(digits_x[:100], signed[100:])
    assert error.found.startswith("they are 0..1 where -1..1 belongs")
    error = refused(signed[:100], digits_x[100:] * 255)
    assert error.found.startswith("they are -1..1 where 0..255 belongs")


def test_data_alike_pass_however_few_or_one_sided(digits_x):
    check_preprocessing(digits_x[:100], digits_x[100:], where="c", against="t")
    check_preprocessing(digits_x[:10], digits_x[100:], where="c", against="t")


def test_noise_of_the_right_scale_is_refused(pictures):
    noise = np.random.default_rng(1).uniform(0, 1, pictures.shape) * [1.0, 0.6, 0.3]
    error = refused(noise, pictures)
    assert error.what == "the calibration data are noise"
    assert "real samples" in error.remedy


def test_channels_first_that_were_reshaped_are_refused(pictures):
    reshaped = pictures.transpose(0, 3, 1, 2).reshape(pictures.shape)
    error = refused(reshaped, pictures)
    assert error.what == "the calibration data have their axes mixed up"
    assert error.remedy == "numpy.transpose(x, (0, 2, 3, 1)), not reshape"


def test_channels_first_are_refused_by_their_shape():
    with pytest.raises(ConfigError, match="channels first") as caught:
        check_layout((3, 32, 32), (32, 32, 3), where="c.npz")
    assert caught.value.found == "samples of shape [3, 32, 32]"
    check_layout((32, 32, 3), (32, 32, 3), where="c.npz")
    check_layout((49, 10, 1), (49, 10, 1), where="c.npz")


@pytest.mark.parametrize(
    ("x", "low", "high", "found"),
    [
        (np.linspace(0, 1, 100), 0, 255, "they were divided by 255"),
        (np.linspace(0, 255, 100), 0, 1, "they were multiplied by 255"),
        (np.linspace(0, 1, 100), -1, 1, "they are 0..1 where -1..1 belongs"),
        (np.linspace(-1, 1, 100), 0, 1, "they are -1..1 where 0..1 belongs"),
        (np.linspace(0, 255, 100), -1, 1, "they are 0..255 where -1..1 belongs"),
    ],
)
def test_pixels_of_another_kind_are_named(x, low, high, found):
    with pytest.raises(ConfigError) as caught:
        check_pixels(x.reshape(1, 10, 10, 1), low, high, where="c.npz")
    assert found in caught.value.found
    assert caught.value.allowed == f"pixels from {low} to {high}"


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-1, 1)])
def test_pixels_of_the_right_kind_pass(low, high):
    x = np.linspace(low, high, 100).reshape(1, 10, 10, 1)
    check_pixels(x, low, high, where="c.npz")
    check_pixels(x * 0.8, low, high, where="c.npz")


def test_samples_of_one_value_and_copies_are_found():
    x = np.random.default_rng(0).random((5, 4, 4, 1))
    x[2] = 0
    x[4] = x[1]
    assert constant_samples(x) == [2]
    assert duplicates(x) == [(1, 4)]
