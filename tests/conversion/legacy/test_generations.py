"""Which generation a line belongs to."""

from __future__ import annotations

import pytest

from hil.conversion.legacy.command import parse_line
from hil.conversion.legacy.flags import Generation
from hil.conversion.legacy.generations import find_generation


@pytest.mark.parametrize(
    ("line", "generation", "why"),
    [
        ("toco --input_file=a --output_file=b", Generation.TOCO, "--input_file"),
        ("toco --savedmodel_directory=a", Generation.TOCO, "--savedmodel_directory"),
        (
            "x/lite/toco/toco --graph_def_file=a",
            Generation.TOCO,
            "is the C++ program",
        ),
        ("toco --graph_def_file=a", Generation.V1, "does not know --graph_def_file"),
        ("tflite_convert --input_file=a", Generation.V1, "does not know --input_file"),
        (
            "tflite_convert --enable_v1_converter --saved_model_dir=a",
            Generation.V1,
            "--enable_v1_converter chooses v1",
        ),
        (
            "bazel run contrib/lite/python:tflite_convert -- --saved_model_dir=a",
            Generation.V1,
            "ended with TF 1",
        ),
        ("tflite_convert --saved_model_dir=a", Generation.V2, "one that v2 knows"),
        ("--std_values=1 --mean_values=2", Generation.TOCO, "--std_values"),
    ],
)
def test_the_generation_is_found_and_why_is_told(line, generation, why):
    verdict = find_generation(parse_line([line]))
    assert verdict.generation is generation
    assert why in " ".join(verdict.why)


def test_a_line_of_two_generations_is_called_ambiguous():
    line = "toco --input_file=a --std_dev_values=1"
    verdict = find_generation(parse_line([line]))
    assert verdict.generation is Generation.TOCO
    assert "no generation knew both" in str(verdict.ambiguity)


def test_a_line_that_v1_and_v2_read_alike_is_called_so():
    verdict = find_generation(parse_line(["tflite_convert --saved_model_dir=a"]))
    assert "v1 knew these flags too" in str(verdict.ambiguity)


def test_toco_alone_is_ambiguous():
    verdict = find_generation(parse_line(["toco --output_file=a"]))
    assert "say which by --generation" in str(verdict.ambiguity)


def test_what_the_person_knows_is_taken():
    command = parse_line(["tflite_convert --saved_model_dir=a"])
    verdict = find_generation(command, Generation.V1)
    assert verdict.generation is Generation.V1
    assert verdict.why == ("you said so",)
