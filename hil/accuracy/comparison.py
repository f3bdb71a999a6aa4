"""A model held against its baseline, sample by sample, by one metric."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.bootstrap import metric_values, percentile_interval, resampled
from hil.accuracy.gate import decide_counts, decide_draws
from hil.accuracy.metrics import Kind
from hil.accuracy.paired import (
    difference_interval,
    holm,
    lost_and_gained,
    mcnemar,
    mcnemar_mid_p,
    shared_disagreement,
    smallest_found,
)
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.accuracy.gate import Gate, GateResult
    from hil.accuracy.sample_scores import SampleScores


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The difference from the baseline (value - baseline_value), with its interval.

    Shares are compared by Tango's interval and exact McNemar, with `lost`, `gained`
    and the smallest difference that n samples of such disagreement would find; other
    metrics by paired bootstrap. `p_holm` is adjusted for the other variants.
    """

    metric: str
    n: int
    baseline_value: float
    value: float
    difference: float
    low: float
    high: float
    confidence: float
    p_value: float
    p_holm: float
    lost: int | None = None
    gained: int | None = None
    mid_p: float | None = None
    detectable: float | None = None
    gate: GateResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus:
    """One variant on one device against its baseline; device None: on this host."""

    model: str
    variant: str
    device: str | None
    baseline: str
    comparison: Comparison


def compare(
    baseline: SampleScores,
    others: Sequence[SampleScores],
    *,
    gate: Gate | None = None,
    confidence: float = 0.95,
) -> list[Comparison]:
    """Compare each of *others* with *baseline*; their p-values are Holm-adjusted.

    Raises ConfigError where two did not see the same samples.
    """
    found = [_one(baseline, other, gate, confidence) for other in others]
    adjusted = holm([comparison.p_value for comparison in found])
    return [
        dataclasses.replace(comparison, p_holm=p_value)
        for comparison, p_value in zip(found, adjusted, strict=True)
    ]


def _one(
    baseline: SampleScores, other: SampleScores, gate: Gate | None, confidence: float
) -> Comparison:
    _require_pairs(baseline, other)
    if baseline.metric.kind is Kind.TOP_K:
        return _counted(baseline, other, gate, confidence)
    return _drawn(baseline, other, gate, confidence)


def _counted(
    baseline: SampleScores, other: SampleScores, gate: Gate | None, confidence: float
) -> Comparison:
    assert baseline.hits is not None
    assert other.hits is not None
    n = baseline.n
    lost, gained = lost_and_gained(baseline.hits, other.hits)
    low, high = difference_interval(lost, gained, n=n, confidence=confidence)
    p_value = mcnemar(lost, gained)
    disagreement = shared_disagreement(lost, gained, n=n)
    return Comparison(
        metric=baseline.metric.name,
        n=n,
        baseline_value=int(baseline.hits.sum()) / n,
        value=int(other.hits.sum()) / n,
        difference=(gained - lost) / n,
        low=low,
        high=high,
        confidence=confidence,
        p_value=p_value,
        p_holm=p_value,
        lost=lost,
        gained=gained,
        mid_p=mcnemar_mid_p(lost, gained),
        detectable=smallest_found(disagreement, n, alpha=1 - confidence),
        gate=decide_counts(lost, gained, n=n, gate=gate) if gate else None,
    )


def _drawn(
    baseline: SampleScores, other: SampleScores, gate: Gate | None, confidence: float
) -> Comparison:
    ones = np.ones((1, baseline.n))
    before, after = (float(metric_values(s, ones)[0]) for s in (baseline, other))
    draws = resampled([baseline, other])
    differences = draws[1] - draws[0]
    low, high = percentile_interval(differences, confidence=confidence)
    fewer = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    p_value = min(1.0, 2 * (fewer + 1) / (len(differences) + 1))
    decided = None
    if gate is not None and baseline.metric.in_points:
        decided = decide_draws(
            after - before,
            lambda share: percentile_interval(differences, confidence=share),
            n=baseline.n,
            spread=float(differences.std()),
            gate=gate,
        )
    return Comparison(
        metric=baseline.metric.name,
        n=baseline.n,
        baseline_value=before,
        value=after,
        difference=after - before,
        low=low,
        high=high,
        confidence=confidence,
        p_value=p_value,
        p_holm=p_value,
        gate=decided,
    )


def _require_pairs(baseline: SampleScores, other: SampleScores) -> None:
    """A paired test of different samples would look right and mean nothing."""
    ours, theirs = baseline.labels, other.labels
    same = baseline.n == other.n and baseline.metric == other.metric
    if same and ours is not None and theirs is not None:
        same = bool(np.array_equal(ours, theirs))
    if not same:
        raise ConfigError(
            "the two did not see the same samples, so they cannot be paired",
            found=f"{other.metric.name} of {other.n} samples",
            allowed=f"{baseline.metric.name} of the baseline's {baseline.n} samples, "
            "in the same order",
            remedy="measure both in one run, on one dataset",
        )
