"""What each sample's answer was worth: all that a metric or a paired test needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.distance import cosine_similarities, mean_squared_errors, real_rows
from hil.accuracy.metrics import Kind
from hil.accuracy.ranking import rank, score_rows
from hil.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.accuracy.metrics import Metric

_BINARY = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleScores:
    """One model's answers to n samples by one metric.

    `hits` and `answers` [n] are there for topK and macro-f1, `values` for the others:
    [n], or [n, classes] for auc of more than two classes. `target` says what mse and
    cosine were held against, or what auc's score is. `ties` counts the samples that
    the order of equal scores decided.
    """

    metric: Metric
    n: int
    labels: npt.NDArray[np.int64] | None = None
    hits: npt.NDArray[np.bool_] | None = None
    answers: npt.NDArray[np.int64] | None = None
    values: npt.NDArray[np.generic] | None = None
    ties: int | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """Real values [n, values] that answers should be near, and what they are."""

    rows: npt.NDArray[np.float64]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """real = (q - zero_point) * scale; scale 0 where values are real already."""

    scale: float = 0.0
    zero_point: int = 0


def score(
    outputs: npt.NDArray[np.generic],
    *,
    metric: Metric,
    labels: npt.NDArray[np.int64] | None = None,
    samples: npt.NDArray[np.generic] | None = None,
    input_scale: Scale = Scale(),
    output_scale: Scale = Scale(),
    target: Target | None = None,
) -> SampleScores | None:
    """Score each of *outputs* [n, ...]; None where there is nothing to hold them to.

    mse and cosine take *target*; without one, an answer of as many values as its
    sample is held against that (a reconstruction). Raises ConfigError where labels,
    target and outputs do not belong together.
    """
    if metric.kind is Kind.NONE or not len(outputs):
        return None
    if metric.kind in {Kind.MSE, Kind.COSINE}:
        rows = _real(outputs, output_scale)
        held = target or _reconstructed(rows, samples, input_scale)
        return None if held is None else _distances(rows, held, metric)
    if labels is None:
        return None
    if metric.kind is Kind.AUC:
        real = _real(outputs, output_scale)
        rebuilt = _reconstructed(real, samples, input_scale)
        return _roc(outputs, real, labels, metric=metric, rebuilt=rebuilt)
    ranking = rank(outputs, labels, k=metric.k)
    return SampleScores(
        metric=metric,
        n=len(outputs),
        labels=labels,
        hits=ranking.hits,
        answers=ranking.answers,
        ties=ranking.ties,
    )


def _distances(
    rows: npt.NDArray[np.float64], target: Target, metric: Metric
) -> SampleScores:
    measure = mean_squared_errors if metric.kind is Kind.MSE else cosine_similarities
    return SampleScores(
        metric=metric,
        n=len(rows),
        values=measure(rows, target.rows),
        target=target.name,
    )


def _reconstructed(
    rows: npt.NDArray[np.float64],
    samples: npt.NDArray[np.generic] | None,
    scale: Scale,
) -> Target | None:
    if samples is None or len(samples) != len(rows):
        return None
    given = _real(samples, scale)
    if given.shape != rows.shape:
        return None
    return Target(rows=given, name="the input (reconstruction)")


def _roc(
    outputs: npt.NDArray[np.generic],
    real: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    *,
    metric: Metric,
    rebuilt: Target | None,
) -> SampleScores:
    rows = outputs.reshape(len(outputs), -1)
    values: npt.NDArray[np.generic]
    if rows.shape[1] == 1:
        values, told = rows[:, 0], "the output"
    elif rebuilt is not None:
        # MLPerf Tiny's AD: what the autoencoder cannot rebuild is an anomaly, class 1.
        values, told = mean_squared_errors(real, rebuilt.rows), "reconstruction error"
    elif score_rows(outputs, labels, name=metric.name).shape[1] == _BINARY:
        wide = rows.astype(np.float64)
        values, told = wide[:, 1] - wide[:, 0], "score of class 1 over class 0"
    else:
        values, told = rows, "one against the rest"
    _require_numbers(values)
    return SampleScores(
        metric=metric, n=len(rows), labels=labels, values=values, target=told
    )


def _real(values: npt.NDArray[np.generic], scale: Scale) -> npt.NDArray[np.float64]:
    return real_rows(values, scale=scale.scale, zero_point=scale.zero_point)


def _require_numbers(values: npt.NDArray[np.generic]) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        raise ConfigError(
            "the answers hold NaN or infinity, which have no rank",
            found=f"{int(bad.sum())} of {len(values)} samples",
            allowed="finite scores",
        )
