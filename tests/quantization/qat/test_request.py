"""What a fine-tuning may be asked for."""

from __future__ import annotations

import dataclasses
import json

import pytest

from hil.errors import ConfigError
from hil.quantization.qat.request import (
    QatRequest,
    Sampler,
    Tuned,
    check_request,
    from_json,
    parse_sampler,
    parse_tune,
    to_json,
)


@pytest.fixture
def request_of(tmp_path):
    source = tmp_path / "m.h5"
    source.touch()
    return QatRequest(source=source, train=tmp_path / "t.npz", folder=tmp_path / "out")


def test_a_request_survives_the_way_to_the_child(request_of):
    tuned = dataclasses.replace(
        request_of, tune=(Tuned.RANGES,), sampler=Sampler.GRID, pixels="0..1", seed=7
    )
    assert from_json(json.loads(json.dumps(to_json(tuned)))) == tuned


def test_words_name_what_is_tuned():
    assert parse_tune(None) == ()
    assert parse_tune("bits, ranges") == (Tuned.RANGES, Tuned.BITS)
    assert parse_sampler("grid") is Sampler.GRID


def test_a_mistyped_word_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'ranges'"):
        parse_tune("range")
    with pytest.raises(ConfigError, match="did you mean 'tpe'"):
        parse_sampler("tpo")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"epochs": 0}, "--epochs 0"),
        ({"batch": 0}, "--batch 0"),
        ({"trials": 0}, "--trials 0"),
        ({"learning_rate": 1.0}, "--learning-rate 1"),
        ({"sampler": Sampler.GRADIENT}, "gradients tune ranges alone"),
        (
            {"sampler": Sampler.GRADIENT, "tune": (Tuned.RANGES, Tuned.BITS)},
            "found:   ranges, bits",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_a_child_starts(request_of, change, says):
    with pytest.raises(ConfigError) as caught:
        check_request(dataclasses.replace(request_of, **change))
    assert says in str(caught.value)


def test_a_model_that_is_not_there_is_refused(request_of, tmp_path):
    gone = dataclasses.replace(request_of, source=tmp_path / "gone.h5")
    with pytest.raises(ConfigError, match="there is no such model"):
        check_request(gone)
