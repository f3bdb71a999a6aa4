"""The table of flags."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from hil.conversion.legacy.explain import explain
from hil.conversion.legacy.flags import Generation, flags, flags_of
from hil.conversion.legacy.grammar import Standing, read

_VALUES = {
    "path": "/tmp/x",
    "string": "x",
    "strings": "x",
    "int": "1",
    "float": "1.5",
    "ints": "1,2",
    "floats": "1",
    "shapes": "1,2",
}
_CASES = [
    (name, generation) for name, flag in flags().items() for generation in flag.types
]


def _written(name, generation):
    flag = flags()[name]
    kind = flag.types[generation]
    if kind == "choice":
        return f"--{name}={flag.values[generation][-1]}"
    return f"--{name}={_VALUES[kind]}" if kind in _VALUES else f"--{name}"


@pytest.mark.parametrize(("name", "generation"), _CASES)
def test_every_flag_is_taken_and_explained(name, generation):
    explanation = explain(["toco", _written(name, generation)], generation)
    (line,) = explanation.flags
    assert line.standing == "taken"
    assert line.then == flags()[name].then
    assert line.today == flags()[name].today
    assert not any(f.rule in {"unknown", "ignored"} for f in explanation.findings)


@pytest.mark.parametrize("name", flags())
def test_every_flag_has_one_line_for_then_and_one_for_today(name):
    flag = flags()[name]
    assert flag.types
    assert "\n" not in flag.then + flag.today
    assert flag.lost in {None, "note", "differs"}


def test_each_generation_has_its_flags():
    # converter_mode was gone before TF 1.13; the note counts the flags of TF 2.21.
    assert len(set(flags_of(Generation.V1)) - {"converter_mode"}) == 32
    assert set(flags_of(Generation.V2)) == {
        "output_file",
        "saved_model_dir",
        "keras_model_file",
        "saved_model_tag_set",
        "saved_model_signature_key",
        "enable_v1_converter",
        "experimental_new_converter",
        "experimental_new_quantizer",
    }
    assert "std_values" in flags_of(Generation.TOCO)
    assert "std_dev_values" not in flags_of(Generation.TOCO)


@pytest.mark.tensorflow
def test_the_table_is_what_tensorflow_parses():
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or spec.origin is None:
        pytest.skip("TensorFlow is not installed")
    source = Path(spec.origin).parent / "lite" / "python" / "tflite_convert.py"
    text = source.read_text()
    found = set(re.findall(r'add_argument\(\s*"--(\w+)"', text))
    ours = set(flags_of(Generation.V1)) | set(flags_of(Generation.V2))
    assert found == ours - {"converter_mode"}


def test_an_abbreviation_is_taken_as_argparse_takes_it():
    explanation = explain(["tflite_convert --graph_def_file=a --input_shape=1,2"])
    readings = read(explanation.case.command, Generation.V1)
    assert readings.items[1].standing is Standing.ABBREVIATED
    assert explanation.case.intent.input_shapes == ((1, 2),)
