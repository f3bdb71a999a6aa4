"""Every kind of source in every mode, and every way in which one goes wrong."""

from __future__ import annotations

import json
import subprocess  # noqa: TID251 - checks a fresh interpreter
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.conversion.convert import convert, convert_each
from hil.conversion.request import ConversionRequest, Mode
from hil.deadline import Deadline
from hil.engines.litert import LitertEngine
from hil.errors import (
    ConfigError,
    ModelError,
    RecordingError,
    ToolError,
    ToolMissing,
    WrongQuantization,
)

if TYPE_CHECKING:
    from pathlib import Path

LABELS = {
    "float": "float32",
    "float16": "float16 weights",
    "dynamic": "dynamic range, 1 of 3 weights int8",
    "int8": "full int8, int8 boundary",
    "int16x8": "16x8, int16 boundary",
}
tensorflow = pytest.mark.tensorflow


@tensorflow
@pytest.mark.parametrize("mode", LABELS)
@pytest.mark.parametrize("source", ["new.keras", "new.h5", "old.h5", "plain.pb"])
def test_every_source_becomes_what_was_asked_for(outcome, source, mode):
    made = outcome(source, mode)
    assert made.label.text == LABELS[mode]
    assert made.request.mode.value == mode
    assert made.samples == (30 if Mode(mode).is_static else 0)
    assert made.tensorflow.startswith("2.")


@tensorflow
@pytest.mark.parametrize("mode", LABELS)
def test_a_signature_of_a_saved_model_becomes_what_was_asked_for(outcome, mode):
    made = outcome("two", mode)
    assert made.label.text == LABELS[mode].replace("1 of 3", "1 of 1")
    assert [line.shape for line in made.outputs] == [(1, 32)]


@tensorflow
@pytest.mark.parametrize("source", ["new.keras", "new.h5", "old.h5"])
def test_one_network_answers_the_same_from_every_keras_file(outcome, sources, source):
    x = np.load(sources / "images.npz")["x"][:1]
    answers = []
    for name in ("new.keras", source):
        engine = LitertEngine()
        engine.load(outcome(name, "float").data)
        answers.append(engine.invoke([x])[0])
    assert np.ptp(answers[0]) > 0.1
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-5, atol=1e-6)


@tensorflow
@pytest.mark.parametrize(
    ("source", "way"),
    [("new.keras", "fixed batch"), ("old.h5", "fixed"), ("two", "fixed weights")],
)
def test_a_given_shape_keeps_the_weights(outcome, source, way):
    """With Keras 3 TensorFlow 2.21 leaves them out and answers NaN."""
    free = outcome(source, "float")
    fixed = outcome(source, way)
    engines = [LitertEngine(), LitertEngine()]
    answers = []
    for engine, made in zip(engines, (free, fixed), strict=True):
        engine.load(made.data)
        x = np.ones(made.inputs[0].shape, np.float32)
        answers.append(engine.invoke([x])[0])
    assert np.isfinite(answers[1]).all()
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-5, atol=1e-6)


@tensorflow
def test_an_open_size_is_fixed_by_a_given_shape(outcome):
    assert [line.shape for line in outcome("two", "fixed size").inputs] == [(1, 7)]


@tensorflow
def test_input_and_output_have_the_types_that_were_asked_for(outcome):
    made = outcome("new.keras", "uint8 in")
    assert [line.type for line in (*made.inputs, *made.outputs)] == ["uint8", "float32"]
    assert made.inputs[0].scale == pytest.approx(1 / 255, rel=0.01)
    assert made.inputs[0].zero_point == 0


@tensorflow
def test_per_channel_can_be_switched_off(outcome):
    assert outcome("plain.pb", "int8").label.per_channel == "yes"
    assert outcome("plain.pb", "a scale a tensor").label.per_channel == "no"
    assert outcome("plain.pb", "a scale a dense").label.per_channel == "mixed"


@tensorflow
def test_dynamic_names_the_conv_that_stays_float(outcome):
    (warning,) = outcome("plain.pb", "dynamic").warnings
    assert warning == (
        "2 of 3 weights stayed float (CONV_2D conv1 (216 elements), CONV_2D conv2 "
        "(576 elements)): TensorFlow leaves those with fewer than 1,024; "
        "hil quantize --recipe dynamic takes all, of a float .tflite"
    )


@tensorflow
def test_few_samples_are_told(outcome):
    told = "calibrated with 3 samples: 20 or more varied ones are safer"
    assert told in outcome("new.keras", "three samples").warnings
    assert told not in outcome("new.keras", "int8").warnings


