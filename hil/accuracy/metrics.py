"""Right answers counted, with intervals, and answers held against other answers."""

from __future__ import annotations

import enum
import math
import sys
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError, HilError, nearest
from hil.vocab import AccuracyCount, Agreement

if TYPE_CHECKING:
    import numpy.typing as npt

_NO_LABEL = -1  # of a row that holds NaN: it names no class
# Stands for "not a finite number" in `max_relative`: JSON knows no infinity.
_NOT_FINITE = sys.float_info.max


class Metric(enum.Enum):
    """How answers are judged."""

    TOP1 = "top1"  # the class with the highest score is the label
    NONE = "none"  # answers are compared between engines only


def find_metric(name: str) -> Metric:
    """Return the metric called *name*, or raise ConfigError with the nearest one."""
    allowed = [metric.value for metric in Metric]
    if name not in allowed:
        raise ConfigError(
            "unknown metric",
            found=repr(name),
            allowed=", ".join(allowed),
            remedy=nearest(name, allowed),
        )
    return Metric(name)


def count_top1(
    outputs: npt.NDArray[np.generic], y: npt.NDArray[np.integer]
) -> AccuracyCount:
    """Count the rows of *outputs* [n, classes] whose highest score is at the label.

    Scores may be floats or quantized; of equal ones the first counts. A row with NaN
    is wrong. Raises ConfigError where labels and outputs do not belong together.
    """
    rows = outputs.reshape(len(outputs), -1) if outputs.ndim else outputs[None, None]
    classes = rows.shape[1] if len(rows) else 0
    if len(rows) != len(y):
        raise ConfigError(
            "answers and labels differ in number",
            found=f"{len(rows)} answers, {len(y)} labels",
            allowed="one label an answer",
        )
    if classes <= 1:
        raise ConfigError(
            "top1 needs one score for each class",
            found=f"answers of shape {list(outputs.shape)}",
            allowed="[n, classes] with at least two classes",
            remedy='metric "none" for models that do not classify',
        )
    if len(y) and not 0 <= int(y.min()) <= int(y.max()) < classes:
        raise ConfigError(
            "the labels do not belong to this model",
            found=f"labels from {y.min()} to {y.max()}",
            allowed=f"0 to {classes - 1}, for the model has {classes} outputs",
            remedy="the dataset that the model was trained for",
        )
    wrong = np.flatnonzero(_labels(rows) != y)
    return AccuracyCount(
        metric=Metric.TOP1.value,
        n=len(y),
        correct=len(y) - len(wrong),
        wrong=tuple(int(index) for index in wrong),
    )


def wilson(correct: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of the share *correct* / *n*.

    E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", JASA 22 (1927). ValueError unless 0 <= correct <= n and n > 0.
    """
    if not (0 <= correct <= n and n > 0 and 0 < confidence < 1):
        message = f"no share: {correct} of {n} at confidence {confidence}"
        raise ValueError(message)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = correct / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    spread = math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    half = z * spread / (1 + z * z / n)
    # At the ends the formula gives exactly 0 and 1, but its rounding errors do not.
    low = centre - half if correct > 0 else 0.0
    high = centre + half if correct < n else 1.0
    return low, high


def agreement(
    outputs: npt.NDArray[np.generic],
    reference_outputs: npt.NDArray[np.generic],
    *,
    reference: str,
) -> Agreement:
    """Hold *outputs* [n, ...] against those of the engine *reference*, row by row.

    `identical` counts rows of equal bytes. `max_lsb` is the largest difference of two
    integers. `max_relative` is the largest |a - b| over the largest |b| of the whole
    reference; where a row is not finite and not identical it is the largest float.
    `label_flips` is absent where a row has fewer than two values. HilError where the
    two differ in shape or type.
    """
    if (outputs.shape, outputs.dtype) != (
        reference_outputs.shape,
        reference_outputs.dtype,
    ):
        raise HilError(
            "the answers cannot be compared",
            found=f"{list(outputs.shape)} of {outputs.dtype}",
            allowed=f"{list(reference_outputs.shape)} of {reference_outputs.dtype}, "
            f"as {reference} answers",
        )
    n = len(outputs)
    # The second axis is given, not -1, which numpy refuses where n is 0.
    width = math.prod(outputs.shape[1:])
    ours = np.ascontiguousarray(outputs).reshape(n, width)
    theirs = np.ascontiguousarray(reference_outputs).reshape(n, width)
    same = (ours.view(np.uint8) == theirs.view(np.uint8)).all(axis=1)
    floats = ours.dtype.kind == "f"
    return Agreement(
        reference=reference,
        n=n,
        identical=int(same.sum()),
        label_flips=(
            int((_labels(ours) != _labels(theirs)).sum()) if width > 1 else None
        ),
        max_lsb=None if floats else _max_lsb(ours, theirs),
        max_relative=_max_relative(ours[~same], theirs, theirs[~same])
        if floats
        else None,
    )


def _labels(rows: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    labels: npt.NDArray[np.int64] = np.argmax(rows, axis=1).astype(np.int64)
    if rows.dtype.kind == "f":
        labels[np.isnan(rows).any(axis=1)] = _NO_LABEL
    return labels


def _max_lsb(ours: npt.NDArray[np.generic], theirs: npt.NDArray[np.generic]) -> int:
    # In 64 bits, for int8's 127 - (-128) does not fit into int8.
    difference = np.abs(ours.astype(np.int64) - theirs.astype(np.int64))
    return int(difference.max(initial=0))


def _max_relative(
    ours: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    theirs: npt.NDArray[np.generic],
) -> float:
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return _NOT_FINITE
    whole = reference.astype(np.float64)
    largest = float(np.abs(whole[np.isfinite(whole)]).max(initial=0.0))
    difference = float(np.abs(a - b).max(initial=0.0))
    return min(difference / max(largest, sys.float_info.min), _NOT_FINITE)
