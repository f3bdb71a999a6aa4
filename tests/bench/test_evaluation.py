"""Models on one dataset on this host: scored, named, refused."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from hil.accuracy.rating import rate
from hil.bench.evaluation import answers, evaluate
from hil.bench.judge import make_engine
from hil.engines.litert import Kernels, LitertEngine
from hil.errors import ConfigError


def litert():
    return LitertEngine(Kernels.DEFAULT)


@pytest.fixture
def model(digits):
    return digits / "digits.tflite"


def test_litert_answers_each_sample_as_if_it_were_alone(digits, model):
    with np.load(digits / "digits_test.npz") as data:
        x = data["x"][:20]
    data, engine = model.read_bytes(), litert()
    engine.load(data)
    alone = np.stack([engine.invoke([row[None]])[0][0] for row in x])
    assert np.array_equal(answers(litert(), data, x), alone)


@pytest.mark.parametrize("name", ["litert", "litert-builtin", "litert-ref", "tflm"])
def test_every_host_engine_finds_the_digits(digits, model, name):
    (found,) = evaluate(
        [model],
        digits / "digits_test.npz",
        metric="top1",
        make=lambda: make_engine(name),
        samples=100,
    )
    assert (found.name, found.stored.engine) == ("digits", name)
    assert rate(found.stored.scores).correct >= 97


def test_two_files_of_one_name_are_told_apart_by_their_paths(digits, model, tmp_path):
    other = tmp_path / "digits.tflite"
    shutil.copy(model, other)
    found = evaluate(
        [model, other],
        digits / "digits_test.npz",
        metric="top2",
        make=litert,
        samples=20,
    )
    assert [one.name for one in found] == [str(model), str(other)]


def test_a_regression_is_held_to_the_numbers_of_the_dataset(shared, tmp_path):
    x = np.linspace(0, 6, 50, dtype=np.float32).reshape(50, 1)
    np.savez(tmp_path / "sine.npz", x=x, y=np.sin(x))
    names = ("hello_world_float", "hello_world_int8")
    found = evaluate(
        [shared / f"models/{name}.tflite" for name in names],
        tmp_path / "sine.npz",
        metric="mse",
        make=litert,
    )
    for one in found:
        assert one.stored.scores.target == "y of sine.npz"
        assert 0 < rate(one.stored.scores).value < 0.02


def test_without_numbers_the_first_models_answers_are_the_target(digits, model):
    found = evaluate(
        [model], digits / "digits_test.npz", metric="cosine", make=litert, samples=9
    )
    scores = found[0].stored.scores
    assert scores.target == "the answers of digits"
    assert scores.values == pytest.approx(np.ones(9))


def test_a_metric_that_needs_labels_says_so(model, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 8, 8, 1), np.float32))
    with pytest.raises(ConfigError, match="auc needs labels") as caught:
        evaluate([model], tmp_path / "x.npz", metric="auc", make=litert)
    assert "an .npz with y" in caught.value.remedy
    with pytest.raises(ConfigError, match="metric none compares nothing"):
        evaluate([model], tmp_path / "x.npz", metric="none", make=litert)


def test_floats_are_no_labels_for_a_classifier(model, tmp_path):
    x = np.zeros((3, 8, 8, 1), np.float32)
    np.savez(tmp_path / "x.npz", x=x, y=np.zeros(3, np.float32))
    with pytest.raises(ConfigError, match="the labels are no integers"):
        evaluate([model], tmp_path / "x.npz", metric="top1", make=litert)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_targets_that_are_not_finite_are_refused(model, tmp_path, bad):
    x = np.zeros((2, 8, 8, 1), np.float32)
    np.savez(tmp_path / "x.npz", x=x, y=np.array([0.5, bad], np.float32))
    with pytest.raises(ConfigError, match="the targets hold NaN or infinity"):
        evaluate([model], tmp_path / "x.npz", metric="mse", make=litert)


def test_targets_of_another_size_are_refused(model, tmp_path):
    x = np.zeros((2, 8, 8, 1), np.float32)
    np.savez(tmp_path / "x.npz", x=x, y=np.zeros((2, 3), np.float32))
    with pytest.raises(ConfigError, match="do not have the same shape"):
        evaluate([model], tmp_path / "x.npz", metric="mse", make=litert)
    np.savez(tmp_path / "x.npz", x=x, y=np.zeros((3, 10), np.float32))
    with pytest.raises(ConfigError, match="no numbers for each sample"):
        evaluate([model], tmp_path / "x.npz", metric="mse", make=litert)
