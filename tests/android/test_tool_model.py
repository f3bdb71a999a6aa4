from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from hil.android.tool_model import ToolModel
from hil.errors import FirmwareFault, ModelError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(digits: Path) -> ToolModel:
    path = digits / "digits.tflite"
    return ToolModel.of(path.read_bytes(), str(path))


def test_the_tool_is_told_the_input_as_the_file_names_it(model: ToolModel) -> None:
    assert list(model.input_flags) == [
        "--input_layer=serving_default_image:0",
        "--input_layer_shape=1,8,8,1",
    ]
    assert model.value_prefix.endswith("serving_default_image::0:")
    assert model.answer_bytes == 40


def test_the_answers_of_several_runs_become_rows(model: ToolModel) -> None:
    answers = np.arange(30, dtype=np.float32).reshape(3, 10)
    rows = model.rows(answers.tobytes(), 3, where="m")
    assert rows.dtype == np.float32
    assert np.array_equal(rows, answers)


def test_only_the_first_of_several_outputs_is_kept(model: ToolModel) -> None:
    both = replace(model, answer_bytes=44)
    data = b"".join(np.full(11, i, dtype=np.float32).tobytes() for i in range(2))
    assert both.rows(data, 2, where="m").tolist() == [[0.0] * 10, [1.0] * 10]


def test_answers_that_are_not_all_there_are_refused(model: ToolModel) -> None:
    with pytest.raises(FirmwareFault, match="the wrong size") as caught:
        model.rows(bytes(79), 2, where="m")
    assert caught.value.allowed == "80 bytes for 2 runs"


def _changed(path: Path, *, inputs: int = 1, output_type: int | None = None) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    graph = model.subgraphs[0]
    graph.inputs = [*range(inputs)]
    if output_type is not None:
        graph.tensors[graph.outputs[0]].type = output_type
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_model_with_several_inputs_is_refused(digits: Path) -> None:
    data = _changed(digits / "digits.tflite", inputs=2)
    with pytest.raises(ModelError, match="a model with one input is needed") as caught:
        ToolModel.of(data, "two.tflite")
    assert (caught.value.where, caught.value.found) == ("two.tflite", "2 inputs")


def test_an_output_of_a_type_that_has_no_array_is_refused(digits: Path) -> None:
    data = _changed(digits / "digits.tflite", output_type=schema.TensorType.RESOURCE)
    with pytest.raises(ModelError, match="type that hil cannot read") as caught:
        ToolModel.of(data, "odd.tflite")
    assert caught.value.found == "resource"
