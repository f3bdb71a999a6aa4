"""How far an answer is from its target: mean squared error and cosine similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt


def real_rows(
    values: npt.NDArray[np.generic], *, scale: float = 0.0, zero_point: int = 0
) -> npt.NDArray[np.float64]:
    """Return [n, ...] as real numbers [n, values]: (q - zero point) * scale.

    Scale 0 means that the values are real already.
    """
    rows = values.reshape(len(values), -1).astype(np.float64)
    return (rows - zero_point) * scale if scale > 0 else rows


def mean_squared_errors(
    rows: npt.NDArray[np.float64], targets: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the mean squared difference of each row from its target.

    For an autoencoder and its input this is the anomaly score of MLPerf Tiny's AD.
    """
    _require_same(rows, targets)
    errors: npt.NDArray[np.float64] = np.mean((rows - targets) ** 2, axis=1)
    return errors


def cosine_similarities(
    rows: npt.NDArray[np.float64], targets: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the cosine of the angle between each row and its target, -1 to 1.

    Two zero rows point the same way (1); a zero row and another one do not (0).
    """
    _require_same(rows, targets)
    a, b = np.linalg.norm(rows, axis=1), np.linalg.norm(targets, axis=1)
    length = a * b
    products = (rows * targets).sum(axis=1)
    alike = ((a == 0) & (b == 0)).astype(np.float64)
    cosines = np.divide(products, length, out=alike, where=length > 0)
    clipped: npt.NDArray[np.float64] = np.clip(cosines, -1.0, 1.0)
    return clipped


def _require_same(
    rows: npt.NDArray[np.float64], targets: npt.NDArray[np.float64]
) -> None:
    if rows.shape != targets.shape:
        raise ConfigError(
            "answers and targets do not have the same shape",
            found=f"answers {list(rows.shape)}, targets {list(targets.shape)}",
            allowed="one target value for each value of an answer",
            remedy="a dataset made for this model",
        )
