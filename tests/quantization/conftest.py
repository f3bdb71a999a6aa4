"""Models and calibration data for the tests of quantization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.quantization.calibration import CalibrationData

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def digits_model(digits: Path) -> bytes:
    """The float digits model."""
    return (digits / "digits.tflite").read_bytes()


@pytest.fixture(scope="session")
def digits_calibration(digits: Path) -> CalibrationData:
    """Its 200 calibration samples."""
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        return CalibrationData(name="digits_calibration.npz", x=data["x"])


@pytest.fixture(scope="session")
def resnet_model(shared: Path) -> bytes:
    """MLPerf Tiny's float ResNet, which has no signature."""
    return (shared / "models" / "pretrainedResnet.tflite").read_bytes()


@pytest.fixture(scope="session")
def resnet_calibration() -> CalibrationData:
    """Ten smooth pictures, for ResNet takes raw pixels of 32x32x3."""
    corners = np.random.default_rng(0).uniform(0, 255, (10, 4, 4, 3))
    x = corners.repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)
    return CalibrationData(name="pictures", x=x)
