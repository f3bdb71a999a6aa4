"""Requests that cannot be granted, and requests on their way to the child."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.conversion.request import (
    BOUNDARY_TYPES,
    ConversionRequest,
    LegacyOptions,
    Mode,
    check_request,
    from_json,
    to_json,
)
from hil.errors import ConfigError

SOURCE = Path("m.keras")
DATA = Path("d.npz")


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_with_its_own_types_is_a_request(mode):
    for wanted in BOUNDARY_TYPES[mode]:
        request = ConversionRequest(
            source=SOURCE, mode=mode, input_type=wanted, output_type=wanted
        )
        check_request(request)
        assert request.boundary == (wanted, wanted)


@pytest.mark.parametrize(
    ("mode", "boundary"),
    [
        (Mode.FLOAT, "float32"),
        (Mode.DYNAMIC, "float32"),
        (Mode.INT8, "int8"),
        (Mode.INT16X8, "int16"),
    ],
)
def test_types_that_are_not_named_are_those_of_the_mode(mode, boundary):
    assert ConversionRequest(source=SOURCE, mode=mode).boundary == (boundary, boundary)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"mode": Mode.FLOAT, "input_type": "int8"},
            ["float cannot have that input type", "int8 as the mode, with representat"],
        ),
        (
            {"mode": Mode.DYNAMIC, "output_type": "uint8"},
            ["dynamic cannot have that output type", "allowed: float32"],
        ),
        (
            {"mode": Mode.INT16X8, "input_type": "int8"},
            ["int16x8 cannot have that input type", "int16, or int8 as the mode"],
        ),
        (
            {"mode": Mode.INT8, "input_type": "int16"},
            ["int8 cannot have that input type", "allowed: int8, uint8, float32"],
        ),
        (
            {"mode": Mode.INT8, "input_type": "unit8"},
            ["did you mean 'uint8'?"],
        ),
        (
            {"mode": Mode.FLOAT16, "representative": DATA},
            ["representative data change nothing in a model that is float16"],
        ),
        (
            {"mode": Mode.FLOAT, "per_channel": False},
            ["a model that is float has no scales, so none a channel"],
        ),
        (
            {"mode": Mode.INT8, "float_from_qat": True},
            ["a model that is int8 is not float"],
        ),
        ({"pixels": "0..1"}, ["there are no pixels to be turned into anything"]),
        (
            {"input_shapes": {"image": (1, 0)}},
            ["an input shape must be whole", "where:   input image", "found:   1,0"],
        ),
        (
            {"legacy": LegacyOptions(), "mode": Mode.INT8, "representative": DATA},
            ["the v1 converter does not look at that", "mode, representative"],
        ),
    ],
)
def test_what_tensorflow_would_refuse_or_ignore_is_refused_first(options, says):
    with pytest.raises(ConfigError) as caught:
        check_request(ConversionRequest(source=SOURCE, **options))
    assert all(each in str(caught.value) for each in says)


def test_a_request_comes_out_of_json_as_it_went_in():
    request = ConversionRequest(
        source=Path("a/b.pb"),
        mode=Mode.INT16X8,
        signature="s",
        tags=("serve", "gpu"),
        input_arrays=("x",),
        output_arrays=("y", "z"),
        input_shapes={"x": (1, 2)},
        representative=DATA,
        pixels="0..1",
        input_type="int16",
        per_channel_dense=False,
        legacy=LegacyOptions(
            inference_type="uint8",
            quantized_input_stats={"x": (128.0, 127.0)},
            default_ranges=(0.0, 6.0),
            target_ops=("TFLITE_BUILTINS",),
        ),
    )
    assert from_json(json.loads(json.dumps(to_json(request)))) == request
    plain = ConversionRequest(source=SOURCE)
    assert from_json(json.loads(json.dumps(to_json(plain)))) == plain
