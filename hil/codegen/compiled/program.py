"""What a model is lowered to: calls of C kernels with constant parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constant:
    """An array in flash; its C type follows from the type of *values*."""

    values: npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """A float parameter, held as the double that equals it."""

    value: float


Value = int | Real | Constant | tuple[int, ...] | dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: `kernel(&(struct parameters){fields}, inputs..., output)`.

    *inputs* and *output* are indices of tensors.
    """

    kernel: str
    parameters: str
    fields: Mapping[str, Value]
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one operator became: calls, or none where its output is its input."""

    calls: tuple[Call, ...]
    alias: tuple[int, int] | None = None  # an output tensor that is an input tensor
