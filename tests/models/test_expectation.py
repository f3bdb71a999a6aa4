"""What names and requests say, held against what the file is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.errors import ConfigError
from hil.models.expectation import find_expectation, hold, name_says
from hil.models.graph import read_graph
from hil.models.label import label

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.mark.parametrize(
    ("stem", "says"),
    [
        ("kws_ref_model_float32", "float32"),
        ("kws_ref_model", None),
        ("model-fp16", "float16"),
        ("mobilenet_v1_1.0_224_quant", "quantized"),
        ("net_dynamic_range_quant", "dynamic range"),
        ("net.weight_only_int8", "weight-only"),
        ("net_uint8", "uint8"),
        ("net_INT8", "int8"),
        ("net_full_integer_quant", "int8"),
        ("net_16x8", "16x8"),
        ("digits_int16x8", "16x8"),
        ("print8", None),
        ("halfback", None),
    ],
)
def test_a_name_says_what_its_words_say(stem: str, says: str | None) -> None:
    found = name_says(stem)
    assert (found.name if found else None) == says


def test_an_int8_model_is_int8_whatever_else_is_expected(tiny: ModuleType) -> None:
    verdict = label(read_graph(tiny.int8_conv_model(), "m"))
    assert hold(find_expectation("int8"), verdict).holds
    assert hold(find_expectation("quantized"), verdict).holds
    wrong = hold(find_expectation("float32"), verdict)
    assert wrong.differences == (
        "it is full int8, int8 boundary",
        "1 of 1 weights are integers",
        "its boundary is int8, not float",
    )


def test_the_boundary_is_part_of_a_request_and_not_of_a_name(
    tiny: ModuleType,
) -> None:
    verdict = label(read_graph(tiny.int8_conv_model("float"), "m"))
    assert hold(find_expectation("int8-float-io"), verdict).holds
    assert hold(find_expectation("int8"), verdict).differences == (
        "its boundary is float, not int8",
    )
    named = name_says("m_int8")
    assert named is not None
    assert hold(named, verdict).holds


def test_the_operators_that_stay_in_float_are_named(tiny: ModuleType) -> None:
    verdict = label(read_graph(tiny.conv_model(), "m"))
    differences = hold(find_expectation("int8"), verdict).differences
    assert "these operators compute in float: CONV_2D (operator 0)" in differences
    assert "1 of 1 weights are no integers" in differences


def test_int4_needs_an_int4_weight(tiny: ModuleType) -> None:
    verdict = label(read_graph(tiny.int8_conv_model("float"), "m"))
    assert "no weight is int4" in hold(find_expectation("int4"), verdict).differences


def test_an_unknown_expectation_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown expectation") as caught:
        find_expectation("int9")
    assert caught.value.remedy == "did you mean 'int8'?"


@pytest.mark.shared
def test_the_float32_keyword_model_is_dynamic_range(shared: Path) -> None:
    path = shared / "models" / "kws_ref_model_float32.tflite"
    verdict = label(read_graph(path.read_bytes(), str(path)))
    named = name_says(path.stem)
    assert named is not None
    assert hold(named, verdict).differences == (
        "it is dynamic range, 5 of 10 weights int8",
    )
