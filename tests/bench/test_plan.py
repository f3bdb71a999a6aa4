"""Plans: read, checked, and refused with a text that helps."""

from __future__ import annotations

import tomllib

import pytest

from hil.accuracy.gate import Gate
from hil.accuracy.inputs import Pixels
from hil.bench.plan import (
    AccuracyGate,
    Measure,
    parse_plan,
    plan_document,
    read_accuracy_gate,
    read_plan,
    to_toml,
)
from hil.errors import ConfigError
from hil.vocab import RunStatus

PLAN = """
[plan]
name = "digits"

[[model]]
path = "models/digits.tflite"
dataset = "data/test.npz"
variants = ["as-is", "int8"]

[[device]]
profile = "emulated-mcu"
ram_bytes = 65536
link = { baud = 115200 }

[[device]]
profile = "emulated-phone"

[measure]
windows = 3
min_seconds = 1

[gate]
accept = ["unsupported_op"]
accuracy_drop_points = 1
"""


@pytest.fixture
def plan_file(tmp_path):
    def write(text):
        path = tmp_path / "plan.toml"
        path.write_text(text)
        return path

    return write


def test_a_plan_is_read_with_paths_relative_to_it(plan_file, tmp_path):
    plan = read_plan(plan_file(PLAN))
    (model,) = plan.models
    assert model.path == tmp_path / "models/digits.tflite"
    assert model.dataset == tmp_path / "data/test.npz"
    assert model.variants == ("as-is", "int8")
    assert plan.measure == Measure(windows=3, min_seconds=1)
    assert plan.accepted == (RunStatus.OK, RunStatus.UNSUPPORTED_OP)
    assert plan.accuracy == AccuracyGate(baseline="float", most_drop=0.01)
    assert plan.accuracy.limit == Gate(most_drop=0.01, confidence=0.95)


def test_settings_of_a_device_are_laid_over_its_profile(plan_file):
    mcu, phone = read_plan(plan_file(PLAN)).devices
    assert (mcu.ram_bytes, mcu.link.baud) == (65536, 115200)
    assert phone.overrides == ()


def test_examples_that_come_with_hil_are_found_by_name(plan_file, digits):
    text = PLAN.replace("models/digits.tflite", "example:digits.tflite")
    plan = read_plan(plan_file(text))
    assert plan.models[0].path == digits / "digits.tflite"
    wrong = PLAN.replace("models/digits.tflite", "example:digit.tflite")
    with pytest.raises(ConfigError, match=r"no example is called[\s\S]*did you mean"):
        read_plan(plan_file(wrong))


def test_profiles_beside_the_plan_are_found_by_name_or_path(plan_file, tmp_path):
    shipped = read_plan(plan_file(PLAN)).devices[0].source.read_text()
    own = shipped.replace('"emulated-mcu"\n', '"own"\n', 1).replace(
        'kind = "own"', 'kind = "emulated-mcu"'
    )
    (tmp_path / "device_profiles").mkdir()
    (tmp_path / "device_profiles" / "own.toml").write_text(own)
    plan = read_plan(plan_file(PLAN.replace('"emulated-mcu"', '"own"')))
    assert plan.devices[0].name == "own"
    named = PLAN.replace('"emulated-mcu"', '"device_profiles/own.toml"')
    assert read_plan(plan_file(named)).devices[0].name == "own"


