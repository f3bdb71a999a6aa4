"""Datasets turned into what a model's input takes."""

from __future__ import annotations

import decimal
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.accuracy.dataset import Content, Dataset
from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import InputSpec, Pixels, prepare, quantized
from hil.errors import ConfigError

FLOAT = InputSpec(shape=(1, 2, 2), dtype=np.dtype(np.float32))
INT8 = InputSpec(
    shape=(1, 2, 2), dtype=np.dtype(np.int8), scale=1 / 255, zero_point=-128
)
KWS = InputSpec(
    shape=(1, 49, 10, 1),
    dtype=np.dtype(np.int8),
    scale=0.5847029089927673,
    zero_point=83,
)


def data(x: np.ndarray, content: Content = Content.VALUES) -> Dataset:
    return Dataset(
        name="d",
        x=x,
        y=None,
        content=content,
        preprocessing="pixel / 255",
        source=Path("d.npz"),
    )


def image(side: int, dtype: type, scale: float = 0.0, zero_point: int = 0) -> InputSpec:
    return InputSpec(
        shape=(1, side, side, 1),
        dtype=np.dtype(dtype),
        scale=scale,
        zero_point=zero_point,
    )


def random(low: float, high: float, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, shape).astype(np.float32)


def test_floats_go_into_a_float_model_as_they_are() -> None:
    x = random(-3, 900, 5, 2, 2)
    np.testing.assert_array_equal(prepare(data(x), FLOAT), x)


def test_wider_floats_are_narrowed_for_a_float_model() -> None:
    x = random(0, 1, 5, 2, 2).astype(np.float64)
    assert prepare(data(x), FLOAT).dtype == np.float32


def test_a_float_that_is_too_large_for_the_model_is_refused() -> None:
    x = np.full((1, 2, 2), 1e300)
    with pytest.raises(ConfigError, match="too large for the model's input"):
        prepare(data(x), FLOAT)


def test_floats_are_quantized_with_the_scale_of_the_input() -> None:
    x = np.array([[[0.0, 1.0], [0.2, 0.25]]], np.float32)
    found = prepare(data(x), INT8)
    assert found.dtype == np.int8
    assert found.tolist() == [[[-128, 127], [-77, -64]]]


def test_halves_are_rounded_away_from_zero() -> None:
    spec = InputSpec(shape=(1, 6), dtype=np.dtype(np.int8), scale=1.0, zero_point=0)
    x = np.array([[0.5, 1.5, 2.5, -0.5, -1.5, -2.5]], np.float32)
    assert quantized(x, spec).tolist() == [[1, 2, 3, -1, -2, -3]]


def test_a_value_just_below_a_half_is_not_rounded_up() -> None:
    spec = InputSpec(shape=(1, 2), dtype=np.dtype(np.int8), scale=1.0, zero_point=0)
    below = np.nextafter(np.float32(0.5), np.float32(0))
    x = np.array([[below, -below]], np.float32)
    assert quantized(x, spec).tolist() == [[0, 0]]


def by_hand(value: float, spec: InputSpec) -> int:
    """TFLite's formula for one value, in decimals: std::round(x / scale) + zp."""
    steps = float(np.float32(np.float32(value) / np.float32(spec.scale)))
    if math.isinf(steps):
        whole = int(math.copysign(2**62, steps))
    else:
        half_up = decimal.ROUND_HALF_UP  # of decimal: halves away from zero
        context = decimal.Context(prec=60)
        whole = int(
            decimal.Decimal(steps).quantize(decimal.Decimal(1), half_up, context)
        )
    info = np.iinfo(spec.dtype.name)
    return max(info.min, min(info.max, whole + spec.zero_point))


@given(
    values=st.lists(
        st.floats(-1e6, 1e6, width=32) | st.integers(-2000, 2000).map(lambda i: i / 2),
        min_size=1,
        max_size=20,
    ),
    scale=st.floats(2**-20, 1024, width=32),
    case=st.sampled_from([("int8", -128, 127), ("uint8", 0, 255), ("int16", 0, 0)]),
    share=st.floats(0, 1),
)
def test_quantizing_is_the_scalar_formula(
    values: list[float], scale: float, case: tuple[str, int, int], share: float
) -> None:
    name, low, high = case
    zero_point = round(low + share * (high - low))
    spec = InputSpec(
        shape=(1, len(values)),
        dtype=np.dtype(name),
        scale=scale,
        zero_point=zero_point,
    )
    found = quantized(np.array([values], np.float32), spec)
    assert found.dtype == np.dtype(name)
    assert found[0].tolist() == [by_hand(value, spec) for value in values]


def test_values_beyond_the_range_are_clamped() -> None:
    x = np.array([[[-5.0, 1e30], [0.2, -np.finfo(np.float32).max]]], np.float32)
    found = prepare(data(x), INT8, allow_range_mismatch=True)
    assert found.tolist() == [[[-128, 127], [-77, -128]]]


