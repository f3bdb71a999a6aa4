"""Lines converted by TensorFlow, and the printed Python run by it.

One child builds the graphs and runs the code of every line, one converts the lines that
are proved, and one is that of `--run` itself.
"""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest

from hil import tools
from hil.cli.main import main
from hil.conversion.convert import convert_each
from hil.conversion.legacy.explain import explain
from hil.conversion.legacy.order import order
from hil.conversion.legacy.proof import prove
from hil.deadline import Deadline

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorflow") is None,
        reason="TensorFlow is not installed",
    ),
]

_CHILD = """
import json, sys
from pathlib import Path
import numpy as np
import tensorflow as tf

folder = Path(sys.argv[1])


def ranged(x, low, high, wanted, name=None):
    if not wanted:
        return x
    narrow = name is None
    return tf.quantization.fake_quant_with_min_max_args(
        x, low, high, narrow_range=narrow, name=name
    )


def conv(x, channels, rng, wanted):
    shape = (3, 3, int(x.shape[-1]), channels)
    w = tf.constant(rng.uniform(-0.7, 0.7, shape).astype("float32"))
    return tf.nn.conv2d(x, ranged(w, -0.8, 0.8, wanted), 1, "SAME")


def build(name, inner, on_input, middle):
    rng = np.random.default_rng(1)
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, 3], name="input")
        y = ranged(x, -1, 1, on_input, "range_in")
        y = tf.nn.relu6(conv(y, 4, rng, inner), name="relu")
        y = ranged(y, 0, 6, middle, "range_mid")
        y = ranged(conv(y, 2, rng, inner), -4, 4, inner, "range_out")
        tf.identity(y, name="output")
    (folder / name).write_bytes(graph.as_graph_def().SerializeToString())


build("full.pb", True, True, True)
build("no_input.pb", True, False, True)
build("missing.pb", True, True, False)
build("none.pb", False, False, False)
said = {}
for name, code in json.loads((folder / "codes.json").read_text()).items():
    path = folder / (name + ".py")
    path.write_text(code)
    try:
        exec(compile(code, str(path), "exec"), {})
    except SystemExit as exc:
        said[name] = str(exc)
(folder / "said.json").write_text(json.dumps(said))
"""
_Q = "--inference_type=QUANTIZED_UINT8 --mean_values=128 --std_dev_values=127"
_DEFAULTS = "--default_ranges_min=0 --default_ranges_max=6"
# name of the code: graph, flags
_CODES = {
    "uint8": ("no_input", _Q),
    "int8": ("no_input", "--inference_type=INT8 --mean_values=0 --std_dev_values=127"),
    "input_wins": ("full", _Q),
    "float_ends": ("full", f"{_Q} --inference_input_type=FLOAT"),
    "missing": ("missing", f"{_Q} --input_shapes=2,8,8,3"),
    "float": ("none", "--input_shapes=2,8,8,3"),
    "float16": ("none", "--post_training_quantize --quantize_to_float16"),
    "dummy": ("none", f"{_Q} {_DEFAULTS}"),
    "uint8_into_float": (
        "none",
        "--inference_input_type=UINT8 --mean_values=128 --std_dev_values=127",
    ),
}


