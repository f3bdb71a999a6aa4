"""`hil calibrate` from the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hil.accuracy.datasets import load_dataset
from hil.cli.main import main

MODEL = "example:digits.tflite"
DATASET = ["--dataset", "example:digits_test.npz"]


@pytest.fixture
def run(capsys):
    def go(calibration, *words):
        status = main(["calibrate", MODEL, "--calibration", str(calibration), *words])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return go


@pytest.fixture
def samples(digits):
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        return data["x"].copy()


@pytest.fixture
def saved(tmp_path):
    def save(x, **more):
        path = tmp_path / "c.npz"
        np.savez(path, x=x, **more)
        return path

    return save


def test_a_sound_set_says_so_and_exits_0(run):
    status, shown, _ = run("example:digits_calibration.npz", *DATASET)
    assert status == 0
    assert shown.startswith("nothing to drop")
    assert "enough samples: 50 of the 200 kept" in shown
    assert "preprocessing: as in digits_test" in shown


def test_an_outlier_is_the_first_line_and_exits_1(run, samples, saved):
    samples[37] *= 10
    status, shown, _ = run(saved(samples))
    assert status == 1
    first = shown.splitlines()[0]
    assert first.startswith("drop sample 37: it alone sets 11 of 12 ranges, up to ")
    assert first.endswith(" times wider")
    assert "--write OUT.npz writes the proposed set" in shown
    assert "not checked; --dataset names data" in shown


def test_the_proposed_set_is_written_and_is_a_dataset(run, samples, saved, tmp_path):
    samples[37] *= 10
    labels = np.arange(200) % 10
    path = saved(samples, y=labels, preprocessing="pixels / 16")
    out = tmp_path / "better.npz"
    status, shown, _ = run(path, "--write", str(out))
    assert status == 0
    assert f"written: {out}" in shown
    written = load_dataset(out)
    assert len(written.x) == 199
    assert (written.y == np.delete(labels, 37)).all()
    assert written.preprocessing == "pixels / 16"
    with np.load(out, allow_pickle=False) as data:
        assert data["dropped"].tolist() == [37]
        assert not data["synthetic"].any()
        assert data["source"].tolist() == [i for i in range(200) if i != 37]
    assert run(out)[0] == 0


def test_json_is_one_document_with_the_whole_x_ray(run, samples, saved):
    samples[37] *= 10
    status, shown, _ = run(saved(samples), "--json", "--calibrator", "percentile-99.9")
    document = json.loads(shown)
    assert status == 1
    assert document["dropped"] == [37]
    assert document["calibrator"] == "percentile-99.9"
    assert len(document["tensors"]) == 12
    logits = next(t for t in document["tensors"] if "logits" in t["name"])
    assert logits["high_sample"] == 37
    assert logits["calibrated"][1] < logits["without"][1]
    assert document["influences"][0]["outlier"] is True


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda x: x / 255, "they were divided by 255"),
        (lambda x: x * 255, "they were multiplied by 255"),
        (lambda x: x * 2 - 1, "they are -1..1 where 0..1 belongs"),
    ],
)
def test_other_preprocessing_is_refused_with_its_factor(
    run, samples, saved, change, found
):
    status, shown, err = run(saved(change(samples)), *DATASET)
    assert (status, shown) == (2, "")
    assert "do not have the preprocessing of the dataset" in err
    assert found in err


def test_pixels_are_held_against_their_kind(run, samples, saved):
    path = saved(samples)
    assert run(path, "--pixels", "0..1")[0] == 0
    status, _, err = run(path, "--pixels", "0..255")
    assert status == 2
    assert "they were divided by 255" in err


def test_thin_classes_are_told_and_filled_on_request(run, samples, saved, tmp_path):
    y = np.minimum(np.arange(200) // 22, 9)
    path = saved(samples, y=y)
    _, shown, _ = run(path)
    assert "thin classes: 9 (2); the median class has 22 samples" in shown
    out = tmp_path / "filled.npz"
    status, shown, _ = run(path, "--fill", "--write", str(out))
    assert status == 0
    assert "filled by augmentation: 20 synthetic samples for class 9 (2)" in shown
    with np.load(out, allow_pickle=False) as data:
        assert data["synthetic"].sum() == 20
        assert set(data["source"][data["synthetic"]]) == {198, 199}
        assert set(data["y"][data["synthetic"]]) == {9}


def test_numbers_in_place_of_labels_are_written_too(run, samples, saved, tmp_path):
    answers = np.linspace(0, 1, 200, dtype=np.float32)
    out = tmp_path / "better.npz"
    assert run(saved(samples, y=answers), "--write", str(out))[0] == 0
    with np.load(out, allow_pickle=False) as data:
        assert (data["y"].ravel() == answers).all()


def test_filling_needs_labels(run, samples, saved):
    status, _, err = run(saved(samples), "--fill")
    assert status == 2
    assert "classes cannot be filled without labels" in err


def test_two_kinds_of_data_are_no_outliers(run, samples, saved):
    samples[:6] *= 40
    status, _, err = run(saved(samples[:25]))
    assert status == 2
    assert "the calibration data are of two kinds" in err


def test_silent_samples_and_copies_are_told(run, samples, saved):
    samples[3] = 0
    samples[9] = samples[8]
    _, shown, _ = run(saved(samples))
    assert "look at sample 3: every value of it is the same" in shown
    assert "1 samples are copies of others, such as 9 of 8" in shown


def test_channels_first_are_named(saved, capsys, shared):
    model = str(shared / "models" / "pretrainedResnet.tflite")
    x = np.random.default_rng(0).random((4, 3, 32, 32), np.float32)
    assert main(["calibrate", model, "--calibration", str(saved(x))]) == 2
    shown = capsys.readouterr().err
    assert "channels first (NCHW)" in shown
    assert "numpy.transpose(x, (0, 2, 3, 1))" in shown


def test_a_misspelt_calibrator_gets_the_nearest(run):
    status, _, err = run("example:digits_calibration.npz", "--calibrator", "msee")
    assert status == 2
    assert "did you mean 'mse'?" in err
