"""`hil quantize` from the command line: calibrators, layers, preprocessing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hil.cli.main import main

DIGITS = ["example:digits.tflite", "--calibration", "example:digits_calibration.npz"]


@pytest.fixture
def quantize(capsys, tmp_path):
    def run(*words):
        status = main(["quantize", *words, "--out", str(tmp_path), "--json"])
        shown = capsys.readouterr()
        return status, json.loads(shown.out) if shown.out else None, shown.err

    return run


def test_a_calibrator_changes_the_file(quantize):
    files = {
        quantize(*DIGITS, "--calibrator", name)[1]["files"][0]["sha256"]
        for name in ("minmax", "percentile-99.9", "mse", "moving-average")
    }
    assert len(files) == 4


def test_layers_may_stay_float_or_get_int16(quantize):
    status, document, _ = quantize(
        *DIGITS, "--keep-float", "logits_1", "--int16", "wide"
    )
    assert status == 0
    (made,) = document["files"]
    assert made["recipe"] == "int8-mixed"
    assert made["path"].endswith("digits_int8-mixed.tflite")
    assert made["label"].startswith("mixed: 1 float island")


def test_a_layer_that_does_not_exist_is_an_error(quantize):
    status, document, err = quantize(*DIGITS, "--keep-float", "logit_9")
    assert (status, document) == (2, None)
    assert "no layer is called 'logit_9'" in err


def test_calibration_data_may_have_numbers_in_place_of_labels(
    quantize, digits, tmp_path
):
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        np.savez(tmp_path / "c.npz", x=data["x"], y=np.linspace(0, 1, len(data["x"])))
    path = str(tmp_path / "c.npz")
    words = ("--calibration", path, "--dataset", path)
    _, document, _ = quantize("example:digits.tflite", *words)
    assert document["files"][0]["sha256"] == quantize(*DIGITS)[1]["files"][0]["sha256"]


def test_wrong_preprocessing_is_refused_before_quantizing(quantize, digits, tmp_path):
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        np.savez(tmp_path / "c.npz", x=data["x"] / 255)
    status, document, err = quantize(
        "example:digits.tflite",
        *("--calibration", str(tmp_path / "c.npz")),
        *("--dataset", "example:digits_test.npz"),
    )
    assert (status, document) == (2, None)
    assert "they were divided by 255" in err
    assert not list(tmp_path.glob("*.tflite"))


def test_bench_refuses_it_too(digits, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        np.savez(tmp_path / "c.npz", x=data["x"] * 255)
    words = ["--calibration", "c.npz", "--dataset", "example:digits_test.npz"]
    assert main(["bench", "example:digits.tflite", *words, "--variants", "int8"]) == 2
    assert "they were multiplied by 255" in capsys.readouterr().err
