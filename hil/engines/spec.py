"""What an engine says of a model's input or output."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """Name, element type and shape; scale 0.0 means that it is not quantized."""

    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    scale: float = 0.0
    zero_point: int = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole tensor."""
        return prod(self.shape) * self.dtype.itemsize
