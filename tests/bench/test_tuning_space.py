"""What a search may change, what it is called, and what is tried next."""

from __future__ import annotations

import pytest

from hil.bench.tuning.space import (
    PLAIN,
    Axis,
    candidate,
    default_space,
    propose,
    read_candidate,
    written,
)
from hil.errors import ConfigError

SPACE = {
    Axis.DIET: ("slim",),
    Axis.GRANULARITY: ("per-tensor",),
    Axis.RECIPE: ("int16x8", "as-is"),
    Axis.LAYERS: ("worst1-int16",),
}
SLIM = candidate({Axis.DIET: "slim"})
ONE_SCALE = candidate({Axis.GRANULARITY: "per-tensor"})
WIDE = candidate({Axis.RECIPE: "int16x8"})
FLOAT = candidate({Axis.RECIPE: "as-is"})
LIFTED = candidate({Axis.LAYERS: "worst1-int16"})


def test_a_candidate_is_called_by_its_recipe_and_its_changes_in_one_order():
    both = candidate({Axis.GRANULARITY: "per-tensor", Axis.DIET: "slim"})
    assert both == candidate({Axis.DIET: "slim", Axis.GRANULARITY: "per-tensor"})
    assert both.name == "int8+slim+per-tensor"
    assert PLAIN.name == "int8"
    wide = candidate({Axis.RECIPE: "int16x8", Axis.CALIBRATOR: "mse"})
    assert wide.name == "int16x8+mse"


def test_a_candidate_comes_back_from_a_file_as_it_was():
    made = candidate({Axis.RECIPE: "int16x8", Axis.BIASES: "bias"})
    assert written(made) == {"recipe": "int16x8", "biases": "bias"}
    assert read_candidate(written(made), where="tune.jsonl:1") == made


def test_an_unknown_axis_is_refused():
    with pytest.raises(ConfigError, match="'colour' is not a valid Axis") as caught:
        read_candidate({"colour": "red"}, where="tune.jsonl:1")
    assert caught.value.where == "tune.jsonl:1"


def test_the_kernels_of_a_candidate_are_told_by_its_recipe_and_its_layers():
    assert ONE_SCALE.arithmetic == PLAIN.arithmetic == "int8"
    assert WIDE.arithmetic == "int16x8"
    assert LIFTED.arithmetic == "mixed int16"


@pytest.mark.parametrize(
    ("changes", "sound"),
    [
        ({Axis.RECIPE: "as-is", Axis.DIET: "slim"}, True),
        ({Axis.RECIPE: "as-is", Axis.CALIBRATOR: "mse"}, False),
        ({Axis.RECIPE: "dynamic", Axis.BIASES: "bias"}, False),
        ({Axis.RECIPE: "int16x8", Axis.LAYERS: "worst1-int16"}, False),
        ({Axis.RECIPE: "int16x8", Axis.CALIBRATOR: "mse"}, True),
        ({Axis.RECIPE: "int8-float-io", Axis.LAYERS: "worst1-float32"}, True),
    ],
)
def test_changes_that_mean_nothing_together_are_not_sound(changes, sound):
    assert candidate(changes).is_sound is sound


def test_plain_int8_comes_first_and_then_every_change_alone():
    found = propose(SPACE, [], [], count=9)
    assert found == [PLAIN, SLIM, ONE_SCALE, WIDE, FLOAT, LIFTED]


def test_no_more_are_proposed_than_asked_for_and_none_twice():
    first = propose(SPACE, [], [], count=2)
    assert propose(SPACE, [], first, count=2) == [ONE_SCALE, WIDE]


def test_changes_of_the_best_are_put_together_first():
    tried = propose(SPACE, [], [], count=9)
    ranked = [ONE_SCALE, SLIM, WIDE, PLAIN]
    names = [found.name for found in propose(SPACE, ranked, tried, count=9)]
    assert names == ["int8+slim+per-tensor", "int16x8+per-tensor", "int16x8+slim"]


def test_the_better_ones_choice_stands_where_both_change_one_thing():
    mse = candidate({Axis.CALIBRATOR: "mse", Axis.DIET: "slim"})
    percentile = candidate({Axis.CALIBRATOR: "percentile-99.9", Axis.BIASES: "bias"})
    (found,) = propose({}, [mse, percentile], [PLAIN], count=9)
    assert found.name == "int8+slim+mse+bias"


def test_weights_without_integer_activations_are_searched_for_phones_only():
    assert "dynamic" in default_space(phones=True)[Axis.RECIPE]
    assert "dynamic" not in default_space(phones=False)[Axis.RECIPE]
