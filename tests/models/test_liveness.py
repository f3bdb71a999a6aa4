"""The peak of the activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.models.graph import read_graph
from hil.models.liveness import peak_of
from hil.models.tensor_table import tensor_rows

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def test_constants_do_not_count(tiny: ModuleType) -> None:
    peak = peak_of(read_graph(tiny.conv_model(), "m"))
    assert (peak.size_bytes, peak.operator) == (4 * (16 + 8), 0)


def test_what_is_read_later_stays_alive(tiny: ModuleType) -> None:
    def step(inputs: list[int], output: int) -> object:
        return tiny.TinyOperator(name="ADD", inputs=inputs, outputs=[output])

    tensors = [tiny.TinyTensor(shape=[100 * (i + 1)], type="int8") for i in range(4)]
    graph = tiny.TinyGraph(
        tensors=tensors,
        operators=[step([0], 1), step([1], 2), step([0, 2], 3)],
        outputs=(3,),
    )
    peak = peak_of(read_graph(tiny.build(tiny.TinyModel(graphs=[graph])), "m"))
    assert (peak.size_bytes, peak.operator) == (100 + 300 + 400, 2)


def test_the_rows_say_what_tensors_are_for(tiny: ModuleType) -> None:
    rows = tensor_rows(read_graph(tiny.int8_conv_model(), "m"))
    told = {row.name: (row.role, row.granularity, row.scales) for row in rows}
    assert told == {
        "in": ("input", "per tensor", 1),
        "out": ("output", "per tensor", 1),
        "filter": ("weight", "per channel", 2),
        "bias": ("constant", "per channel", 2),
        "float_in": ("activation", "", 0),
        "float_out": ("activation", "", 0),
    }
    assert rows[2].size_bytes == 18
    assert (rows[0].scale, rows[0].zero_point, rows[2].scale) == (0.5, 3, None)


@pytest.mark.shared
def test_the_keyword_model_needs_what_the_compiled_engine_plans(shared: Path) -> None:
    data = (shared / "models" / "kws_ref_model.tflite").read_bytes()
    assert peak_of(read_graph(data, "m")).size_bytes == 16_000
