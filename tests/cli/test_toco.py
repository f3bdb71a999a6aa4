"""`hil toco`: what is printed, and the exit status."""

from __future__ import annotations

import json
import sys

import pytest

from hil import tools
from hil.cli.main import main
from hil.deadline import Deadline

_LINE = [
    "tflite_convert",
    "--graph_def_file=g.pb",
    "--output_file=o.tflite",
    "--input_arrays=input",
    "--output_arrays=output",
]
_QUANTIZED = [
    *_LINE,
    "--inference_type=QUANTIZED_UINT8",
    "--mean_values=128",
    "--std_dev_values=127",
]


def test_a_sound_line_is_explained_and_ends_well(capsys):
    assert main(["toco", *_QUANTIZED]) == 0
    shown = capsys.readouterr().out
    for piece in (
        "tflite_convert v1 (TF 1.9-1.15",
        "--mean_values=128",
        "for each input the quantized value that stands for 0.0",
        "scale 0.007874016, zero point 128",
        "converter.inference_input_type = tf.uint8",
        "next: hil toco --run ...",
    ):
        assert piece in shown


@pytest.mark.parametrize(
    "words",
    [
        ["toco", *_QUANTIZED],
        ["toco", "--", *_QUANTIZED],
        ["toco", " \\\n  ".join(_QUANTIZED)],
        ["toco", "--", "$ " + " ".join(_QUANTIZED)],
    ],
)
def test_a_line_may_be_words_or_one_text(words, capsys):
    assert main([words[0], "--json", *words[1:]]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["generation"] == "v1"
    assert [flag["written"] for flag in document["flags"]] == _QUANTIZED[1:]


def test_bazels_own_dashes_are_kept(capsys):
    words = ["bazel", "run", "-c", "opt", "tensorflow/lite/toco:toco", "--"]
    words += ["--input_file=g.pb", "--output_file=o", "--run_twice"]
    assert main(["toco", "--json", *words]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["generation"] == "toco"
    assert document["program"] == "bazel run -c opt tensorflow/lite/toco:toco"
    assert document["flags"][-1]["standing"] == "ignored"


def test_a_refused_line_is_status_1_with_the_historical_message(capsys):
    assert main(["toco", "tflite_convert", "--input_file=g.pb"]) == 1
    shown = capsys.readouterr().out
    assert "refused " in shown
    assert "it said: Use --graph_def_file instead of --input_file" in shown
    assert "do:      write --graph_def_file" in shown
    assert "next: mend what is marked above" in shown


def test_json_holds_everything(capsys):
    assert main(["toco", "--json", *_LINE, "--inference_output_type=INT8"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["sound"] is False
    assert document["findings"][0]["rule"] == "no-output-type"
    assert document["findings"][0]["severity"] == "ignored"
    assert document["then"]
    assert document["today"] == ["a float model, as then"]
    compile(document["python"], "line", "exec")
    assert "proof" not in document


def test_what_is_no_toco_command_is_status_2(capsys):
    assert main(["toco", "ls", "-l"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "this is no toco or tflite_convert command line" in shown.err
    assert "remedy:  hil toco -- tflite_convert" in shown.err


def test_a_mistyped_option_of_hils_own_is_status_2(capsys):
    assert main(["toco", "--rum", *_LINE]) == 2
    assert "hil toco has no such option" in capsys.readouterr().err


def test_the_generation_may_be_told(capsys):
    assert main(["toco", "--generation", "v2", "--json", *_LINE]) == 1
    assert json.loads(capsys.readouterr().out)["why"] == ["you said so"]
    assert main(["toco", "--generation", "v3", *_LINE]) == 2
    assert "did you mean" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["tflite_convert", "--graph_def_file=g.pb"], "cannot be run before it is"),
        ([*_LINE, "--input_shapes=$SHAPE"], "the line holds variables of a shell"),
        (
            ["lite/toco/toco", "--input_file=m.tflite", "--input_format=TFLITE"],
            "cannot be run before it is mended",
        ),
        ([*_LINE, "--drop_fake_quant"], "does not take FakeQuant nodes out"),
        (
            [
                "tflite_convert",
                "--saved_model_dir=d",
                "--output_file=o",
                *_QUANTIZED[-3:],
            ],
            "mean and std need the names of their inputs",
        ),
        (_LINE, "the model cannot be read"),
    ],
)
def test_what_cannot_be_run_is_status_2(words, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["toco", "--run", "--json", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert says in shown.err


def test_a_terminal_is_not_obeyed(capsys):
    assert main(["toco", *_LINE, "--dump_graphviz_dir=\x1b[31m[red]x"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\\x1b[31m[red]x" in shown


def test_explaining_needs_no_tensorflow():
    code = "import sys, hil.cli.toco as t; sys.exit('tensorflow' in sys.modules)"
    tools.run([sys.executable, "-c", code], deadline=Deadline(60))
