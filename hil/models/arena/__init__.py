"""The arena of TFLite Micro on a 32-bit core, predicted on the host (docs/arena.md)."""

from hil.models.arena.allocations import Kind
from hil.models.arena.cmsis_nn import CmsisNn
from hil.models.arena.prediction import (
    ArenaPrediction,
    Basis,
    confirmed_arena,
    predict_arena,
)

__all__ = [
    "ArenaPrediction",
    "Basis",
    "CmsisNn",
    "Kind",
    "confirmed_arena",
    "predict_arena",
]