def test_samples_in_the_models_own_integers_are_taken_as_they_are() -> None:
    x = np.random.default_rng(0).integers(-128, 128, (3, 49, 10, 1)).astype(np.int8)
    np.testing.assert_array_equal(prepare(data(x), KWS), x)


def test_axes_of_length_one_may_differ() -> None:
    x = random(0, 1, 3, 4, 4)
    assert prepare(data(x), image(4, np.float32)).shape == (3, 4, 4, 1)
    flat = prepare(data(x[..., None]), InputSpec(shape=(1, 4, 4), dtype=FLOAT.dtype))
    assert flat.shape == (3, 4, 4)


@pytest.mark.parametrize("shape", [(3, 4, 4), (3, 16), (3, 2, 8), (3, 4, 4, 3)])
def test_another_shape_is_named_with_the_one_that_is_wanted(
    shape: tuple[int, ...],
) -> None:
    with pytest.raises(ConfigError, match="do not have the shape") as caught:
        prepare(data(np.zeros(shape, np.float32)), image(5, np.float32))
    assert caught.value.found == f"samples of shape {list(shape[1:])}"
    assert caught.value.allowed == "[5, 5, 1]"


def test_int8_samples_cannot_become_floats_without_their_scale() -> None:
    x = np.zeros((3, 2, 2), np.int8)
    with pytest.raises(ConfigError, match="do not have the type") as caught:
        prepare(data(x), FLOAT)
    assert caught.value.found == "samples of int8"
    assert caught.value.allowed == "float32"
    assert "its scale is not in the dataset" in str(caught.value)


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.uint8])
def test_other_integers_than_the_models_are_refused(dtype: type) -> None:
    with pytest.raises(ConfigError, match="do not have the type") as caught:
        prepare(data(np.zeros((3, 2, 2), dtype)), INT8)
    assert caught.value.allowed == "int8, or floats"


def test_floats_for_an_input_without_a_scale_are_refused() -> None:
    spec = InputSpec(shape=(1, 2, 2), dtype=np.dtype(np.int32))
    with pytest.raises(ConfigError, match="do not have the type") as caught:
        prepare(data(random(0, 1, 3, 2, 2)), spec)
    assert caught.value.allowed == "int32"


@pytest.mark.parametrize(
    ("scale", "zero_point"), [(1.0, -128), (1 / 255, -128), (2 / 255, -1), (0.0078, 0)]
)
def test_pixels_lose_128_for_an_int8_input_with_a_range_of_pixels(
    scale: float, zero_point: int
) -> None:
    x = np.array([0, 1, 128, 255], np.uint8).reshape(1, 2, 2)
    found = prepare(data(x, Content.PIXELS), image(2, np.int8, scale, zero_point))
    assert np.abs(found.ravel() - np.array([-128, -127, 0, 127])).max() <= 1
    assert found.dtype == np.int8


def test_pixels_go_into_a_uint8_model_as_they_are() -> None:
    x = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    spec = image(4, np.uint8, 1 / 128, 128)
    np.testing.assert_array_equal(prepare(data(x, Content.PIXELS), spec), x)


def test_pixels_for_a_float_model_need_to_be_told_what_they_become() -> None:
    x = np.array([0, 51, 204, 255], np.uint8).reshape(1, 2, 2)
    pixels = data(x, Content.PIXELS)
    with pytest.raises(ConfigError, match="unknown what the model wants") as caught:
        prepare(pixels, FLOAT)
    assert caught.value.found == "pixels 0..255 for an input of float32"
    assert caught.value.allowed == "0..255, 0..1, -1..1"
    assert prepare(pixels, FLOAT, pixels=Pixels.RAW).max() == 255.0
    unit = prepare(pixels, FLOAT, pixels=Pixels.UNIT).ravel()
    np.testing.assert_allclose(unit, [0, 0.2, 0.8, 1], rtol=1e-6)
    signed = prepare(pixels, FLOAT, pixels=Pixels.SIGNED).ravel()
    np.testing.assert_allclose(signed, [-1, -0.6, 0.6, 1], rtol=1e-6)


def test_pixels_for_an_input_that_holds_no_pixels_are_refused() -> None:
    x = np.zeros((1, 49, 10, 1), np.uint8)
    with pytest.raises(ConfigError, match="unknown what the model wants") as caught:
        prepare(data(x, Content.PIXELS), KWS)
    assert "int8 that holds -123.4 to 25.73" in str(caught.value)


def test_divided_pixels_against_a_model_of_raw_ones_are_an_error() -> None:
    x = random(0, 1, 20, 8, 8, 1)
    with pytest.raises(ConfigError, match="range of the data is not that") as caught:
        prepare(data(x), image(8, np.int8, 1.0, -128))
    assert "the data cover 0.4% of the model's range" in str(caught.value)
    assert caught.value.allowed == "0 to 255 (scale 1, zero point -128)"
    assert caught.value.where == "d.npz (preprocessing: pixel / 255)"


