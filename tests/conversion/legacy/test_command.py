"""The program and the flags as they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.conversion.legacy.command import Program, parse_line
from hil.conversion.legacy.explain import explain
from hil.conversion.legacy.flags import Generation, flags
from hil.errors import ConfigError


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("toco --input_file=x", Program.TOCO_SCRIPT),
        ("/usr/bin/toco --input_file=x", Program.TOCO_SCRIPT),
        ("bazel-bin/tensorflow/lite/toco/toco --input_file=x", Program.TOCO_BINARY),
        (
            "./bazel-bin/tensorflow/contrib/lite/toco/toco --input_file=x",
            Program.TOCO_BINARY,
        ),
        (
            "bazel run --config=opt //tensorflow/lite/toco:toco -- --input_file=x",
            Program.TOCO_BINARY,
        ),
        (
            "bazel run -c opt tensorflow/contrib/lite/toco:toco -- --input_file=x",
            Program.TOCO_BINARY,
        ),
        (
            "bazel run //tensorflow/lite/python:tflite_convert -- --output_file=x",
            Program.TFLITE_CONVERT,
        ),
        ("tflite_convert --output_file=x", Program.TFLITE_CONVERT),
        ("sudo ~/.local/bin/tflite_convert --output_file=x", Program.TFLITE_CONVERT),
        (
            "python3 -m tensorflow.lite.python.tflite_convert --output_file=x",
            Program.TFLITE_CONVERT,
        ),
        (
            "python -m tensorflow.contrib.lite.python.tflite_convert --output_file=x",
            Program.TFLITE_CONVERT,
        ),
        ("tflite_convert.exe --output_file=x", Program.TFLITE_CONVERT),
        ("--input_file=x --output_file=y", Program.NONE),
    ],
)
def test_the_program_is_found(line, program):
    pasted = parse_line([line])
    assert pasted.program is program
    assert parse_line(line.split()) == pasted
    assert next(use.name for use in pasted.uses) in {"input_file", "output_file"}


def test_values_follow_an_equals_sign_or_a_blank():
    command = parse_line(
        ["toco", "--input_file=a=b", "--input_arrays", "x", "--allow_custom_ops", "y"]
    )
    shown = [(use.name, use.value, use.spaced) for use in command.uses]
    assert shown == [
        ("input_file", "a=b", False),
        ("input_arrays", "x", True),
        ("allow_custom_ops", None, False),
    ]
    assert command.strays == ("y",)


def test_a_boolean_takes_true_and_false_as_the_next_word():
    (use,) = parse_line(["tflite_convert", "--allow_custom_ops", "False"]).uses
    assert (use.value, use.spaced) == ("False", True)


def test_a_negative_number_is_a_value():
    (use,) = parse_line(["toco", "--default_ranges_min", "-6"]).uses
    assert use.value == "-6"


def test_a_dash_of_a_word_processor_is_seen():
    (use,) = parse_line(["tflite_convert", "–output_file=x"]).uses  # noqa: RUF001 - the dash is the point
    assert (use.dashes, use.name) == ("\u2013", "output_file")


def test_what_follows_a_pipe_is_not_of_the_line():
    command = parse_line(["tar xz\ntoco --input_file=x 2>&1 | tee log.txt"])
    assert command.arguments == ("--input_file=x",)


@pytest.mark.parametrize(
    "words", [["ls -l"], ["ls", "-l"], [""], [], ["gcc --version"]]
)
def test_another_command_is_refused(words):
    with pytest.raises(ConfigError, match="no toco or tflite_convert command line"):
        parse_line(words)


def test_a_mistyped_option_of_hil_is_not_taken_for_the_line():
    with pytest.raises(ConfigError, match="hil toco has no such option"):
        parse_line(["--rum", "tflite_convert", "--output_file=x"])


_WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from([f"--{name}" for name in flags()]),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["--", "-", "\u2014", "--no"]),
        st.sampled_from(list(flags())),
        st.one_of(st.just(""), st.text(max_size=8).map("={}".format)),
    ),
    st.sampled_from(["QUANTIZED_UINT8", "-0.5", "1,2:3", "true", "--", "nan", "1e999"]),
)


@given(st.lists(_WORDS, max_size=8), st.sampled_from([None, *Generation]))
def test_no_line_is_too_odd(words, generation):
    try:
        explanation = explain(["toco", *words], generation)
    except ConfigError:
        return
    compile(explanation.code, "line", "exec")
    assert explanation.then
    assert explanation.now


@given(st.text())
def test_no_text_is_too_odd(text):
    try:
        explain([text])
    except ConfigError as exc:
        told = exc
    else:
        return
    assert told.remedy
