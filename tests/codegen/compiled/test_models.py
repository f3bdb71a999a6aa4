"""Whole models behind hil_engine.h against LiteRT's reference kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.quantization.calibration import CalibrationData
from hil.quantization.quantize import quantize
from hil.quantization.recipes import RECIPES

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.fixture(scope="module")
def digits_models(digits: Path) -> dict[str, bytes]:
    """The digits model, float and quantized in three ways."""
    model = (digits / "digits.tflite").read_bytes()
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        calibration = CalibrationData(name="digits", x=data["x"])
    made = {"float": model}
    for name in ("int8", "int8-float-io", "int16x8"):
        made[name] = quantize(
            model, RECIPES[name], calibration, where="digits.tflite"
        ).data
    return made


@pytest.mark.parametrize("flags", ["fast", "sanitized"])
@pytest.mark.parametrize("recipe", ["float", "int8", "int8-float-io", "int16x8"])
def test_the_digits_model_gives_what_the_reference_kernels_give(
    recipe: str,
    flags: str,
    digits_models: dict[str, bytes],
    harness: ModuleType,
    tmp_path: Path,
) -> None:
    model = digits_models[recipe]
    case = harness.Case(
        name=f"digits {recipe}",
        model=model,
        runs=harness.random_inputs(model, runs=20),
    )
    got = harness.run_engine(case, tmp_path, flags=flags)
    assert harness.differences(case, got) == []


@pytest.mark.shared
def test_a_thousand_keywords_give_the_reference_bits(
    shared: Path, harness: ModuleType, tmp_path: Path
) -> None:
    with np.load(shared / "data" / "kws" / "kws01.npz", allow_pickle=False) as data:
        x = data["x"]
    model = (shared / "models" / "kws_ref_model.tflite").read_bytes()
    case = harness.Case(name="kws", model=model, runs=[[row[None]] for row in x])
    got = harness.run_engine(case, tmp_path, flags="fast")
    assert len(got) == 1000
    assert harness.differences(case, got) == []


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        "pretrainedResnet_quant.tflite",
        "pretrainedResnet.tflite",
        "hello_world_int8.tflite",
        "hello_world_float.tflite",
    ],
)
def test_shared_models_give_what_the_reference_kernels_give(
    name: str, shared: Path, harness: ModuleType, tmp_path: Path
) -> None:
    model = (shared / "models" / name).read_bytes()
    runs = harness.random_inputs(model, runs=10)
    case = harness.Case(name=name, model=model, runs=runs)
    got = harness.run_engine(case, tmp_path, flags="sanitized")
    assert harness.differences(case, got) == []