@pytest.mark.parametrize("ink", [1.0, 0.19, 0.01])
def test_raw_pixels_against_a_model_of_divided_ones_are_an_error(ink: float) -> None:
    x = random(1, 255, 20, 8, 8, 1) * (random(0, 1, 20, 8, 8, 1) < ink)
    x[:, 0, 0, 0] = 200.0  # every sample has some ink
    with pytest.raises(ConfigError, match="range of the data is not that") as caught:
        prepare(data(x), image(8, np.int8, 1 / 255, -128))
    assert "100% of the samples lie far outside" in str(caught.value)


def test_the_range_check_can_be_overridden() -> None:
    x = random(0, 1, 20, 8, 8, 1)
    spec = image(8, np.int8, 1.0, -128)
    found = prepare(data(x), spec, allow_range_mismatch=True)
    assert set(np.unique(found)) == {-128, -127}


def test_a_quarter_of_clipped_values_is_the_limit() -> None:
    x = np.zeros((10, 8, 8, 1), np.float32)
    x[..., :2, 0] = 1.2  # 25 %: clipped, but not far
    spec = image(8, np.int8, 1 / 255, -128)
    prepare(data(x), spec)
    x[0, 0, 2, 0] = 1.2
    with pytest.raises(ConfigError, match="25% of the values are clipped"):
        prepare(data(x), spec)


def test_a_few_outliers_are_no_other_preprocessing() -> None:
    x = random(0, 1, 20, 8, 8, 1)
    x[3] *= 10
    found = prepare(data(x), image(8, np.int8, 1 / 255, -128))
    assert found[3].max() == 127


def test_data_that_fill_half_of_the_range_are_legitimate() -> None:
    prepare(data(random(0, 1, 20, 8, 8, 1)), image(8, np.int8, 2 / 255, -1))
    prepare(data(random(0, 0.3, 20, 8, 8, 1)), image(8, np.int16, 1 / 32767, 0))


def test_a_single_small_value_is_no_evidence_of_a_wrong_range() -> None:
    spec = InputSpec(
        shape=(1, 1), dtype=np.dtype(np.int8), scale=0.024480115, zero_point=-128
    )
    x = np.array([[0.1]], np.float32)
    assert prepare(data(x), spec).tolist() == [[-124]]


def test_mlperf_keyword_bytes_are_the_tensor_itself() -> None:
    x = np.arange(2 * 490, dtype=np.uint32).astype(np.uint8).reshape(2, 490)
    found = prepare(data(x, Content.BYTES), KWS)
    assert found.shape == (2, 49, 10, 1)
    np.testing.assert_array_equal(found.ravel(), x.view(np.int8).ravel())


def test_mlperf_image_bytes_lose_128() -> None:
    x = np.array([[0, 127, 128, 255]], np.uint8)
    found = prepare(data(x, Content.BYTES), image(2, np.int8, 1.0, -128))
    assert found.ravel().tolist() == [-128, -1, 0, 127]


def test_mlperf_float_bytes_are_quantized_with_the_scale_of_the_input() -> None:
    values = np.array([[0.0, 1.0, 2.5, -4.0]], "<f4")
    x = values.view(np.uint8)
    found = prepare(data(x, Content.BYTES), image(2, np.int8, 0.5, 3))
    assert found.ravel().tolist() == [3, 5, 8, -5]
    as_floats = prepare(data(x, Content.BYTES), image(2, np.float32))
    assert as_floats.ravel().tolist() == [0.0, 1.0, 2.5, -4.0]


def test_bytes_of_another_size_are_refused() -> None:
    x = np.zeros((2, 489), np.uint8)
    with pytest.raises(ConfigError, match="do not have the size") as caught:
        prepare(data(x, Content.BYTES), KWS)
    assert caught.value.found == "489 bytes a sample"
    assert caught.value.allowed == "490 bytes: [49, 10, 1] of int8"


@pytest.mark.shared
def test_the_keyword_dataset_fits_its_model_unchanged(shared: Path) -> None:
    dataset = load_dataset(shared / "data" / "kws" / "kws01.npz")
    np.testing.assert_array_equal(prepare(dataset, KWS), dataset.x)


@pytest.mark.shared
def test_mnist_fits_models_of_divided_pixels(shared: Path) -> None:
    dataset = load_dataset(shared / "data" / "mnist")
    found = prepare(dataset, image(28, np.int8, 1 / 255, -128))
    np.testing.assert_array_equal(found, (dataset.x.astype(np.int16) - 128))
    unit = prepare(dataset, image(28, np.float32), pixels=Pixels.UNIT)
    divided = data(unit[:500])
    prepare(divided, image(28, np.int8, 1 / 255, -128))
    with pytest.raises(ConfigError, match="range of the data"):
        prepare(divided, image(28, np.int8, 1.0, -128))


def test_the_digits_fit_their_own_range_and_no_other(digits: Path) -> None:
    dataset = load_dataset(digits / "digits_test.npz")
    found = prepare(dataset, image(8, np.int8, 1 / 255, -128))
    assert (int(found.min()), int(found.max())) == (-128, 127)
    with pytest.raises(ConfigError, match="range of the data"):
        prepare(dataset, image(8, np.int8, 1.0, -128))
