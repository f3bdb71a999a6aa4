"""Which engines run a model."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from hil.bench.runnable import try_engines

DIGITS = "digits.tflite"


def test_every_engine_is_tried_and_tells_its_arena(digits: Path) -> None:
    path = digits / DIGITS
    trials = {trial.engine: trial for trial in try_engines(path.read_bytes(), path)}
    assert list(trials) == ["litert", "litert-ref", "tflm", "compiled"]
    assert all(trial.refusal is None for trial in trials.values())
    assert trials["tflm"].arena_bytes == 21_168
    assert trials["tflm"].arena_basis == "on a 32-bit core: borne out by the wheel"
    assert trials["litert"].arena_bytes is None
    assert trials["compiled"].arena_bytes is not None


def test_a_model_that_no_engine_takes_says_why_for_each(digits: Path) -> None:
    data = (digits / DIGITS).read_bytes()
    trials = try_engines(_with_custom_operator(data), Path(DIGITS))
    assert all(trial.refusal for trial in trials)
    refusals = {trial.engine: trial.refusal or "" for trial in trials}
    assert "Nobody" in refusals["litert"]
    assert "Nobody" in refusals["compiled"]


def _with_custom_operator(data: bytes) -> bytes:
    tree = schema.ModelT.InitFromPackedBuf(data, 0)
    code = tree.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = "Nobody"
    builder = flatbuffers.Builder(len(data))
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())
