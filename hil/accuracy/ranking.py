"""Where the label's score stands among the scores of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt

NO_CLASS = -1  # of a row that holds NaN: it names no class


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """Each sample's outcome: `hits` [n], and `answers` [n], the class named first.

    Of equal scores the first counts. `ties` counts the samples where that decided:
    the label's score equals others', and another order of the classes would have
    made a right answer wrong or a wrong one right.
    """

    hits: npt.NDArray[np.bool_]
    answers: npt.NDArray[np.int64]
    ties: int


def rank(
    outputs: npt.NDArray[np.generic], y: npt.NDArray[np.integer], *, k: int = 1
) -> Ranking:
    """Look for the label among the *k* highest scores of each row of [n, classes].

    Scores may be floats or quantized. A row with NaN is wrong. Raises ConfigError
    where labels and outputs do not belong together.
    """
    rows = score_rows(outputs, y, name=f"top{k}")
    if k >= rows.shape[1]:
        raise ConfigError(
            f"top{k} of {rows.shape[1]} classes is always right",
            found=f"answers of shape {list(outputs.shape)}",
            allowed=f"top1 to top{rows.shape[1] - 1}",
        )
    index = np.arange(len(rows))
    own = rows[index, y][:, None]
    greater = (rows > own).sum(axis=1)
    equal = rows == own
    # The label itself is equal too; those before it come first.
    before = (equal & (np.arange(rows.shape[1]) < np.asarray(y)[:, None])).sum(axis=1)
    named = first_classes(rows)
    valid = named != NO_CLASS
    decided = (greater < k) & (greater + equal.sum(axis=1) > k) & valid
    return Ranking(
        hits=(greater + before < k) & valid, answers=named, ties=int(decided.sum())
    )


def first_classes(rows: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Return the class of each row's highest score; NO_CLASS where one is NaN."""
    labels: npt.NDArray[np.int64] = np.argmax(rows, axis=1).astype(np.int64)
    if rows.dtype.kind == "f":
        labels[np.isnan(rows).any(axis=1)] = NO_CLASS
    return labels


def score_rows(
    outputs: npt.NDArray[np.generic], y: npt.NDArray[np.integer], *, name: str
) -> npt.NDArray[np.generic]:
    """Return *outputs* as [n, classes]; ConfigError where the labels do not fit."""
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
            f"{name} needs one score for each class",
            found=f"answers of shape {list(outputs.shape)}",
            allowed="[n, classes] with at least two classes",
            remedy='metric "none" for models that do not classify',
        )
    if not 0 <= int(y.min()) <= int(y.max()) < classes:
        raise ConfigError(
            "the labels do not belong to this model",
            found=f"labels from {y.min()} to {y.max()}",
            allowed=f"0 to {classes - 1}, for the model has {classes} outputs",
            remedy="the dataset that the model was trained for",
        )
    return rows