@tensorflow
def test_operators_that_an_open_batch_costs_are_told(outcome):
    assert outcome("new.keras", "float").warnings == (
        (
            "the batch is open, so 1 SHAPE and the operators behind them work it out "
            "at every run; --input-shape 1,12,12,1 leaves them out"
        ),
    )
    assert outcome("new.keras", "fixed batch").warnings == ()
    assert outcome("old.h5", "float").warnings == ()


@tensorflow
@pytest.mark.parametrize("source", ["ranges.pb", "qat.h5", "qat_saved"])
def test_a_graph_trained_for_int8_needs_no_data(outcome, source):
    made = outcome(source, "int8 no data" if source == "ranges.pb" else "int8")
    assert made.label.text == "full int8, int8 boundary"
    assert len(made.fake_quants) == 7
    assert made.samples == 0


@tensorflow
def test_ranges_of_the_graph_win_over_the_data_and_that_is_told(outcome):
    made = outcome("ranges.pb", "int8")
    assert made.inputs[0].scale == pytest.approx(2 / 255)
    (warning,) = made.warnings
    assert warning == (
        "7 ranges came from FakeQuant nodes, and from the data only those that the "
        "graph lacks"
    )


@tensorflow
@pytest.mark.parametrize("source", ["ranges.pb", "qat.h5", "qat_saved"])
def test_float_of_a_graph_trained_for_int8_must_be_meant(outcome, source):
    with pytest.raises(ConfigError, match="trained for int8, and float") as caught:
        outcome(source, "float")
    assert caught.value.found is not None
    assert caught.value.found.startswith("7 FakeQuant nodes: ")
    assert "--float-from-qat" in str(caught.value)


@tensorflow
@pytest.mark.parametrize("source", ["ranges.pb", "qat.h5"])
def test_float_that_is_meant_tells_what_stays_in_it(outcome, source):
    made = outcome(source, "meant")
    assert made.label.text == "float32"
    (warning,) = made.warnings
    assert "QUANTIZE operators, which round every value to 8 bits" in warning


@tensorflow
@pytest.mark.parametrize("mode", ["float16", "dynamic", "int16x8"])
@pytest.mark.parametrize("source", ["ranges.pb", "qat.h5"])
def test_a_graph_trained_for_int8_cannot_be_another_mode(outcome, source, mode):
    """TensorFlow gives int8 for all three, and says nothing."""
    what = f"the ranges in the graph are for int8, so it cannot be {mode}"
    with pytest.raises(ConfigError, match=what):
        outcome(source, mode)


@tensorflow
def test_a_conv_without_a_fake_quant_is_named(outcome):
    with pytest.raises(WrongQuantization, match="is not int8") as caught:
        outcome("hole.pb", "int8")
    assert caught.value.found == (
        "mixed: 1 float island, int8 elsewhere, int8 boundary: 2 of 6 operators "
        "compute in float, as a FakeQuant is missing at them or beside them: "
        "CONV_2D relu1, CONV_2D relu2"
    )
    assert "--representative DATA, which fills in" in str(caught.value)


@tensorflow
def test_data_fill_in_a_missing_fake_quant(outcome):
    made = outcome("hole.pb", "int8 with data")
    assert made.label.text == "full int8, int8 boundary"
    assert len(made.fake_quants) == 6


@tensorflow
def test_dynamic_where_every_weight_is_too_small_is_an_error(outcome):
    with pytest.raises(WrongQuantization, match="is not dynamic") as caught:
        outcome("small.keras", "dynamic")
    assert "1 of 1 weights stayed float (FULLY_CONNECTED" in str(caught.value)
    assert "TensorFlow leaves those with fewer than 1,024" in str(caught.value)
    assert "hil quantize --recipe dynamic" in str(caught.value)


