"""Right answers of a pair of rows: paired by sample where the samples are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.accuracy.comparison import compare
from hil.accuracy.metrics import find_metric, wilson
from hil.bench.gates import ACCURACY
from hil.errors import ConfigError
from hil.results.comparison import Change, Verdict
from hil.results.scores import scores_of_wrong

if TYPE_CHECKING:
    from hil.accuracy.comparison import Comparison
    from hil.accuracy.gate import Gate, GateResult
    from hil.accuracy.sample_scores import SampleScores
    from hil.bench.comparing.pairing import RowPair
    from hil.bench.comparing.side import Row
    from hil.vocab import Accuracy

_SCORES = "scores.jsonl"
_WRONG = "the records' lists of wrong samples"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    scores: SampleScores
    source: str


def accuracy_change(pair: RowPair, *, confidence: float) -> Change | None:
    """Return how the accuracy changed; None where neither run was judged."""
    kept = [_kept(row) for row in (pair.base, pair.new)]
    counts = [row.result.accuracy for row in (pair.base, pair.new)]
    if kept[0] is not None and kept[1] is not None:
        found, problem = _paired(kept[0], kept[1], confidence=confidence)
        if found is not None:
            return _of_pairs(found, sources=(kept[0].source, kept[1].source))
        return _by_counts(counts[0], counts[1], reason=problem, confidence=confidence)
    if counts[0] is None and counts[1] is None and not any(kept):
        return None
    reason = "the samples of a run are not known"
    return _by_counts(counts[0], counts[1], reason=reason, confidence=confidence)


def decide_paired(pair: RowPair, gate: Gate) -> GateResult | None:
    """Decide how much accuracy was lost at the most; None where nothing is paired."""
    before, after = _kept(pair.base), _kept(pair.new)
    if before is None or after is None:
        return None
    try:
        (found,) = compare(before.scores, [after.scores], gate=gate)
    except ConfigError:
        return None
    return found.gate


def _kept(row: Row) -> _Kept | None:
    """Return what each sample's answer was worth, from the best place that has it."""
    if row.scores is not None:
        return _Kept(scores=row.scores.scores, source=_SCORES)
    for record in row.records:
        count = record.accuracy
        scores = None if count is None else scores_of_wrong(count)
        if scores is not None:
            return _Kept(scores=scores, source=_WRONG)
    return None


def _paired(
    base: _Kept, new: _Kept, *, confidence: float
) -> tuple[Comparison | None, str]:
    try:
        (found,) = compare(base.scores, [new.scores], confidence=confidence)
    except ConfigError as exc:
        return None, exc.what
    return found, ""


def _of_pairs(found: Comparison, *, sources: tuple[str, str]) -> Change:
    lower = find_metric(found.metric).better_when_lower
    verdict = Verdict.NOT_SHOWN
    if found.p_value < 1 - found.confidence:
        verdict = Verdict.BETTER if (found.difference < 0) is lower else Verdict.WORSE
    elif found.lost == 0 and found.gained == 0:
        verdict = Verdict.EQUAL
    told = ", ".join(dict.fromkeys(sources))
    if found.lost is None:
        how = f"paired bootstrap over {found.n} samples ({told})"
    else:
        how = (
            f"McNemar over {found.n} samples, {found.lost} lost, {found.gained} gained "
            f"({told})"
        )
    return Change(
        figure=ACCURACY,
        unit=found.metric,
        verdict=verdict,
        how=how,
        base=found.baseline_value,
        new=found.value,
        n_base=found.n,
        n_new=found.n,
        difference=found.difference,
        low=found.low,
        high=found.high,
        confidence=found.confidence,
        p_value=found.p_value,
    )


def _by_counts(
    base: Accuracy | None, new: Accuracy | None, *, reason: str, confidence: float
) -> Change:
    """Compare two shares as those of different samples, which is less sharp."""
    known = base or new
    metric = known.metric if known else "not known"
    both = base is not None and new is not None and base.metric == new.metric
    if not both:
        return Change(
            figure=ACCURACY,
            unit=metric,
            verdict=Verdict.UNDECIDED,
            how=reason if base and new else "only one of the runs was judged",
            base=base.value if base else None,
            new=new.value if new else None,
        )
    assert base is not None
    assert new is not None
    low, high = unpaired_interval(base, new, confidence=confidence)
    verdict = Verdict.NOT_SHOWN
    if low > 0 or high < 0:
        verdict = Verdict.BETTER if low > 0 else Verdict.WORSE
    return Change(
        figure=ACCURACY,
        unit=metric,
        verdict=verdict,
        how=f"by counts, not paired: {reason}",
        base=base.value,
        new=new.value,
        n_base=base.n,
        n_new=new.n,
        difference=new.value - base.value,
        low=low,
        high=high,
        confidence=confidence,
    )


def unpaired_interval(
    base: Accuracy, new: Accuracy, *, confidence: float
) -> tuple[float, float]:
    """Return the interval of the difference of two shares of different samples.

    R. G. Newcombe, "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 17 (1998), method 10, from Wilson's intervals.
    """
    base_low, base_high = wilson(base.correct, base.n, confidence=confidence)
    new_low, new_high = wilson(new.correct, new.n, confidence=confidence)
    seen = new.value - base.value
    below = math.hypot(new.value - new_low, base_high - base.value)
    above = math.hypot(new_high - new.value, base.value - base_low)
    return seen - below, seen + above
