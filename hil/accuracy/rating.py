"""One model's value by a metric, with its interval: what a table shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.bootstrap import metric_values, percentile_interval, resampled
from hil.accuracy.classes import recalls, worst
from hil.accuracy.metrics import Kind, wilson

if TYPE_CHECKING:
    from hil.accuracy.classes import ClassRecall
    from hil.accuracy.sample_scores import SampleScores


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A metric's value with its 95 % interval: Wilson's for shares, else bootstrap.

    `correct`, `classes` and `worst` are there for topK (and macro-f1's top-1 answers).
    """

    metric: str
    n: int
    value: float
    low: float
    high: float
    correct: int | None = None
    ties: int | None = None
    target: str | None = None
    classes: tuple[ClassRecall, ...] = ()
    worst: ClassRecall | None = None


def rate(scores: SampleScores, *, confidence: float = 0.95) -> Rating:
    """Return the value of *scores* by their metric."""
    hits = scores.hits
    by_class = (
        recalls(scores.labels, hits, confidence=confidence)
        if hits is not None and scores.labels is not None
        else ()
    )
    correct = None
    if scores.metric.kind is Kind.TOP_K:
        assert hits is not None
        correct = int(hits.sum())
        value = correct / scores.n
        low, high = wilson(correct, scores.n, confidence=confidence)
    else:
        value = float(metric_values(scores, np.ones((1, scores.n)))[0])
        draws = resampled([scores])[0]
        low, high = percentile_interval(draws, confidence=confidence)
    return Rating(
        metric=scores.metric.name,
        n=scores.n,
        value=value,
        low=low,
        high=high,
        correct=correct,
        ties=scores.ties,
        target=scores.target,
        classes=by_class,
        worst=worst(by_class, confidence=confidence),
    )
