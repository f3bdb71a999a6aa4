"""A search's plan: what it refuses, and that it can be read from its run folder."""

from __future__ import annotations

import pytest

from hil.accuracy.gate import Gate
from hil.bench.tuning.settings import (
    Objective,
    objectives_of,
    read_settings,
    settings_document,
)
from hil.errors import ConfigError
from hil.profiles import find_profile


@pytest.fixture
def document(digits):
    def make(**changes):
        values = {
            "model": digits / "digits.tflite",
            "dataset": digits / "digits_test.npz",
            "calibration": digits / "digits_calibration.npz",
            "pixels": None,
            "metric": "top1",
            "devices": ["emulated-mcu"],
            "measure": {"windows": 2},
            "gate": Gate(most_drop=0.01),
            "accept_undecidable": False,
            "objectives": [],
            "trials": 8,
            "finalists": 3,
            "seed": 5,
        }
        return settings_document(**(values | changes))

    return make


def test_what_a_command_asked_for_comes_back_from_the_run_folder(document, tmp_path):
    text = document(objectives=["flash", "latency"])
    settings = read_settings(text, where="plan.toml", folder=tmp_path)
    assert settings.objectives == (Objective.FLASH, Objective.LATENCY)
    assert (settings.trials, settings.finalists, settings.seed) == (8, 3, 5)
    assert settings.gate == Gate(most_drop=0.01)
    assert settings.plan.measure.windows == 2
    assert settings.model.path.is_absolute()
    assert not settings.phones


def test_a_device_tells_time_or_instructions_and_a_phone_no_arena():
    mcu, qemu, phone = (
        find_profile(name)
        for name in ("emulated-mcu", "qemu-mps2-an386", "emulated-phone")
    )
    assert [o.value for o in objectives_of(mcu, ())] == ["latency", "flash", "arena"]
    assert objectives_of(qemu, ())[0] is Objective.INSTRUCTIONS
    assert Objective.ARENA not in objectives_of(phone, ())
    both = (Objective.LATENCY, Objective.INSTRUCTIONS)
    assert objectives_of(qemu, both) == (Objective.INSTRUCTIONS,)
    assert objectives_of(mcu, both) == (Objective.LATENCY,)


@pytest.mark.parametrize(
    ("changes", "what", "allowed"),
    [
        ({"objectives": ["speed"]}, "unknown objective", "latency, instructions"),
        (
            {"objectives": ["instructions"]},
            "emulated-mcu tells none of the objectives",
            "latency, flash, arena",
        ),
        ({"metric": "cosine"}, "a search cannot be judged by cosine", "macro-f1"),
        ({"metric": "mse"}, "cannot be decided for digits", "topK, macro-f1"),
        ({"trials": 0}, "tune.trials", "greater than or equal to 1"),
    ],
)
def test_what_a_search_cannot_do_is_refused(document, changes, what, allowed, tmp_path):
    text = document(**changes)
    with pytest.raises(ConfigError) as caught:
        read_settings(text, where="the command line", folder=tmp_path)
    assert what in str(caught.value)
    assert allowed in str(caught.value)


def test_a_plan_whose_gate_was_taken_out_is_refused(document, tmp_path):
    text = document().replace("accuracy_drop_points", "#")
    with pytest.raises(ConfigError, match="a search needs a gate") as caught:
        read_settings(text, where="plan.toml", folder=tmp_path)
    assert caught.value.allowed == "gate.accuracy_drop_points"


def test_a_search_takes_one_model_with_its_data(document, tmp_path):
    text = "\n".join(x for x in document().splitlines() if "calibration" not in x)
    with pytest.raises(ConfigError, match="one model, a dataset and calibration"):
        read_settings(text, where="plan.toml", folder=tmp_path)


def test_a_plan_of_another_verb_is_no_search(tmp_path):
    text = '[[model]]\npath = "m.tflite"\n[[device]]\nprofile = "native"\n'
    with pytest.raises(ConfigError, match="tune"):
        read_settings(text, where="plan.toml", folder=tmp_path)
    with pytest.raises(ConfigError, match="the plan is not TOML"):
        read_settings("[tune", where="plan.toml", folder=tmp_path)
