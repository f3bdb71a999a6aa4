"""Samples that are not run because the first of them decide the accuracy gate.

The test that stops is the one that gives the verdict: a test of a fixed number of
samples, read after a stop at the right moment, would promise too much.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from hil.accuracy.comparison import Comparison, compare
from hil.accuracy.gate import Outcome
from hil.accuracy.sequential import decide_in_turn
from hil.bench.evaluation import score_answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    import numpy.typing as npt

    from hil.accuracy.gate import Gate
    from hil.accuracy.sample_scores import SampleScores
    from hil.bench.variants import Variant
    from hil.vocab import Job


class EarlyStop:
    """Whether the answers to a job's first samples decide its gate."""

    def __init__(
        self,
        variants: Iterable[Variant],
        baselines: Mapping[str, SampleScores],
        gate: Gate | None,
    ) -> None:
        """Take the baselines' scores by the model's name; no gate never decides."""
        self._variants = {(v.artifact.name, v.artifact.variant): v for v in variants}
        self._baselines = baselines
        self._gate = gate

    def __call__(self, job: Job, rows: npt.NDArray[np.generic]) -> bool:
        """Return whether the rest of *job*'s samples can be left out."""
        baseline = self._baselines.get(job.model.name)
        if baseline is None or self._gate is None:
            return False
        scores = score_answers(rows, self._variants[job.model.name, job.model.variant])
        outcome = _in_turn(baseline, scores, self._gate)
        return outcome in {Outcome.PASSED, Outcome.FAILED}


def stopped(baseline: SampleScores, other: SampleScores, gate: Gate | None) -> bool:
    """Return whether *other* saw only the first of the baseline's samples."""
    return gate is not None and other.n < baseline.n and other.hits is not None


def compare_stopped(
    baseline: SampleScores, other: SampleScores, *, gate: Gate, confidence: float
) -> Comparison:
    """Compare *other* with the baseline's same samples; the gate is decided in turn.

    Raises ConfigError where these are not the same samples.
    """
    first = _first(baseline, other.n)
    (found,) = compare(first, [other], gate=gate, confidence=confidence)
    outcome = _in_turn(first, other, gate)
    if found.gate is None or outcome is None:
        return found
    decided = dataclasses.replace(found.gate, outcome=outcome, samples_needed=None)
    return dataclasses.replace(found, gate=decided)


def _in_turn(
    baseline: SampleScores, other: SampleScores | None, gate: Gate
) -> Outcome | None:
    if other is None or other.hits is None or baseline.hits is None:
        return None
    pairs = zip(baseline.hits[: other.n], other.hits, strict=True)
    return decide_in_turn(((bool(a), bool(b)) for a, b in pairs), gate).outcome


def _first(scores: SampleScores, n: int) -> SampleScores:
    return dataclasses.replace(
        scores,
        n=n,
        labels=None if scores.labels is None else scores.labels[:n],
        hits=None if scores.hits is None else scores.hits[:n],
        answers=None if scores.answers is None else scores.answers[:n],
        values=None if scores.values is None else scores.values[:n],
    )
