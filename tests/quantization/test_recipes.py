"""Recipes by name."""

from __future__ import annotations

import sys

import pytest

from hil.deadline import Deadline
from hil.errors import ConfigError
from hil.quantization.recipes import RECIPES, Scheme, find_recipe
from hil.tools import run


def test_every_recipe_is_found_by_its_name() -> None:
    for name, recipe in RECIPES.items():
        assert find_recipe(name) is recipe
        assert recipe.name == name


@pytest.mark.parametrize(
    ("name", "needs_calibration"),
    [
        ("dynamic", False),
        ("float16", False),
        ("int8", True),
        ("int8-float-io", True),
        ("int16x8", True),
        ("weight-only-int8", False),
        ("int4", False),
    ],
)
def test_only_recipes_with_static_ranges_need_calibration(
    name: str, *, needs_calibration: bool
) -> None:
    assert find_recipe(name).needs_calibration is needs_calibration
    assert (find_recipe(name).scheme is Scheme.STATIC) is needs_calibration


def test_an_unknown_recipe_names_all_and_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown recipe") as caught:
        find_recipe("int-8")
    assert caught.value.found == "'int-8'"
    assert caught.value.allowed == ", ".join(RECIPES)
    assert caught.value.remedy == "did you mean 'int8'?"


def test_a_name_that_is_like_none_has_no_remedy() -> None:
    with pytest.raises(ConfigError, match="unknown recipe") as caught:
        find_recipe("zzzzzz")
    assert caught.value.remedy is None


def test_an_operator_may_ask_for_other_weights_than_the_rest() -> None:
    int4 = find_recipe("int4")
    assert int4.weights_of("CONV_2D") == "int4"
    assert int4.weights_of("DEPTHWISE_CONV_2D") == "int8"


def test_naming_recipes_loads_neither_the_quantizer_nor_numpy() -> None:
    program = (
        "import sys, hil.quantization.recipes\n"
        "print([m for m in ('ai_edge_quantizer', 'numpy') if m in sys.modules])"
    )
    found = run([sys.executable, "-c", program], deadline=Deadline(60))
    assert found.stdout.strip() == b"[]"
