from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.errors import ModelError
from hil.models.facts import sha256_of
from hil.models.summary import summarize, to_json

if TYPE_CHECKING:
    from types import ModuleType


def test_a_summary_has_all_that_inspect_shows(tiny: ModuleType) -> None:
    data = tiny.int8_conv_model("float")
    summary = summarize(data, Path("folder/small.tflite"))
    assert summary.name == "small"
    assert summary.size_bytes == len(data)
    assert summary.sha256 == sha256_of(data)
    assert summary.label.text == "full int8, float boundary"
    assert [line.name for line in summary.inputs] == ["float_in"]
    assert [line.type for line in summary.outputs] == ["float32"]
    assert dict(summary.histogram) == {"CONV_2D": 1, "DEQUANTIZE": 1, "QUANTIZE": 1}
    assert summary.macs.total == 72
    conv = summary.operators[1]
    assert (conv.index, conv.name, conv.version, conv.macs) == (1, "CONV_2D", 1, 72)
    assert [line.shape for line in conv.inputs] == [(1, 4, 4, 1), (2, 3, 3, 1), (2,)]
    assert (conv.inputs[0].scale, conv.inputs[0].zero_point) == (0.5, 3)
    assert conv.inputs[1].scale is None  # one pair per channel is not one pair
    assert summary.operators[0].macs is None


def test_the_json_is_plain_and_leaves_out_what_is_not_known(tiny: ModuleType) -> None:
    data = tiny.int8_conv_model("float")
    document = to_json(summarize(data, Path("small.tflite")))
    read_back = json.loads(json.dumps(document, allow_nan=False))
    assert read_back == document
    assert read_back["label"]["kind"] == "int8"
    assert read_back["label"]["weights"] == {
        "quantized": 1,
        "total": 1,
        "types": {"int8": 1},
    }
    assert read_back["operators"][1]["macs"] == 72
    assert "macs" not in read_back["operators"][0]
    assert "scale" not in read_back["inputs"][0]
    assert read_back["macs"] == {"total": 72, "uncounted": ["DEQUANTIZE", "QUANTIZE"]}
    parts = read_back["anatomy"]
    assert sum(parts.pop("quantization").values()) == parts["quantization_bytes"]
    assert sum(parts.values()) == len(data)


def test_an_unsound_model_has_no_summary() -> None:
    with pytest.raises(ModelError, match=r"where: +bad\.tflite"):
        summarize(b"\x00" * 40, Path("bad.tflite"))
