"""What this host says of a candidate before any device sees it."""

from __future__ import annotations

import dataclasses

import pytest

from hil.accuracy.datasets import load_dataset
from hil.accuracy.gate import Gate, Outcome
from hil.bench.baseline import measure_baseline
from hil.bench.plan import PlannedModel
from hil.bench.tuning.builder import Builder
from hil.bench.tuning.screens import Screens
from hil.bench.tuning.space import PLAIN, Axis, candidate
from hil.bench.variants import make_variant
from hil.errors import ModelError
from hil.profiles import find_profile
from hil.quantization.calibration import CalibrationData
from hil.results.run_folder import RunFolder
from hil.vocab import RunStatus

DYNAMIC = candidate({Axis.RECIPE: "dynamic"})


@pytest.fixture
def screens(digits, tmp_path):
    def make(*devices, most_drop=0.01, metric="top1", flipped=False):
        folder = RunFolder.create(tmp_path, "tune")
        model = (digits / "digits.tflite").read_bytes()
        x = load_dataset(digits / "digits_calibration.npz").x[:40]
        dataset = load_dataset(digits / "digits_test.npz")
        dataset = dataclasses.replace(dataset, x=dataset.x[:150], y=dataset.y[:150])
        planned = PlannedModel(
            path=digits / "digits.tflite",
            variants=("int8",),
            dataset=digits / "digits_test.npz",
            calibration=digits / "digits_calibration.npz",
            metric=metric,
        )
        variant = make_variant(
            planned, "as-is", model, folder=folder, dataset=dataset, calibration=None
        )
        baseline = measure_baseline([variant]).scores.scores
        if flipped:
            # To a model that is always wrong, with labels that are turned round.
            dataset = dataclasses.replace(dataset, y=(dataset.y + 1) % 10)
            baseline = dataclasses.replace(baseline, labels=dataset.y)
        return Screens(
            planned=planned,
            dataset=dataset,
            builder=Builder(
                model, CalibrationData(name="calibration", x=x), where="digits"
            ),
            folder=folder,
            devices=[find_profile(name) for name in devices],
            baseline=baseline,
            gate=Gate(most_drop=most_drop),
        )

    return make


def test_a_candidate_has_a_size_an_arena_and_a_loss(screens):
    found = screens("emulated-mcu")(PLAIN, samples=100)
    assert (found.status, found.n) == (RunStatus.OK, 100)
    assert found.size_bytes > 20_000
    assert found.arena_bytes > 1000
    assert 0 <= found.loss < 0.1


def test_what_no_device_can_run_is_a_trial_that_failed(screens):
    found = screens("emulated-mcu")(DYNAMIC, samples=50)
    assert found.status is RunStatus.UNSUPPORTED_OP
    assert "Hybrid models are not supported" in found.problem
    assert found.size_bytes is not None
    assert found.loss is None


def test_what_one_of_two_devices_can_run_is_tried_on(screens):
    found = screens("emulated-mcu", "emulated-phone")(DYNAMIC, samples=50)
    assert found.status is RunStatus.OK
    assert found.n == 50


def test_what_cannot_be_built_is_a_trial_that_failed(screens):
    tried = screens("emulated-mcu")
    impossible = candidate({Axis.LAYERS: "worst99-int16"})
    with pytest.raises(ModelError):
        tried.variant(impossible)
    found = tried(impossible, samples=50)
    assert found.status is RunStatus.BROKEN_SETUP
    assert "layers of weights" in found.problem


def test_a_broken_gate_ends_the_trial_before_all_samples_were_looked_at(screens):
    found = screens("emulated-mcu", flipped=True)(PLAIN, samples=150)
    assert found.outcome is Outcome.FAILED
    assert found.n == 50
    assert found.loss > 0.9


def test_a_metric_without_right_and_wrong_is_tested_after_all_samples(screens):
    tried = screens("emulated-mcu", metric="macro-f1", most_drop=0.5)
    found = tried(PLAIN, samples=100)
    assert (found.n, found.outcome) == (100, Outcome.PASSED)
