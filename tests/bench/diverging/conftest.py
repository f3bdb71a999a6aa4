"""The digits as an int8 model with some of its inputs."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.diverging.side import HostSide
from hil.bench.diverging.subject import read_subject
from hil.quantization.calibration import CalibrationData
from hil.quantization.quantize import quantize
from hil.quantization.recipes import RECIPES


@pytest.fixture(scope="session")
def int8(digits, tmp_path_factory):
    """The path of the digits model in int8."""
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        calibration = CalibrationData(name="calibration", x=data["x"])
    path = tmp_path_factory.mktemp("model") / "digits_int8.tflite"
    source = (digits / "digits.tflite").read_bytes()
    path.write_bytes(
        quantize(source, RECIPES["int8"], calibration, where="digits").data
    )
    return path


@pytest.fixture(scope="session")
def subject(int8, digits):
    """That model with 100 inputs."""
    return read_subject(int8, digits / "digits_test.npz", samples=100)


@pytest.fixture(scope="session")
def kws(shared):
    """MLPerf Tiny's keyword model with its 1,000 inputs."""
    return read_subject(
        shared / "models" / "kws_ref_model.tflite", shared / "data/kws/kws01.npz"
    )


@pytest.fixture(scope="session")
def engines(kws):
    """LiteRT, its reference kernels and TFLite Micro with their answers to it."""
    return [HostSide(name, kws) for name in ("litert", "litert-ref", "tflm")]
