"""Area under the ROC curve, of many weightings of the same samples at once.

The area is the chance that a positive sample scores higher than a negative one, equal
scores counting half (Mann-Whitney's U over the number of pairs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt

_BINARY = 2


def auc(scores: npt.NDArray[np.generic], labels: npt.NDArray[np.integer]) -> float:
    """Return the area for scores [n] of class 1, or [n, classes] one against the rest.

    Raises ConfigError where there is no pair to compare.
    """
    ones = np.ones((1, len(labels)))
    return float(weighted_auc(scores, labels, ones)[0])


def weighted_auc(
    scores: npt.NDArray[np.generic],
    labels: npt.NDArray[np.integer],
    weights: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the area for each row of *weights* [rows, n], as many as rows.

    Of scores [n, classes] it is the plain mean over the classes that have samples.
    """
    if scores.ndim == 1:
        _require(set(np.unique(labels)) == {0, 1}, labels, "labels 0 and 1, of both")
        return _binary(scores, labels == 1, weights)
    present = np.unique(labels)
    _require(len(present) >= _BINARY, labels, "samples of at least two classes")
    areas = [_binary(scores[:, c], labels == c, weights) for c in present]
    mean: npt.NDArray[np.float64] = np.mean(areas, axis=0)
    return mean


def _binary(
    scores: npt.NDArray[np.generic],
    positive: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sorted_weights = weights[:, order]
    mask = positive[order]
    above = np.add.reduceat(sorted_weights * mask, starts, axis=1, dtype=np.float64)
    below = np.add.reduceat(sorted_weights * ~mask, starts, axis=1, dtype=np.float64)
    lower = np.cumsum(below, axis=1) - below
    wins = (above * (lower + below / 2)).sum(axis=1)
    area: npt.NDArray[np.float64] = wins / (above.sum(axis=1) * below.sum(axis=1))
    return area


def _require(
    condition: bool,  # noqa: FBT001 - reads as the assertion that it is
    labels: npt.NDArray[np.integer],
    allowed: str,
) -> None:
    if not condition:
        found = ", ".join(str(label) for label in np.unique(labels)[:10])
        raise ConfigError(
            "auc cannot be had from these labels",
            found=f"labels {found} in {len(labels)} samples",
            allowed=allowed,
            remedy="samples of every class, in their natural mix",
        )
