"""Layers with a precision of their own: made as asked, and nothing else accepted."""

from __future__ import annotations

import re

import pytest

from hil.engines.litert import LitertEngine
from hil.engines.tflm import TflmEngine
from hil.errors import ConfigError, WrongQuantization
from hil.models.graph import read_graph
from hil.quantization.check import check_result
from hil.quantization.quantize import quantize
from hil.quantization.recipes import RECIPES, LayerRule

WIDE = "digits_1/wide_1/Relu"


def rule(pattern, activations="float32"):
    return LayerRule(pattern=pattern, activations=activations)


@pytest.fixture(scope="module")
def make(digits_model, digits_calibration):
    def run(name, *rules):
        recipe = RECIPES[name].with_rules(rules)
        return quantize(digits_model, recipe, digits_calibration, where="digits")

    return run


def types(data):
    main = read_graph(data, "m").subgraphs[0]
    return {
        main.tensors[o.outputs[0]].name.split(";")[0]: main.tensors[o.outputs[0]].type
        for o in main.operators
        if o.name not in {"QUANTIZE", "DEQUANTIZE"}
    }


@pytest.mark.parametrize("activations", ["float32", "int16"])
@pytest.mark.parametrize(
    "pattern", ["stem_1/Relu", WIDE, "residual_add_1", "logits_1", "StatefulPart"]
)
def test_one_layer_is_as_asked_and_all_others_int8(make, pattern, activations):
    result = make("int8", rule(pattern, activations))
    found = types(result.data)
    other = {name: t for name, t in found.items() if t != "int8"}
    assert [*other.values()] == [activations]
    assert re.search(pattern, next(iter(other)))
    assert result.label.startswith("mixed")
    main = read_graph(result.data, "m").subgraphs[0]
    ends = (*main.inputs, *main.outputs)
    assert {main.tensors[index].type for index in ends} == {"int8"}
    LitertEngine().load(result.data)


@pytest.mark.parametrize("activations", ["float32", "int16"])
def test_tflite_micro_takes_a_mixed_model(make, activations):
    TflmEngine().load(make("int8", rule(WIDE, activations)).data)


def test_a_later_rule_wins(make):
    found = types(make("int8", rule("Relu"), rule(WIDE, "int16")).data)
    assert found[WIDE] == "int16"
    assert found["digits_1/stem_1/Relu"] == "float32"


def test_int8_layers_in_a_16x8_model(make):
    found = types(make("int16x8", rule(WIDE, "int8")).data)
    assert found.pop(WIDE) == "int8"
    assert set(found.values()) == {"int16"}


def test_weights_of_a_layer_stay_float_in_a_dynamic_model(make):
    result = make("dynamic", rule("logits_1"))
    assert result.label == "dynamic range, 5 of 6 weights int8"
    assert result.recipe.name == "dynamic-mixed"


def test_a_pattern_that_meets_no_layer_is_an_error(make):
    with pytest.raises(WrongQuantization) as caught:
        make("int8", rule("no_such_layer"))
    assert "no layer is called 'no_such_layer'" in caught.value.found


def test_a_mixed_file_passes_as_nothing_else(make):
    graph = read_graph(make("int8", rule(WIDE, "int16")).data, "m")
    asked = RECIPES["int8"].with_rules([rule(WIDE, "int16")])
    assert check_result(graph, asked, where="m").text.startswith("mixed")
    others = [
        RECIPES["int8"],
        RECIPES["int16x8"],
        RECIPES["int8"].with_rules([rule(WIDE)]),
        RECIPES["int8"].with_rules([rule("stem_1", "int16")]),
        RECIPES["int8"].with_rules([rule(WIDE, "int16"), rule("stem_1", "int16")]),
    ]
    for other in others:
        with pytest.raises(WrongQuantization):
            check_result(graph, other, where="m")


def test_a_plain_int8_file_is_not_what_a_rule_asks(digits_model, digits_calibration):
    plain = quantize(digits_model, RECIPES["int8"], digits_calibration, where="d").data
    asked = RECIPES["int8"].with_rules([rule(WIDE, "int16")])
    with pytest.raises(WrongQuantization) as caught:
        check_result(read_graph(plain, "m"), asked, where="m")
    assert f"CONV_2D {WIDE} is int8, not int16" in caught.value.found


@pytest.mark.parametrize("name", ["dynamic", "float16", "weight-only-int8", "int4"])
def test_int16_layers_need_integers_around_them(name):
    with pytest.raises(ConfigError, match="cannot have layers with other activations"):
        RECIPES[name].with_rules([rule(WIDE, "int16")])


def test_a_pattern_must_be_a_regular_expression():
    with pytest.raises(ConfigError, match="no regular expression") as caught:
        RECIPES["int8"].with_rules([rule("wide_1(")])
    assert "re.escape" in caught.value.remedy
