"""The samples and labels of one dataset, checked."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

# More than any dataset that a microcontroller or a phone is judged with, and less than
# what a hostile header could make a host allocate.
MAX_BYTES = 4 * 1024**3


class Content(enum.Enum):
    """What the numbers of a dataset are, which decides how a model may take them."""

    VALUES = "values"  # in the unit of a float model, or in a model's own integers
    PIXELS = "pixels"  # raw image pixels, 0..255
    BYTES = "bytes"  # sent to a device as they are; only the model knows their type


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Samples `x` of shape [n, ...] and, where there are any, labels `y` [n], int64.

    `targets` [n, values] are there instead of labels where a model answers numbers.
    """

    name: str
    x: npt.NDArray[np.generic]
    y: npt.NDArray[np.int64] | None
    content: Content
    preprocessing: str
    source: Path
    targets: npt.NDArray[np.float64] | None = None


def shared_samples(one: Dataset, other: Dataset) -> int:
    """Return how many samples of *one* are in *other*, too, value by value.

    0 where they are of different types or shapes: then nothing can be said.
    """
    if (one.x.dtype, one.x.shape[1:]) != (other.x.dtype, other.x.shape[1:]):
        return 0
    known = {row.tobytes() for row in other.x}
    return sum(row.tobytes() in known for row in one.x)


def checked_samples(
    x: npt.NDArray[np.generic], *, where: str
) -> npt.NDArray[np.generic]:
    """Return *x* if it is a non-empty array of finite numbers, else ConfigError."""
    if x.dtype.kind not in "fiu":
        raise ConfigError(
            "the samples are no numbers",
            where=where,
            found=f"elements of type {x.dtype}",
            allowed="an array of integers or floats",
            remedy="save x as a plain numeric array",
        )
    if x.ndim == 0 or x.size == 0:
        raise ConfigError(
            "the dataset is empty",
            where=where,
            found=f"x of shape {list(x.shape)}",
            allowed="at least one sample: shape [n, ...]",
        )
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        bad = np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(axis=1))
        raise ConfigError(
            "the samples hold NaN or infinity",
            where=where,
            found=f"{len(bad)} of {len(x)} samples, the first at index {bad[0]}",
            allowed="finite numbers",
            remedy="leave those samples out",
        )
    return x


def _as_labels(y: npt.NDArray[np.generic]) -> str:
    """Return how what stands in place of labels becomes labels."""
    if y.ndim > 1:
        return "turn one-hot rows into class numbers with argmax"
    if y.dtype.kind == "f":
        return (
            "y.astype(int) where they are class numbers; else what the model should "
            "answer is for hil evaluate --metric mse"
        )
    return "class numbers in the order of the model's outputs"


def checked_labels(
    y: npt.NDArray[np.generic], *, n: int, where: str
) -> npt.NDArray[np.int64]:
    """Return *y* as n labels from 0 up, or ConfigError."""
    if y.ndim == 2 and y.shape[1] == 1:  # noqa: PLR2004 - [n, 1] is a column of labels
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise ConfigError(
            "the labels are no integers",
            where=where,
            found=f"y of type {y.dtype} and shape {list(y.shape)}",
            allowed=f"integers of shape [{n}], one class number a sample",
            remedy=_as_labels(y),
        )
    if len(y) != n:
        raise ConfigError(
            "samples and labels differ in number",
            where=where,
            found=f"{n} samples, {len(y)} labels",
            allowed="one label a sample",
        )
    whole = y.astype(np.int64)  # uint64 beyond int64 becomes negative, so is refused
    wrong = np.flatnonzero((whole < 0) | (whole > np.iinfo(np.int32).max))
    if len(wrong):
        raise ConfigError(
            "a label is out of range",
            where=where,
            found=f"label {y[wrong[0]]} at index {wrong[0]}",
            allowed="class numbers from 0 up",
        )
    return whole


def checked_targets(
    y: npt.NDArray[np.generic], *, n: int, where: str
) -> npt.NDArray[np.float64]:
    """Return *y* as n rows of finite numbers, or ConfigError."""
    if y.ndim == 0 or y.dtype.kind not in "fiu" or len(y) != n:
        raise ConfigError(
            "the targets are no numbers for each sample",
            where=where,
            found=f"y of type {y.dtype} and shape {list(y.shape)}",
            allowed=f"numbers of shape [{n}, ...]: what the model should answer",
        )
    rows: npt.NDArray[np.float64] = y.reshape(n, -1).astype(np.float64)
    if not np.isfinite(rows).all():
        raise ConfigError(
            "the targets hold NaN or infinity", where=where, allowed="finite numbers"
        )
    return rows
