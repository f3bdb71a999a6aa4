"""The MNIST example trained on few images, and what the tutorial says of its sizes."""

from __future__ import annotations

import importlib.util
import subprocess  # noqa: TID251 - the example is a script of its own
import sys
from pathlib import Path

import pytest

from hil.conversion.convert import Converted, convert_each
from hil.conversion.request import ConversionRequest, Mode
from hil.deadline import Deadline

_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mnist" / "train.py"


@pytest.mark.shared
@pytest.mark.tensorflow
def test_the_network_of_the_tutorial_has_a_dynamic_range_of_a_third_and_not_a_quarter(
    shared, tmp_path
):
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed (pip install 'hil[convert]')")
    source = tmp_path / "mnist.keras"
    data = str(shared / "data" / "mnist")
    trained = subprocess.run(
        [sys.executable, str(_EXAMPLE), data, "-o", str(source), "--images", "640"],
        check=True,
        capture_output=True,
        timeout=300,
    )
    assert b"640 training images" in trained.stdout
    calibration = tmp_path / "mnist_calibration.npz"
    requests = [
        ConversionRequest(
            source=source,
            mode=mode,
            representative=calibration if mode.is_static else None,
        )
        for mode in Mode
    ]
    outcomes = convert_each(requests, Deadline(300), log_path=tmp_path / "log")
    made = {each.request.mode: each for each in outcomes if isinstance(each, Converted)}
    assert {mode: each.label.text for mode, each in made.items()} == {
        Mode.FLOAT: "float32",
        Mode.FLOAT16: "float16 weights",
        Mode.DYNAMIC: "dynamic range, 1 of 2 weights int8",
        Mode.INT8: "full int8, int8 boundary",
        Mode.INT16X8: "16x8, int16 boundary",
    }
    warning, of_the_batch = made[Mode.DYNAMIC].warnings
    assert warning.startswith("1 of 2 weights stayed float (CONV_2D ")
    assert "(108 elements)" in warning
    assert "--input-shape 1,28,28 leaves them out" in of_the_batch
    ratio = len(made[Mode.FLOAT].data) / len(made[Mode.DYNAMIC].data)
    assert 3.4 < ratio < 3.6
