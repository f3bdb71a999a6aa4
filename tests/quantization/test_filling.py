"""Thin classes, and the pictures that fill them."""

from __future__ import annotations

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.quantization.filling import class_counts, fill, thin_classes


@pytest.fixture
def thin():
    rng = np.random.default_rng(0)
    y = np.array([0] * 10 + [1] * 10 + [2] * 2)
    return rng.random((len(y), 8, 8, 1), np.float32), y


def filled(x, y, *, flips=False):
    counts = class_counts(y, classes=3)
    return fill(x, y, counts=counts, flips=flips, where="c.npz")


def test_a_class_below_half_of_the_median_is_thin(thin):
    counts = class_counts(thin[1], classes=4)
    assert counts == {0: 10, 1: 10, 2: 2, 3: 0}
    assert thin_classes(counts) == [2, 3]


def test_a_thin_class_is_brought_up_to_the_median(thin):
    x, y = thin
    made = filled(x, y)
    assert made.y.tolist() == [2] * 8
    assert set(made.sources.tolist()) == {20, 21}
    assert made.x.shape == (8, 8, 8, 1)


def test_what_is_made_is_moved_by_a_pixel_and_never_a_copy(thin):
    x, y = thin
    made = filled(x, y)
    for picture, source in zip(made.x, made.sources, strict=True):
        original = x[source]
        assert not np.array_equal(picture, original)
        moved = [
            np.array_equal(picture[1:-1, 1:-1], original[1 + d : 7 + d, 1 + r : 7 + r])
            for d in (-1, 0, 1)
            for r in (-1, 0, 1)
        ]
        assert any(moved)


def test_pictures_are_mirrored_only_when_asked_for(thin):
    x, y = thin
    plain, flipped = filled(x, y), filled(x, y, flips=True)
    assert np.array_equal(flipped.x[1], plain.x[1][:, ::-1])
    assert np.array_equal(flipped.x[0], plain.x[0])


def test_a_full_set_gets_nothing():
    x = np.random.default_rng(0).random((4, 8, 8, 1), np.float32)
    made = fill(
        x, np.array([0, 0, 1, 1]), counts={0: 2, 1: 2}, flips=False, where="c.npz"
    )
    assert made.x.shape == (0, 8, 8, 1)


def test_a_class_without_a_sample_cannot_be_filled(thin):
    x, y = thin
    with pytest.raises(ConfigError, match="cannot be filled") as caught:
        fill(x, y, counts=class_counts(y, classes=4), flips=False, where="c.npz")
    assert caught.value.found == "no sample of class 3"


def test_only_pictures_are_filled(thin):
    _, y = thin
    with pytest.raises(ConfigError, match="only pictures") as caught:
        filled(np.ones((22, 64), np.float32), y)
    assert caught.value.found == "samples of shape [64]"
