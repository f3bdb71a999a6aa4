"""A large network through `hil convert`: its sizes, and what hil adds to TensorFlow.

ResNet101V2 with random weights stands for the published pair of 171 and 43 MB, which
are MiB (178.3 and 44.9 MB): the sizes do not depend on what was learned.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from hil.conversion.convert import Converted, convert_each
from hil.conversion.request import ConversionRequest, Mode
from hil.deadline import Deadline

if TYPE_CHECKING:
    from pathlib import Path

_MIB = 1024 * 1024
_SECONDS = 1800
_MAKE = """
import sys
import keras
keras.utils.set_random_seed(1)
keras.applications.ResNet101V2(weights=None).save(sys.argv[1])
"""
# What a script of a user would do for the same two files, and no more.
_ALONE = """
import sys
import keras
import tensorflow as tf
model = keras.models.load_model(sys.argv[1], compile=False)
for index, optimizations in enumerate(([], [tf.lite.Optimize.DEFAULT])):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = optimizations
    open(f"{sys.argv[2]}/{index}.tflite", "wb").write(converter.convert())
"""

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorflow") is None,
        reason="TensorFlow is not installed (pip install 'hil[convert]')",
    ),
]


def _timed(script: str, *arguments: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        check=True,
        capture_output=True,
        timeout=_SECONDS,
    )
    return time.perf_counter() - started


def test_resnet101v2_has_the_published_sizes_and_hil_costs_a_tenth_at_most(
    tmp_path: Path,
) -> None:
    source = tmp_path / "resnet101v2.keras"
    _timed(_MAKE, source)
    alone_seconds = _timed(_ALONE, source, tmp_path)
    started = time.perf_counter()
    made = convert_each(
        [
            ConversionRequest(source=source, mode=mode)
            for mode in (Mode.FLOAT, Mode.DYNAMIC)
        ],
        Deadline(_SECONDS),
        log_path=tmp_path / "log",
    )
    hil_seconds = time.perf_counter() - started
    for each in made:
        assert isinstance(each, Converted)
        size_mib = len(each.data) / _MIB
        print(f"\n{each.request.mode.value}: {size_mib:.1f} MiB, {each.label.text}")
        print(f"  converter alone {each.seconds:.0f} s; {each.warnings}")
    print(
        f"hil {hil_seconds:.0f} s, a script of TensorFlow's {alone_seconds:.0f} s, "
        f"ratio {hil_seconds / alone_seconds:.2f}"
    )
    sizes_mib = [len(each.data) / _MIB for each in made if isinstance(each, Converted)]
    assert sizes_mib[0] == pytest.approx(171, abs=2)
    assert sizes_mib[1] == pytest.approx(43, abs=1)
    assert hil_seconds <= 1.1 * alone_seconds