@tensorflow
@pytest.mark.parametrize(
    ("source", "way", "kind", "says"),
    [
        ("new.keras", "no data", ConfigError, "int8 needs representative data"),
        ("new.keras", "zeros", ConfigError, "the representative data are constant"),
        ("new.keras", "patches", ConfigError, "do not have the shape of the model's"),
        ("new.keras", "no such data", ConfigError, "the dataset is missing"),
        ("new.keras", "wrong shape", ConfigError, "the input cannot have that shape"),
        (
            "new.keras",
            "no ranges",
            ConfigError,
            "no range for integers, so it is float",
        ),
        ("only.weights.h5", "float", ModelError, "the file holds weights and no model"),
        ("pair.keras", "int8", ModelError, "data are for models with one input"),
        ("two", "no signature", ConfigError, "allowed: double, multiply, strange"),
        ("two", "mistyped", ConfigError, "did you mean 'multiply'"),
        ("two", "training", ConfigError, "remedy:  --tags serve"),
        ("two", "open size", ModelError, "--input-shape x=1,..."),
        ("two", "no such input", ConfigError, "allowed: x float32 [?, ?]"),
        ("two", "no operator", ModelError, "'tf.Betainc' op is neither a custom op"),
        ("plain.pb", "no arrays", ConfigError, "remedy:  --input-arrays input"),
        ("plain.pb", "no output", ConfigError, "in this graph likely: output"),
        ("plain.pb", "mistyped", ConfigError, "did you mean 'input'?"),
        ("unfrozen.pb", "float", ModelError, "the graph is not frozen"),
        ("ranges.pb", "uint8 no stats", ModelError, "flag must be defined when either"),
    ],
)
def test_what_cannot_be_converted_says_why(outcome, source, way, kind, says):
    with pytest.raises(kind) as caught:
        outcome(source, way)
    assert says in str(caught.value)
    assert caught.value.exit_status == 2


@tensorflow
def test_a_model_of_two_inputs_becomes_float(outcome):
    assert len(outcome("pair.keras", "float").inputs) == 2


@tensorflow
@pytest.mark.parametrize("source", ["new.keras", "new.h5"])
def test_the_v1_converter_takes_keras_files_that_tensorflow_no_longer_does(
    outcome, source
):
    assert outcome(source, "legacy").label.text == "float32"


@tensorflow
def test_the_v1_converter_makes_uint8_with_the_given_input(outcome):
    made = outcome("ranges.pb", "uint8")
    assert made.label.text == "full uint8, uint8 boundary"
    made = outcome("plain.pb", "default ranges")
    assert made.label.text == "full uint8, uint8 boundary"
    assert made.inputs[0].scale == pytest.approx(1 / 127)
    assert made.inputs[0].zero_point == 128


@tensorflow
def test_the_result_of_legacy_options_is_told_and_not_judged(outcome):
    made = outcome("plain.pb", "uint8 without ranges")
    assert made.label.text == "float32, mixed boundary (uint8 in, float out)"


@tensorflow
def test_a_damaged_file_is_an_error_of_the_model(sources, tmp_path):
    data = (sources / "new.keras").read_bytes()
    source = tmp_path / "model.keras"
    source.write_bytes(data.replace(b"config", b"confih", 1))
    request = ConversionRequest(source=source)
    with pytest.raises(
        ModelError, match="TensorFlow cannot convert the model to float"
    ):
        convert(request, Deadline(120), log_path=tmp_path / "log")
    assert "Traceback" in (tmp_path / "log").read_text()


