"""Answers that a device printed with few decimals, read back to what it computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_MOST_DECIMALS = 9
_FEWEST_DECIMALS = 3  # as the reference firmware of MLPerf Tiny prints
# So many different fractions do not all end in a zero by chance: one in 10^10.
_ENOUGH_FRACTIONS = 10
# A device may round its last decimal or cut it: it is off by less than one of it. Read
# back to the nearest step, half a step is the most that this may be.
_MOST_SHARE = 0.5


def decimals_of(rows: Sequence[Sequence[float]]) -> int:
    """Return how many decimals the values were printed with, by the longest of them.

    A device that is sure of all its answers prints 0.000 and 1.000, which are read as 0
    and 1: three decimals are taken for granted where few values have a fraction. With
    none, answers between 0 and 1 would all be the same.
    """
    fractions = set()
    for value in {value for row in rows for value in row}:
        text = f"{value:.{_MOST_DECIMALS}f}".rstrip("0")
        fractions.add(text.partition(".")[2])
    longest = max(map(len, fractions), default=0)
    if len(fractions - {""}) >= _ENOUGH_FRACTIONS:
        return longest
    return max(longest, _FEWEST_DECIMALS)


def read_back(
    rows: npt.NDArray[np.float64],
    *,
    decimals: int,
    scale: float,
    zero_point: int,
    dtype: np.dtype[np.generic],
) -> npt.NDArray[np.generic] | None:
    """Return the integers that were printed as *rows*, or None.

    None where the decimals do not tell one step from the next, or where the values are
    none of this scale: then another model, or another quantization, printed them.
    """
    unit = 10.0**-decimals
    if scale <= 0 or unit > _MOST_SHARE * scale:
        return None
    steps = np.rint(rows / scale)
    limits = np.iinfo(dtype.name)
    stored = steps + zero_point
    # Of a decimal that floats do not hold exactly, a billionth is left.
    off = np.abs(steps * scale - rows) > unit * (1 + 1e-9)
    if off.any() or (stored < limits.min).any() or (stored > limits.max).any():
        return None
    return stored.astype(dtype)
