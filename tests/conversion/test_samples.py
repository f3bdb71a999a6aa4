"""Representative data that cannot calibrate a model."""

from __future__ import annotations

import numpy as np
import pytest

from hil.conversion.samples import InputSlot, few_samples, load_samples
from hil.errors import ConfigError, ModelError

ROW = InputSlot(name="x", shape=(None, 4), dtype="float32")


def load(tmp_path, x, *slots, pixels=None):
    np.savez(tmp_path / "data.npz", x=x)
    path = tmp_path / "data.npz"
    return load_samples(path, slots or (ROW,), pixels=pixels, where="m.keras")


def test_samples_come_in_the_type_and_shape_of_the_input(tmp_path):
    x = load(tmp_path, np.arange(12.0).reshape(3, 4))
    assert x.dtype == np.float32
    assert x.shape == (3, 4)


def test_pixels_are_turned_into_what_the_model_wants(tmp_path):
    x = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    slot = InputSlot(name="image", shape=(1, 4, 4, 1), dtype="float32")
    assert load(tmp_path, x, slot, pixels="0..1").max() == pytest.approx(31 / 255)
    with pytest.raises(ConfigError, match=r"unknown kind of pixels"):
        load(tmp_path, x, slot, pixels="0..2")


def test_numbers_in_place_of_labels_are_passed_over(tmp_path):
    x = np.arange(12.0).reshape(3, 4)
    np.savez(tmp_path / "sine.npz", x=x, y=np.sin(x[:, :1]))
    found = load_samples(tmp_path / "sine.npz", (ROW,), pixels=None, where="m.keras")
    assert (found == x).all()


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros((0, 4)), "the dataset is empty"),
        (np.zeros((5, 4)), "every value is 0 in 5 samples"),
        (np.full((2, 4), 0.5), "every value is 0.5 in 2 samples"),
        (np.array([[0, 1, np.nan, 2]]), "the samples hold NaN or infinity"),
        (np.ones((5, 3)), "do not have the shape of the model's input"),
    ],
)
def test_data_of_which_tensorflow_would_make_something_else_are_refused(
    tmp_path, x, says
):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, x)
    assert says in str(caught.value)
    assert caught.value.where == str(tmp_path / "data.npz")


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((None, None), "x float32 [?, ?]"),
        ((8, 4), "x float32 [8, 4]"),
        (None, "x float32 of any shape"),
    ],
)
def test_an_input_that_no_sample_fits_is_told_with_the_option(tmp_path, shape, text):
    slot = InputSlot(name="x", shape=shape, dtype="float32")
    with pytest.raises(ModelError) as caught:
        load(tmp_path, np.ones((2, 4)), slot)
    assert caught.value.found == text
    assert caught.value.remedy == "--input-shape x=1,..."


def test_two_inputs_are_refused(tmp_path):
    with pytest.raises(ModelError, match="for models with one input"):
        load(tmp_path, np.ones((2, 4)), ROW, ROW)


def test_few_samples_are_told():
    assert few_samples(20) == []
    assert few_samples(1) == [
        "calibrated with 1 sample: 20 or more varied ones are safer"
    ]
