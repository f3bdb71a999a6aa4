"""real = (q - mean) / std, in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.conversion.legacy.explain import explain
from hil.conversion.legacy.intent import implied_range, stats_of_range


@pytest.mark.parametrize(
    ("low", "high", "dtype", "mean", "std"),
    [
        (0, 1, "uint8", 0, 255),
        (-1, 1, "uint8", 127.5, 127.5),
        (0, 6, "uint8", 0, 42.5),
        (-1, 1, "int8", -0.5, 127.5),
    ],
)
def test_mean_and_std_of_a_range(low, high, dtype, mean, std):
    assert stats_of_range(low, high, dtype) == pytest.approx((mean, std))
    assert implied_range(mean, std, dtype) == pytest.approx((low, high))


@given(
    st.integers(-128, 127),
    st.floats(0.001, 1e6),
    st.sampled_from(["int8", "uint8", "int16"]),
)
def test_range_and_stats_are_each_others_inverse(mean, std, dtype):
    low, high = implied_range(mean, std, dtype)
    back = stats_of_range(low, high, dtype)
    assert back == pytest.approx((mean, std), rel=1e-6, abs=1e-6)


def test_the_scale_and_zero_point_are_told():
    line = "tflite_convert --graph_def_file=g --output_file=o --input_arrays=x "
    line += "--output_arrays=y --inference_type=UINT8 --mean_values=128 "
    line += "--std_dev_values=127"
    (told,) = explain([line]).boundary
    assert told == (
        "x: real = (q - 128) / 127: scale 0.007874016, zero point 128, uint8 0..255 is "
        "-1.00787..1 (back: std 127, mean 128)"
    )


def test_singular_and_plural_flags_of_toco_mean_the_same():
    singular = "lite/toco/toco --input_file=g --output_file=o --input_array=x "
    singular += "--output_array=y --input_shape=1,2 --mean_value=3 --std_value=4"
    plural = "lite/toco/toco --input_file=g --output_file=o --input_arrays=x "
    plural += "--output_arrays=y --input_shapes=1,2 --mean_values=3 --std_values=4"
    assert explain([singular]).case.intent == explain([plural]).case.intent


def test_the_last_of_two_values_counts():
    line = "tflite_convert --output_file=a --output_file=b --saved_model_dir=d"
    assert explain([line]).case.intent.output == "b"
