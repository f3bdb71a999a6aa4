"""A 4 MB model becomes C in at most the time of `xxd -i`, within 10 times its size."""

from __future__ import annotations

import shutil
import subprocess
import time
import tracemalloc
from random import Random
from typing import TYPE_CHECKING

import pytest

from hil.codegen.c_array import render_c_array
from hil.codegen.source import Provenance, write

if TYPE_CHECKING:
    from pathlib import Path

_SIZE_BYTES = 4 * 1024 * 1024
_ROUNDS = 5


@pytest.fixture(scope="module")
def model() -> bytes:
    return Random(0).randbytes(_SIZE_BYTES)


def _generate(model: bytes, folder: Path) -> None:
    provenance = Provenance(
        model="big.tflite",
        sha256="0" * 64,
        variant="as-is",
        size_bytes=len(model),
        label="benchmark",
        hil_version="0",
    )
    write(render_c_array(model, name="big", provenance=provenance), folder)


def test_a_model_of_4_mb_becomes_c_no_slower_than_xxd(
    model: bytes, tmp_path: Path
) -> None:
    xxd = shutil.which("xxd")
    if xxd is None:
        pytest.skip("xxd is not installed (apt-get install xxd)")
    source = tmp_path / "big.tflite"
    source.write_bytes(model)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(_ROUNDS):  # by turns, so that both see the same machine
        start = time.perf_counter()
        subprocess.run([xxd, "-i", str(source), str(tmp_path / "x.c")], check=True)
        middle = time.perf_counter()
        _generate(source.read_bytes(), tmp_path)
        end = time.perf_counter()
        theirs.append(middle - start)
        ours.append(end - middle)
    ratio = min(ours) / min(theirs)
    print(
        f"\nC array of {_SIZE_BYTES:,} bytes: hil {min(ours) * 1000:.0f} ms, "
        f"xxd -i {min(theirs) * 1000:.0f} ms, ratio {ratio:.2f}"
    )
    assert ratio <= 1.0


def test_the_peak_memory_stays_within_ten_times_the_model(
    model: bytes, tmp_path: Path
) -> None:
    _generate(model[:4096], tmp_path)  # imports and templates are not counted
    tracemalloc.start()
    _generate(model, tmp_path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(
        f"\npeak {peak_bytes:,} bytes, {peak_bytes / _SIZE_BYTES:.2f} times the model"
    )
    assert peak_bytes + len(model) <= 10 * len(model)
