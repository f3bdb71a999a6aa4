"""Resampling with a fixed seed: values of a metric over many draws of the samples.

Every model of a comparison sees the same draws, so that what two models have in
common falls out of their difference (paired bootstrap; Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapters 8 and 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.auc import weighted_auc
from hil.accuracy.classes import macro_f1
from hil.accuracy.metrics import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from hil.accuracy.sample_scores import SampleScores

SEED = 0
_MOST_DRAWS, _FEWEST_DRAWS = 2000, 500
_BUDGET = 40_000_000  # sample draws in all: about a second
_CHUNK = 2_000_000  # of them at once, which bounds the memory


def resampled(
    scores: Sequence[SampleScores], *, seed: int = SEED
) -> npt.NDArray[np.float64]:
    """Return each model's metric over the same draws: [models, draws].

    For auc each class is drawn apart, so that none is ever missing.
    """
    first = scores[0]
    strata = first.labels if first.metric.kind is Kind.AUC else None
    width = first.values.size // first.n if first.values is not None else 1
    draws = int(np.clip(_BUDGET // (first.n * width), _FEWEST_DRAWS, _MOST_DRAWS))
    parts = [
        [metric_values(model, weights) for model in scores]
        for weights in _weights(first.n, draws=draws, strata=strata, seed=seed)
    ]
    return np.concatenate(parts, axis=1)


def metric_values(
    scores: SampleScores, weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the metric for each row of *weights* [rows, n], how often a sample counts.

    A row of ones gives the metric itself.
    """
    kind = scores.metric.kind
    if kind is Kind.AUC:
        assert scores.values is not None
        assert scores.labels is not None
        return weighted_auc(scores.values, scores.labels, weights)
    if kind is Kind.MACRO_F1:
        return _macro_f1(scores, weights)
    values = scores.hits if kind is Kind.TOP_K else scores.values
    assert values is not None
    total = weights.sum(axis=1)
    mean: npt.NDArray[np.float64] = (weights @ values.astype(np.float64)) / total
    return mean


def percentile_interval(
    values: npt.NDArray[np.float64], *, confidence: float
) -> tuple[float, float]:
    """Return the ends between which the share *confidence* of the values lies."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _macro_f1(
    scores: SampleScores, weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    assert scores.labels is not None
    assert scores.answers is not None
    classes = 1 + max(int(scores.labels.max()), int(scores.answers.max()))
    of_class = scores.labels[:, None] == np.arange(classes)
    named = scores.answers[:, None] == np.arange(classes)
    right, labelled, answered = (
        weights @ part.astype(np.float64)
        for part in (of_class & named, of_class, named)
    )
    return macro_f1(right, labelled, answered)


def _weights(
    n: int, *, draws: int, strata: npt.NDArray[np.int64] | None, seed: int
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield how often each sample was drawn, some rows of [draws, n] at a time."""
    generator = np.random.default_rng(seed)
    groups = (
        [np.arange(n)]
        if strata is None
        else [np.flatnonzero(strata == label) for label in np.unique(strata)]
    )
    rows = max(1, _CHUNK // n)
    for start in range(0, draws, rows):
        count = min(rows, draws - start)
        offsets = np.arange(count)[:, None] * n
        drawn = np.concatenate(
            [
                group[generator.integers(0, len(group), (count, len(group)))]
                for group in groups
            ],
            axis=1,
        )
        counts = np.bincount((drawn + offsets).ravel(), minlength=count * n)
        yield counts.reshape(count, n).astype(np.float64)
