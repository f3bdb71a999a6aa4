"""The emulated microcontroller has the arena of a 32-bit core."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.emulators.mcu import VerifiedTflm
from hil.engines.tflm import TflmEngine
from hil.errors import DoesNotFit

if TYPE_CHECKING:
    from pathlib import Path

SMALLEST_BYTES = 21_168  # of the digits model; tests/models/test_arena.py says whence


def test_a_model_fits_where_it_fits_a_32_bit_core(digits: Path) -> None:
    model = (digits / "digits.tflite").read_bytes()
    board = VerifiedTflm(SMALLEST_BYTES)
    board.load(model)
    assert board.memory() == {
        "arena_bytes": 21_168,
        "arena_persistent_bytes": 2_736,
        "arena_nonpersistent_bytes": 18_432,
    }
    with pytest.raises(DoesNotFit):
        TflmEngine(SMALLEST_BYTES).load(model)  # the wheel, which has 64 bits


def test_sixteen_bytes_less_are_too_few(digits: Path) -> None:
    board = VerifiedTflm(SMALLEST_BYTES - 16)
    with pytest.raises(DoesNotFit) as caught:
        board.load((digits / "digits.tflite").read_bytes())
    error = caught.value
    assert (error.needed_bytes, error.available_bytes) == (21_168, 21_152)
    assert error.where == "TFLite Micro on a 32-bit core"
    assert "arena: 16 bytes missing" in str(error)


def test_an_engine_that_keeps_every_tensor_records_no_arena(digits: Path) -> None:
    board = VerifiedTflm(preserve_tensors=True)
    board.load((digits / "digits.tflite").read_bytes())
    assert board.memory() == {}
