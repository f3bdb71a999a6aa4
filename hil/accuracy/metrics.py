"""Right answers counted, with intervals, and answers held against other answers."""

from __future__ import annotations

import enum
import math
import re
import sys
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.accuracy.ranking import first_classes, rank
from hil.errors import ConfigError, HilError, nearest
from hil.vocab import AccuracyCount, Agreement

if TYPE_CHECKING:
    import numpy.typing as npt

# Stands for "not a finite number" in `max_relative`: JSON knows no infinity.
_NOT_FINITE = sys.float_info.max


class Kind(enum.Enum):
    """What a metric looks at."""

    TOP_K = "topK"  # the label is among the K highest scores
    MACRO_F1 = "macro-f1"  # mean over the classes of their F1 score
    AUC = "auc"  # area under the ROC curve, binary or the mean of one against the rest
    MSE = "mse"  # mean squared error against a target
    COSINE = "cosine"  # cosine similarity to a target
    NONE = "none"  # answers are compared between engines only


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How answers are judged; `k` counts for TOP_K only."""

    name: str
    kind: Kind
    k: int = 1

    @property
    def better_when_lower(self) -> bool:
        """Whether a rise is a loss."""
        return self.kind is Kind.MSE

    @property
    def in_points(self) -> bool:
        """Whether the metric is a share, so that a hundredth of it is one point."""
        return self.kind not in {Kind.MSE, Kind.NONE}


_TOP_K = re.compile(r"top([1-9][0-9]{0,3})")
METRIC_NAMES: Final = (
    "top1",
    "top5",
    *(kind.value for kind in Kind if kind is not Kind.TOP_K),
)


def find_metric(name: str) -> Metric:
    """Return the metric called *name*, or raise ConfigError with the nearest one."""
    top = _TOP_K.fullmatch(name)
    if top:
        return Metric(name=name, kind=Kind.TOP_K, k=int(top[1]))
    if name not in METRIC_NAMES:
        raise ConfigError(
            "unknown metric",
            found=repr(name),
            allowed=", ".join(METRIC_NAMES) + " (topK for any K)",
            remedy=nearest(name, METRIC_NAMES),
        )
    return Metric(name=name, kind=Kind(name))


def count_top1(
    outputs: npt.NDArray[np.generic], y: npt.NDArray[np.integer]
) -> AccuracyCount:
    """Count the rows of *outputs* [n, classes] whose highest score is at the label.

    Scores may be floats or quantized; of equal ones the first counts. A row with NaN
    is wrong. Raises ConfigError where labels and outputs do not belong together.
    """
    return count(rank(outputs, y).hits, metric="top1")


def count(hits: npt.NDArray[np.bool_], *, metric: str) -> AccuracyCount:
    """Return how many samples were right, and which were not."""
    wrong = np.flatnonzero(~hits)
    return AccuracyCount(
        metric=metric,
        n=len(hits),
        correct=len(hits) - len(wrong),
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
            int((first_classes(ours) != first_classes(theirs)).sum())
            if width > 1
            else None
        ),
        max_lsb=None if floats else _max_lsb(ours, theirs),
        max_relative=_max_relative(ours[~same], theirs, theirs[~same])
        if floats
        else None,
    )


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
