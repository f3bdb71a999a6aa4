"""The trainings of `hil qat`, on a small network of the digits data.

TensorFlow takes ten seconds to load, so one process makes the models and is the worker
of every order; for the command, a child that loads nothing hands out such an answer.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from hil import tools
from hil.cli.main import main
from hil.deadline import Deadline
from hil.quantization.qat.failure import error_from_json
from hil.quantization.qat.qat import fine_tune, require_int8

NEEDED = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "optuna")
pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in NEEDED),
        reason="the extra qat is not installed",
    ),
]
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_USE_LEGACY_KERAS": "1",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """Data, models, and what the worker answered to the orders of make_models.py."""
    path = tmp_path_factory.mktemp("qat")
    with np.load(digits / "digits_test.npz") as data:
        x, y = data["x"], data["y"]
    np.savez(path / "train.npz", x=x[:300], y=y[:300])
    np.savez(path / "test.npz", x=x[300:], y=y[300:])
    np.savez(path / "huge.npz", x=np.full_like(x[:32], 3e38), y=y[:32])
    np.savez(path / "unlabelled.npz", x=x[:32])
    script = str(Path(__file__).with_name("make_models.py"))
    argv = [sys.executable, script, str(path)]
    tools.run(argv, deadline=Deadline(300), env=ENVIRONMENT)
    return path


@pytest.fixture
def told(folder):
    def read(name):
        answered = folder / "answers" / name
        return json.loads((answered / "told.json").read_text()), answered

    return read


def test_a_node_has_a_range_and_bits_of_its_own(told):
    first, answered = told("tpe")
    trials = first["tuning"]["trials"]
    assert len(trials) == 2
    require_int8((answered / "qat.tflite").read_bytes(), where="tpe")
    for trial in trials:
        bits = {name: v for name, v in trial["params"].items() if "bits" in name}
        shares = [v for name, v in trial["params"].items() if "share" in name]
        assert len(bits) == len(shares) == first["tuning"]["sites"] > 3
        assert all(2 <= value <= 16 for value in bits.values())
        assert all(0.5 <= value <= 1 for value in shares)
        assert trial["simulated"] == (set(bits.values()) != {8})


def test_a_grid_ends_with_every_value_tried_once(told):
    first, answered = told("grid")
    tuning = first["tuning"]
    shares = [trial["params"]["share"] for trial in tuning["trials"]]
    assert sorted(shares) == [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0]
    assert not any(trial["simulated"] for trial in tuning["trials"])
    best = min(trial["loss"] for trial in tuning["trials"])
    assert (tuning["best"] is not None) == (best < tuning["before"]["loss"])
    assert (answered / "tuned.tflite").exists() == (tuning["best"] is not None)


def test_a_second_call_takes_up_weights_and_trials_and_makes_none_twice(folder, told):
    first, _ = told("grid")
    again, _ = told("grid-resumed")
    assert again["tuning"] == {**first["tuning"], "resumed": 7}
    assert again["losses"] == first["losses"]
    log = (folder / "answers" / "grid-resumed.log").read_text()
    assert "the weights of the earlier training are taken" in log


def test_ranges_are_trained_by_gradient(told):
    first, answered = told("gradient")
    tuning = first["tuning"]
    assert tuning["sites"] == len(tuning["ranges"]) > 2
    assert all(low <= 0 < high for low, high in tuning["ranges"].values())
    assert (answered / "tuned.tflite").exists() == (
        tuning["after"]["loss"] < tuning["before"]["loss"]
    )
    held_out = first["held_out"]
    assert (held_out, first["samples"]) == (30, 270)
    assert " - loss: " in (answered.parent / "gradient.log").read_text()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("diverged", "the training diverged"),
        ("diverged", "tensors of weights and ranges that are not finite"),
        ("diverged", "--learning-rate below 0.01"),
        ("unlabelled", "training needs labels"),
        ("labels", "a label is no class of the model\n"),
        ("labels", "found:   label 9\n  allowed: 0 to 3"),
    ],
)
def test_what_cannot_be_trained_is_told(folder, name, says):
    error = json.loads((folder / "answers" / name / "error.json").read_text())
    assert says in str(error_from_json(error))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("keras3.keras", "cannot fine-tune a model of Keras 3"),
        ("keras3.keras", "`to_quantize` can only either be a keras Sequential"),
        ("keras3.keras", "new.set_weights(old.get_weights())"),
        ("keras3.h5", "cannot fine-tune a model of Keras 3"),
        ("unknown_layers.h5", "not in the 8-bit registry"),
        ("unknown_layers.h5", "2 of 4 layers: stripes (Conv1D), memory (LSTM)"),
        ("two_outputs.keras", "only classifiers of one input can be fine-tuned here"),
        ("sigmoid.keras", "neither logits nor probabilities of one class each"),
        ("sigmoid.keras", "several ends in sigmoid"),
        ("only.weights.h5", "the file is no Keras model"),
        ("text.h5", "the file is no Keras model"),
        ("exported", "the folder is no SavedModel of tf_keras"),
    ],
)
def test_what_cannot_be_fine_tuned_is_refused_before_any_training(folder, name, says):
    refused = json.loads((folder / "told.json").read_text())
    assert says in refused[name]
    assert "net.h5" not in refused


@pytest.fixture
def replay(folder, tmp_path, monkeypatch):
    """Let the child of the command hand out an answer that the worker gave before."""
    python = tmp_path / "python"
    answered = folder / "answers" / "grid-resumed"
    python.write_text(f'#!/bin/sh\ncp {answered}/*.tflite {answered}/told.json "$4"\n')
    python.chmod(0o755)
    monkeypatch.setitem(fine_tune.__kwdefaults__, "python", str(python))


@pytest.mark.usefixtures("replay")
def test_the_command_holds_qat_beside_ptq_and_float(folder, capsys):
    out = folder / "out"
    words = f"{folder}/net.h5 --train {folder}/train.npz --test {folder}/test.npz"
    status = main(["qat", *words.split(), "-o", str(out), "--json"])
    shown = capsys.readouterr()
    assert "tensorflow" not in sys.modules
    assert (status, shown.err) == (0, "")
    document = json.loads(shown.out)
    rows = {row["variant"]: row for row in document["results"]}
    labels = {name: row["label"] for name, row in rows.items()}
    labels.pop("qat-tuned", None)
    assert labels == {
        "float": "float32",
        "ptq-int8": "full int8, int8 boundary",
        "qat": "full int8, int8 boundary",
    }
    assert all(row["accuracy"]["n"] == 200 for row in rows.values())
    assert rows["qat"]["versus_ptq"]["baseline"] == "ptq-int8"
    assert {"lost", "gained", "p_value", "verdict"} <= set(rows["qat"]["versus_ptq"])
    assert all(
        Path(row["path"]).stat().st_size == row["size_bytes"] for row in rows.values()
    )
    assert len(document["training"]["losses"]) == 1