@pytest.mark.parametrize(
    ("change", "says", "remedy"),
    [
        (('"int8"', '"int7"'), "unknown recipe", "did you mean 'int8'?"),
        (('"emulated-mcu"', '"emulated-mpu"'), "no device profile is called", "mcu"),
        (("windows", "window"), "unknown key 'measure.window'", "windows"),
        (("[gate]", "[gates]"), "unknown key 'gates'", "gate"),
        (("dataset", "datasat"), "unknown key 'model.0.datasat'", "dataset"),
        (("ram_bytes", "ram_byte"), "unknown key 'ram_byte'", "ram_bytes"),
        (("windows = 3", "windows = 0"), "measure.windows: Input should be", None),
        (("min_seconds = 1", "order = 'mixed'"), "measure.order", None),
        (('"unsupported_op"', '"unsuported_op"'), "gate.accept.0", "unsupported_op"),
        (('"emulated-phone"', '"emulated-mcu"'), "stands in the plan twice", "another"),
        (('path = "models/digits.tflite"\n', ""), "the key 'model.0.path'", None),
        (('["as-is", "int8"]', "[]"), "model.0.variants", None),
        (("[plan]", "[plan"), "the plan is not TOML", None),
        (("_points = 1", "_points = 101"), "gate.accuracy_drop_points", None),
        (("accept =", "confidence = 0.5\naccept ="), "gate.confidence", None),
        (
            ("accept =", 'baseline = "int88"\naccept ='),
            "gate.baseline is no variant of digits",
            "did you mean 'int8'?",
        ),
        (
            ('dataset = "data/test.npz"\n', ""),
            "gate.accuracy_drop_points cannot be decided for digits",
            None,
        ),
        (("variants", 'metric = "mse"\nvariants'), "which has no points", None),
        (("variants", 'metric = "top_1"\nvariants'), "unknown metric", "top1"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(plan_file, change, says, remedy):
    with pytest.raises(ConfigError) as caught:
        read_plan(plan_file(PLAN.replace(*change, 1)))
    assert says in str(caught.value)
    if remedy:
        assert remedy in (caught.value.remedy or "")


def test_two_models_of_one_name_would_share_their_rows(plan_file):
    more = '[[model]]\npath = "other/digits.tflite"\ndataset = "x.npz"\n'
    with pytest.raises(ConfigError, match="two models of the plan have the same name"):
        read_plan(plan_file(PLAN.replace("[measure]", f"{more}[measure]")))


def test_the_gate_of_an_earlier_plan_is_read_without_the_rest_of_it():
    gate = read_accuracy_gate(PLAN.replace("emulated-mcu", "a board of last year"))
    assert gate.most_drop == 0.01
    text = '[gate]\nbaseline = "int8"\nconfidence = 0.9\naccept_undecidable = true'
    assert read_accuracy_gate(text) == AccuracyGate(
        baseline="int8", confidence=0.9, accept_undecidable=True
    )
    for nothing in (None, "", "[gate", "[gate]\nwhat = 1", "gate = 3"):
        assert read_accuracy_gate(nothing) == AccuracyGate()


def test_a_missing_plan_is_named(tmp_path):
    with pytest.raises(ConfigError, match="the plan cannot be read"):
        read_plan(tmp_path / "none.toml")


def test_a_command_line_makes_the_plan_that_a_file_would(tmp_path):
    document = plan_document(
        name="digits",
        model='it\'s a "model" \\ of \n mine.tflite',
        dataset="test.npz",
        calibration=None,
        pixels="0..1",
        variants=["int8"],
        devices=["emulated-mcu"],
        measure={"windows": 2},
        accept=["does_not_fit"],
        metric="top5",
        gate={"accuracy_drop_points": 0.5, "baseline": "int8"},
    )
    raw = tomllib.loads(to_toml(document))
    assert raw == document
    plan = parse_plan(raw, where="the command line", folder=tmp_path)
    assert plan.measure == Measure(windows=2)
    assert plan.models[0].calibration is None
    assert plan.models[0].pixels is Pixels.UNIT
    assert plan.models[0].metric == "top5"
    assert plan.accuracy == AccuracyGate(baseline="int8", most_drop=0.005)


def test_a_property_of_a_phone_is_laid_over_its_profile_with_the_dots_in_its_name(
    tmp_path,
):
    fault = "unauthorised"
    text = (
        _PLAN.format(measure="").replace("emulated-mcu", "emulated-phone")
        + f'[device.emulator.properties]\n"ro.hil.faults" = "{fault}"\n'
    )
    raw = tomllib.loads(text)
    (device,) = parse_plan(raw, where="plan.toml", folder=tmp_path).devices
    assert device.emulator.properties["ro.hil.faults"] == fault
    assert tomllib.loads(to_toml(raw)) == raw


@pytest.mark.parametrize(
    ("preset", "runs", "seconds", "windows"),
    [("mlperf-tiny", 10, 10, 5), ("mlperf-mobile", 1024, 60, 1)],
)
def test_a_preset_measures_as_the_rules_of_mlperf_ask(
    tmp_path, preset, runs, seconds, windows
):
    measure = _measured(tmp_path, f'preset = "{preset}"')
    assert (measure.min_runs, measure.min_seconds) == (runs, seconds)
    assert measure.windows == windows


def test_a_job_of_mlperf_mobile_has_time_for_its_break_and_its_gate(tmp_path):
    measure = _measured(tmp_path, 'preset = "mlperf-mobile"')
    rest, gate = 300, 300
    assert (measure.timeout_seconds - rest) / 2 > gate
    assert (measure.timeout_seconds - rest - gate) * 0.4 > measure.min_seconds


def test_keys_of_the_plan_are_laid_over_its_preset(tmp_path):
    measure = _measured(tmp_path, 'preset = "mlperf-tiny"\nwindows = 6')
    assert (measure.windows, measure.min_seconds) == (6, 10)


def test_an_unknown_preset_names_those_that_exist(tmp_path):
    with pytest.raises(ConfigError, match="preset") as caught:
        _measured(tmp_path, 'preset = "mlperf-edge"')
    assert "mlperf-tiny" in str(caught.value)


def test_limits_are_read_by_the_grammar_of_gates(tmp_path):
    text = _PLAN.format(measure="") + '[gate]\nlimits = ["latency<+5%", "arena<=9kB"]'
    plan = parse_plan(tomllib.loads(text), where="plan.toml", folder=tmp_path)
    assert [limit.figure for limit in plan.limits] == ["latency", "arena"]
    wrong = text.replace("+5%", "5%")
    with pytest.raises(ConfigError, match="a change needs its sign") as caught:
        parse_plan(tomllib.loads(wrong), where="plan.toml", folder=tmp_path)
    assert caught.value.where == "plan.toml, gate.limits, character 9"


_PLAN = """
[[model]]
path = "m.tflite"
[[device]]
profile = "emulated-mcu"
[measure]
{measure}
"""


def _measured(folder, measure):
    text = _PLAN.format(measure=measure)
    return parse_plan(tomllib.loads(text), where="plan.toml", folder=folder).measure