@tensorflow
def test_a_range_that_is_a_point_names_the_tensor(sources, tmp_path):
    """Behind a ReLU that no sample gets through, every value is zero."""
    script = (
        "import keras, sys\n"
        "dense = keras.layers.Dense(8, activation='relu', name='dead', "
        "kernel_initializer='ones', bias_initializer='zeros')\n"
        "keras.Sequential([keras.layers.Input((64,)), dense, "
        "keras.layers.Dense(2)]).save(sys.argv[1])\n"
    )
    source = tmp_path / "dead.keras"
    subprocess.run(
        [sys.executable, "-c", script, str(source)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    request = ConversionRequest(
        source=source, mode=Mode.INT8, representative=sources / "dark.npz"
    )
    with pytest.raises(ConfigError, match="is a single point") as caught:
        convert(request, Deadline(120), log_path=tmp_path / "log")
    assert "dead" in str(caught.value)


def _python(folder: Path, script: str) -> str:
    """Return a python that does *script* instead of what it is told."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def graph(tmp_path: Path) -> ConversionRequest:
    """A file that looks like a graph; no TensorFlow is asked about it here."""
    source = tmp_path / "graph.pb"
    source.write_bytes(b"\x0a\x03\x0a\x01a")
    return ConversionRequest(source=source)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (
            "echo 'last words'; kill -9 $$",
            ["was killed, as the kernel does when memory runs out", "last words"],
        ),
        (
            "echo 'F0000 00:00 1 graph.cc:7] Check failed: a == b' >&2; kill -ABRT $$",
            ["ended with status -6", "SIGABRT: F0000 00:00 1 graph.cc:7] Check failed"],
        ),
        (
            "echo 'Traceback:'; echo 'MemoryError: no room'; echo bye; exit 1",
            ["ended with status 1", "found:   MemoryError: no room"],
        ),
        ("exit 4", ["ended with status 4", "the log is empty"]),
    ],
)
def test_a_child_that_dies_is_an_error_with_its_decisive_line(
    graph, tmp_path, script, says
):
    log_path = tmp_path / "out" / "log"
    python = _python(tmp_path, script)
    with pytest.raises(ToolError) as caught:
        convert_each([graph], Deadline(20), log_path=log_path, python=python)
    assert all(each in str(caught.value) for each in says)
    assert f"the log is {log_path}" in str(caught.value)
    assert caught.value.exit_status == 3


_MORTAL = """
import json, os, pathlib, sys
folder, log = map(pathlib.Path, sys.argv[4:])
(folder / "outcomes.jsonl").touch()
for request in json.loads((folder / "order.json").read_text())["requests"]:
    mode = request["mode"]
    with log.open("a") as stream:
        stream.write(f"hil: graph.pb to {mode}\\n")
        if mode == "dynamic":
            stream.write("error: what dynamic said\\n")
    if mode == "int8":
        END
    told = {"class": "ModelError", "what": f"no {mode}"}
    told |= dict.fromkeys(("where", "found", "allowed", "remedy"))
    with (folder / "outcomes.jsonl").open("a") as stream:
        stream.write(json.dumps({"error": told}) + "\\n")
"""


@pytest.fixture
def mortal(graph, tmp_path):
    """Convert to five modes by a child that answers each, and ends so at int8."""

    def run(end: str, seconds: float):
        script = tmp_path / "mortal.py"
        script.write_text(_MORTAL.replace("END", end))
        python = _python(tmp_path, f'exec {sys.executable} {script} "$@"')
        requests = [
            replace(graph, mode=mode, representative=data)
            for mode in (Mode.FLOAT, Mode.DYNAMIC, Mode.INT8, Mode.INT16X8)
            for data in [tmp_path if mode.is_static else None]
        ]
        return convert_each(
            requests, Deadline(seconds), log_path=tmp_path / "log", python=python
        )

    return run


def test_a_mode_that_kills_the_child_keeps_no_other_from_being_made(mortal, tmp_path):
    outcomes = mortal("os.kill(os.getpid(), 11)", 60)
    told = [str(outcome) for outcome in outcomes]
    assert [type(each) for each in outcomes].count(ToolError) == 1
    assert "no float" in told[0]
    assert "no dynamic" in told[1]
    assert "graph.pb to int8" in told[2]
    assert "SIGSEGV: hil: graph.pb to int8" in told[2]  # not what dynamic said
    assert "no int16x8" in told[3]
    log = (tmp_path / "log").read_text()
    assert log.count("to int8") == 1
    assert log.count("to int16x8") == 1


def test_what_was_made_before_the_deadline_is_kept(mortal):
    first, second, *late = mortal("import time; time.sleep(60)", 5)
    assert ("no float" in str(first), "no dynamic" in str(second)) == (True, True)
    assert late[0] is late[1]
    assert "did not end in time" in str(late[0])


def test_a_child_that_is_too_slow_is_killed(graph, tmp_path):
    python = _python(tmp_path, 'echo "working" > "$5"; exec sleep 60')
    with pytest.raises(ToolError, match="did not end in time") as caught:
        convert_each([graph], Deadline(0.5), log_path=tmp_path / "log", python=python)
    assert "the last line of the log: working" in str(caught.value)


def test_without_tensorflow_the_extra_is_named(graph, tmp_path):
    hide = (
        "import runpy, sys; sys.modules['tensorflow'] = None; "
        "sys.argv = ['worker', *sys.argv[4:]]; "
        "runpy.run_module('hil.conversion.worker', run_name='__main__')"
    )
    python = _python(tmp_path, f'exec {sys.executable} -c "{hide}" "$@"')
    with pytest.raises(ToolMissing) as caught:
        convert_each([graph], Deadline(60), log_path=tmp_path / "log", python=python)
    assert caught.value.remedy == "pip install 'hil[convert]'"


def test_a_log_that_cannot_be_written_is_told(graph, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="the log cannot be written"):
        convert(graph, Deadline(5), log_path=tmp_path / "file" / "log")


def test_the_parent_imports_no_tensorflow():
    script = (
        "import json, sys, hil.cli.convert; "
        "print(json.dumps([n for n in ('tensorflow', 'keras') if n in sys.modules]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, timeout=60
    )
    assert json.loads(ended.stdout) == []