def _line(folder, graph, flags, out="o.tflite"):
    return [
        "tflite_convert",
        f"--graph_def_file={folder / graph}.pb",
        f"--output_file={folder / out}",
        "--input_arrays=input",
        "--output_arrays=output",
        *flags.split(),
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of the graphs and of what the printed code made, and what it said."""
    folder = tmp_path_factory.mktemp("toco")
    codes = {
        name: explain(_line(folder, graph, flags, f"{name}.tflite")).code
        for name, (graph, flags) in _CODES.items()
    }
    (folder / "codes.json").write_text(json.dumps(codes))
    tools.run(
        [sys.executable, "-c", _CHILD, str(folder)],
        deadline=Deadline(300),
        env={"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    return folder, json.loads((folder / "said.json").read_text())


def _inspect(path, capsys):
    assert main(["inspect", "--json", str(path)]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("name", "label", "input_type", "scale", "zero_point"),
    [
        ("uint8", "full int8, uint8 boundary", "uint8", 1 / 127, 128),
        ("int8", "full int8, int8 boundary", "int8", 1 / 127, 0),
        ("input_wins", "full int8, uint8 boundary", "uint8", 2 / 255, 128),
        ("float_ends", "full int8, float boundary", "float32", None, None),
        ("float", "float32", "float32", None, None),
        ("float16", "float16 weights", "float32", None, None),
        ("dummy", "full uint8, uint8 boundary", "uint8", 1 / 127, 128),
        (
            "uint8_into_float",
            "float32, mixed boundary (uint8 in, float out)",
            "uint8",
            None,
            None,
        ),
    ],
)
def test_the_printed_code_makes_what_it_says(
    name, label, input_type, scale, zero_point, made, capsys
):
    summary = _inspect(made[0] / f"{name}.tflite", capsys)
    assert summary["label"]["text"] == label
    (line,) = summary["inputs"]
    assert line["type"] == input_type
    if scale is None:
        assert "scale" not in line
    else:
        assert line["scale"] == pytest.approx(scale, rel=1e-6)
        assert line["zero_point"] == zero_point


def test_the_shape_in_the_line_is_the_shape_of_the_file(made, capsys):
    summary = _inspect(made[0] / "float.tflite", capsys)
    assert summary["inputs"][0]["shape"] == [2, 8, 8, 3]


def test_the_printed_code_proves_itself(made):
    said = made[1]
    assert set(said) == {"input_wins", "missing"}
    assert said["input_wins"].startswith(
        "scale 0.007843138 and zero point 128, not 0.0"
    )
    assert said["missing"].startswith("not quantized, for want of a FakeQuant: ")


# name of the proof: graph, flags
_PROVED = {
    "no_range": ("no_input", _Q),
    "missing": ("missing", _Q),
    "float_graph": ("none", _Q),
    "guesses": ("none", f"{_Q} {_DEFAULTS}"),
}


@pytest.fixture(scope="module")
def proofs(made):
    """What each line's file proves to be, and its checks by their names."""
    folder = made[0]
    lines = {
        name: explain(_line(folder, graph, flags))
        for name, (graph, flags) in _PROVED.items()
    }
    outcomes = convert_each(
        [order(line) for line in lines.values()],
        Deadline(300),
        log_path=folder / "proofs.log",
    )
    found = {}
    for (name, line), outcome in zip(lines.items(), outcomes, strict=True):
        proof = prove(
            outcome.data,
            line.case.intent,
            path=folder / name,
            fake_quants=outcome.fake_quants,
        )
        found[name] = proof, {check.what: check for check in proof.checks}
    return found


def test_a_graph_whose_input_has_no_range_takes_that_of_mean_and_std(proofs):
    proof, checks = proofs["no_range"]
    assert proof.holds
    assert proof.label.text == "full uint8, uint8 boundary"
    scale = checks["input 'input': real = (q - 128) / 127"]
    assert scale.found == "scale 0.0078740, zero point 128"
    assert "input 'input': uint8, -1.00787..1" in proof.facts


def test_a_fake_quant_on_the_input_wins_and_by_how_much_is_told(made, capsys):
    line = _line(made[0], "full", _Q, "run.tflite")
    assert main(["toco", "--run", "--json", "--", *line]) == 1
    proof = json.loads(capsys.readouterr().out)["proof"]
    assert not proof["holds"]
    checks = {check["what"]: check for check in proof["checks"]}
    scale = checks["input 'input': real = (q - 128) / 127"]
    assert scale["expected"] == "scale 1/127 = 0.0078740, zero point 128"
    assert scale["found"] == "scale 2/255 = 0.0078431, zero point 128"
    assert scale["why"].startswith(
        "the scale is -0.39% off; q = 255 means 0.996078, not 1; the FakeQuant on the "
        "input (-1.004..0.9961) wins"
    )
    assert checks["inside: everything quantized"]["holds"]


def test_a_missing_range_leaves_the_model_float_and_is_told(proofs):
    proof, checks = proofs["missing"]
    inside = checks["inside: everything quantized"]
    assert not inside.holds
    assert inside.found == "float32, uint8 boundary"
    assert inside.why.startswith("2 of 4 operators compute in float: CONV_2D relu")
    assert "TOCO aborted on this (lacking min/max data)" in inside.why
    assert proof.label.text == "float32, uint8 boundary"


def test_a_float_graph_gets_a_uint8_input_and_is_told(proofs):
    proof, checks = proofs["float_graph"]
    assert not proof.holds
    assert proof.label.text == "float32, mixed boundary (uint8 in, float out)"
    assert not checks["output 'output': type"].holds
    assert checks["input 'input': real = (q - 128) / 127"].holds


def test_default_ranges_quantize_a_float_graph_with_guesses(proofs):
    proof, _ = proofs["guesses"]
    assert proof.holds
    assert proof.label.text == "full uint8, uint8 boundary"
    assert proof.facts[-1] == (
        "2 of 3 arrays have the default range 0..6: their values are guesses"
    )
