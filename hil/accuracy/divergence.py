"""How far the answers of two engines to the same inputs are apart; pure."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.metrics import wilson
from hil.accuracy.ranking import first_classes
from hil.errors import HilError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of n, with the 95 % Wilson interval of the share."""

    count: int
    n: int
    low: float
    high: float

    @classmethod
    def of(cls, count: int, n: int) -> Share:
        """Return *count* of *n* with its interval; n is above 0."""
        low, high = wilson(count, n)
        return cls(count=count, n=n, low=low, high=high)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Two answers to each of `identical.n` inputs, held against each other.

    Integers: `largest_lsb` is the largest difference in steps, `rows_by_lsb` counts
    the rows by their largest one, `values_by_lsb` all values by their signed one (left
    less right). Floats: `largest_relative` is the largest difference over the largest
    value of all. `differing` and `flipped` are places among the rows; `flips` is absent
    where a row has fewer than two values.
    """

    identical: Share
    differing: tuple[int, ...]
    flips: Share | None
    flipped: tuple[int, ...]
    largest_lsb: int | None = None
    rows_by_lsb: Mapping[int, int] | None = None
    values_by_lsb: Mapping[int, int] | None = None
    largest_relative: float | None = None


def diverge(
    left: npt.NDArray[np.generic],
    right: npt.NDArray[np.generic],
    *,
    tolerance: float = 0.0,
) -> Divergence:
    """Hold *left* [n, ...] against *right*, row by row.

    Rows are identical where their bytes are; floats of a printed log, where no value
    is *tolerance* or more away. HilError where shapes or types differ, or n is 0.
    """
    if left.shape != right.shape or left.dtype != right.dtype or not len(left):
        raise HilError(
            "the answers cannot be compared",
            found=f"{list(left.shape)} of {left.dtype}",
            allowed=f"{list(right.shape)} of {right.dtype}, at least one row",
        )
    n, width = len(left), math.prod(left.shape[1:])
    ours = np.ascontiguousarray(left).reshape(n, width)
    theirs = np.ascontiguousarray(right).reshape(n, width)
    same = _same(ours, theirs, tolerance)
    flipped = (
        np.flatnonzero(first_classes(ours) != first_classes(theirs))
        if width > 1
        else np.zeros(0, np.int64)
    )
    found = Divergence(
        identical=Share.of(int(same.sum()), n),
        differing=_places(~same),
        flips=Share.of(len(flipped), n) if width > 1 else None,
        flipped=tuple(int(row) for row in flipped),
    )
    if ours.dtype.kind == "f":
        relative = _relative(ours[~same], theirs[~same], theirs)
        return dataclasses.replace(found, largest_relative=relative)
    # In 64 bits, for int8's 127 - (-128) does not fit into int8.
    steps = ours.astype(np.int64) - theirs.astype(np.int64)
    return dataclasses.replace(
        found,
        largest_lsb=int(np.abs(steps).max(initial=0)),
        rows_by_lsb=_counted(np.abs(steps).max(axis=1, initial=0)),
        values_by_lsb=_counted(steps),
    )


def _same(
    ours: npt.NDArray[np.generic], theirs: npt.NDArray[np.generic], tolerance: float
) -> npt.NDArray[np.bool_]:
    if tolerance:
        distance = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
        same: npt.NDArray[np.bool_] = distance < tolerance
    else:
        same = ours.view(np.uint8) == theirs.view(np.uint8)
    rows: npt.NDArray[np.bool_] = np.logical_and.reduce(same, axis=1)
    return rows


def _places(chosen: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(row) for row in np.flatnonzero(chosen))


def _counted(steps: npt.NDArray[np.int64]) -> dict[int, int]:
    return dict(sorted(Counter(steps.reshape(-1).tolist()).items()))


def _relative(
    ours: npt.NDArray[np.generic],
    theirs: npt.NDArray[np.generic],
    whole: npt.NDArray[np.generic],
) -> float:
    """Return infinity where a value that differs is not finite."""
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return math.inf
    every = np.abs(whole.astype(np.float64))
    largest = float(every[np.isfinite(every)].max(initial=0.0))
    difference = float(np.abs(a - b).max(initial=0.0))
    return difference / largest if largest else (math.inf if difference else 0.0)
