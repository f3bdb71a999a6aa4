"""How well each class is told: confusion counts, recall, the worst class, macro-F1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.metrics import wilson
from hil.accuracy.ranking import NO_CLASS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRecall:
    """Of the `n` samples of one class `correct` were told right; Wilson interval."""

    label: int
    n: int
    correct: int
    value: float
    low: float
    high: float


def confusion(
    labels: npt.NDArray[np.integer], answers: npt.NDArray[np.integer], *, classes: int
) -> npt.NDArray[np.int64]:
    """Return counts [label, answer]; an answer of no class (NaN) is in no column."""
    named = answers != NO_CLASS
    cells = labels[named] * classes + answers[named]
    counts = np.bincount(cells, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def most_confused(
    labels: npt.NDArray[np.integer], answers: npt.NDArray[np.integer], *, most: int
) -> list[tuple[int, int, int]]:
    """Return (label, answer, count) of the commonest wrong answers, commonest first."""
    classes = 1 + max(int(labels.max()), int(answers.max()))
    counts = confusion(labels, answers, classes=classes)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:most]
    pairs = [(*divmod(int(cell), classes), int(counts.flat[cell])) for cell in order]
    return [pair for pair in pairs if pair[2]]


def recalls(
    labels: npt.NDArray[np.integer],
    hits: npt.NDArray[np.bool_],
    *,
    confidence: float = 0.95,
) -> tuple[ClassRecall, ...]:
    """Return the recall of each class that has samples, by its number."""
    n = np.bincount(labels)
    correct = np.bincount(labels[hits], minlength=len(n))
    return tuple(
        _recall(label, int(correct[label]), int(n[label]), confidence)
        for label in np.flatnonzero(n).tolist()
    )


def worst(
    found: Sequence[ClassRecall], *, confidence: float = 0.95
) -> ClassRecall | None:
    """Return the class of the lowest recall, its interval widened for the choice.

    The lowest of K shares is low by chance too, so each of the K intervals is held to
    confidence 1 - (1 - confidence) / K (Bonferroni).
    """
    if not found:
        return None
    lowest = min(found, key=lambda recall: recall.value)
    wider = 1 - (1 - confidence) / len(found)
    return _recall(lowest.label, lowest.correct, lowest.n, wider)


def macro_f1(
    right: npt.NDArray[np.float64],
    of_class: npt.NDArray[np.float64],
    named: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the mean F1 from counts [..., classes]: right, of the class, named it.

    F1 = 2 right / (of the class + named it). A class that is neither in the labels nor
    among the answers is left out of the mean.
    """
    total = of_class + named
    present = total > 0
    f1 = np.divide(2 * right, total, out=np.zeros_like(total), where=present)
    mean: npt.NDArray[np.float64] = f1.sum(axis=-1) / present.sum(axis=-1)
    return mean


def _recall(label: int, correct: int, n: int, confidence: float) -> ClassRecall:
    low, high = wilson(correct, n, confidence=confidence)
    return ClassRecall(
        label=label, n=n, correct=correct, value=correct / n, low=low, high=high
    )
