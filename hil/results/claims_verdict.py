"""A measured figure held against a claim: confirmed, contradicted or undecidable.

A figure that was counted on samples is an interval, not a number. It confirms a claim
only where the whole interval lies within it, and contradicts it only where none of the
interval does. Between them lies "undecidable", with the number of samples that would
decide if the same share were seen again.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.accuracy.gate import POINTS, Gate, Outcome, decide_counts
from hil.accuracy.metrics import wilson
from hil.accuracy.paired import difference_interval, mcnemar
from hil.results.claims import Quantity, Relation
from hil.results.claims_units import from_base, in_words, to_base
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.results.claims import Claim
    from hil.results.claims_measured import Measured, Paired, Rated

_ALPHA: Final = 0.05
_MOST_SAMPLES: Final = 1_000_000_000


class Verdict(enum.Enum):
    """What a measurement says of a claim."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNDECIDABLE = "undecidable"
    ANOTHER_MODEL = "about another model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One claim held against one variant.

    `value`, `low` and `high` are in the claim's unit; absent where nothing was
    measured. `samples_needed` would decide what is undecidable, at the same share;
    `to_decide` says so in words, or what else would.
    """

    claim: Claim
    measured: Measured
    verdict: Verdict
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    samples_needed: int | None = None
    to_decide: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Estimate:
    """A figure in the base unit of its dimension; `at(n)` is its interval with n."""

    value: float
    low: float
    high: float
    n: int | None = None
    how: str = ""
    at: Callable[[int], tuple[float, float]] | None = None


def judge(claim: Claim, measured: Measured, baseline: Measured | None) -> Finding:
    """Hold *measured* (and what it is compared with) against *claim*.

    Whether they are of the model and the device that the claim is about is not asked.
    """
    found = _estimate(claim, measured, baseline)
    if isinstance(found, str):
        return Finding(
            claim=claim,
            measured=measured,
            verdict=Verdict.UNDECIDABLE,
            reason=found,
            to_decide="measure it: hil bench, hil evaluate, or --model with --variant",
        )
    verdict, reason, needed = (
        _no_difference(claim, found, _pairs(claim, measured))
        if claim.relation is Relation.NO_DIFFERENCE
        else _decided(claim, found)
    )
    return Finding(
        claim=claim,
        measured=measured,
        verdict=verdict,
        reason=reason,
        value=from_base(found.value, claim.unit),
        low=from_base(found.low, claim.unit),
        high=from_base(found.high, claim.unit),
        n=found.n,
        samples_needed=needed,
        to_decide=_advice(found, needed) if verdict is Verdict.UNDECIDABLE else None,
    )


def _advice(found: _Estimate, needed: int | None) -> str:
    if needed is not None:
        return f"about {needed:,} samples, if the share stays as it is"
    if found.n is None:
        return "more runs, on a device that does nothing else"
    if found.at is None:
        return "more samples, and both variants on the same ones: hil evaluate"
    return "no number of samples: the figure is at the limit itself"


def _estimate(
    claim: Claim, measured: Measured, baseline: Measured | None
) -> _Estimate | str:
    """Return the figure that *claim* is about, or why there is none."""
    exact = {
        Quantity.SIZE: measured.size_bytes,
        Quantity.ARENA: measured.arena_bytes,
        Quantity.QUANTIZATION: measured.quantization_bytes,
        Quantity.NAMES: measured.name_bytes,
        Quantity.METADATA_SHARE: _metadata_share(measured),
    }
    value = exact.get(claim.quantity)
    if value is not None:
        return _Estimate(value=value, low=value, high=value)
    match claim.quantity:
        case Quantity.SIZE_RATIO:
            return _size_ratio(measured, baseline)
        case Quantity.ACCURACY:
            return _accuracy(claim, measured)
        case Quantity.ACCURACY_DROP:
            return _drop(claim, measured, baseline)
        case Quantity.LATENCY | Quantity.LATENCY_RATIO:
            return _time(claim, measured, baseline)
        case _:
            return f"{claim.quantity.value} was not measured"


def _metadata_share(measured: Measured) -> float | None:
    quantization, names = measured.quantization_bytes, measured.name_bytes
    if quantization is None or names is None or not measured.size_bytes:
        return None
    return (quantization + names) / measured.size_bytes


def _size_ratio(measured: Measured, baseline: Measured | None) -> _Estimate | str:
    if measured.size_ratio is not None:
        ratio, how = measured.size_ratio, ""
    elif baseline is None or not baseline.size_bytes or not measured.size_bytes:
        return "the size of the baseline or of the variant was not measured"
    else:
        ratio = baseline.size_bytes / measured.size_bytes
        how = f"{baseline.size_bytes:,} -> {measured.size_bytes:,} B"
    return _Estimate(value=ratio, low=ratio, high=ratio, how=how)


def _accuracy(claim: Claim, measured: Measured) -> _Estimate | str:
    rated = measured.accuracy
    if rated is None or rated.metric != claim.metric:
        return f"the metric {claim.metric} was not measured"
    correct = rated.correct
    if correct is None:
        return _Estimate(
            value=rated.value,
            low=rated.low,
            high=rated.high,
            n=rated.n,
            how="bootstrap",
        )

    def at(n: int) -> tuple[float, float]:
        return wilson(round(correct / rated.n * n), n)

    low, high = at(rated.n)
    how = f"{correct:,} of {rated.n:,}"
    return _Estimate(value=rated.value, low=low, high=high, n=rated.n, how=how, at=at)


def _drop(
    claim: Claim, measured: Measured, baseline: Measured | None
) -> _Estimate | str:
    """Return the loss in points: paired by Tango's interval, else by Newcombe's."""
    paired = _pairs(claim, measured)
    if paired is not None:
        return _paired_drop(paired)
    after, before = measured.accuracy, baseline.accuracy if baseline else None
    if after is None or before is None or before.metric != after.metric:
        return "the accuracy of the baseline or of the variant was not measured"
    if after.metric != claim.metric or after.correct is None or before.correct is None:
        return f"the metric {claim.metric} was not measured for both"
    low, high = _newcombe(before, after)
    return _Estimate(
        value=(before.value - after.value) * POINTS,
        low=low * POINTS,
        high=high * POINTS,
        n=min(before.n, after.n),
        how="not paired: which samples were wrong is not known",
    )


def _pairs(claim: Claim, measured: Measured) -> Paired | None:
    paired = measured.paired
    return paired if paired and paired.metric == claim.metric else None


def _paired_drop(paired: Paired) -> _Estimate:
    lost, gained, seen = paired.lost, paired.gained, paired.n

    def at(n: int) -> tuple[float, float]:
        scaled = (round(count / seen * n) for count in (lost, gained))
        low, high = difference_interval(*scaled, n=n)
        return -high * POINTS, -low * POINTS

    low, high = at(seen)
    p = mcnemar(lost, gained)
    return _Estimate(
        value=(lost - gained) / seen * POINTS,
        low=low,
        high=high,
        n=seen,
        how=f"{lost} lost, {gained} gained, exact McNemar p = {p:.2g}",
        at=at,
    )


def _newcombe(before: Rated, after: Rated) -> tuple[float, float]:
    """Return the interval of before - after from Wilson's two.

    R. G. Newcombe, Statistics in Medicine 17 (1998), method 10: for samples that are
    not paired, so it is wider than need be where they are.
    """
    difference = before.value - after.value
    return (
        difference - math.hypot(before.value - before.low, after.high - after.value),
        difference + math.hypot(before.high - before.value, after.value - after.low),
    )


def _time(
    claim: Claim, measured: Measured, baseline: Measured | None
) -> _Estimate | str:
    time = measured.time
    if time is None:
        return "latency was not measured"
    if time.basis is TimeBasis.EMULATED_INSTRUCTIONS:
        return "instructions that an emulator counted are no time"
    if claim.quantity is Quantity.LATENCY:
        how = f"median of {time.n:,} runs, {time.basis.value}"
        return _Estimate(value=time.median, low=time.low, high=time.high, how=how)
    other = baseline.time if baseline else None
    if other is None or other.basis is not time.basis:
        return "the latency of the baseline was not measured on the same clock"
    return _Estimate(
        value=other.median / time.median,
        low=other.low / time.high,
        high=other.high / time.low,
        how=f"{other.median:,.4g} -> {time.median:,.4g} us, {time.basis.value}",
    )


def _band(claim: Claim) -> tuple[float, float]:
    """Return the least and the greatest figure that the claim allows, in base units."""
    value = to_base(claim.value, claim.unit)
    slack = to_base(claim.tolerance, claim.unit)
    match claim.relation:
        case Relation.AT_LEAST:
            return value, math.inf
        case Relation.AT_MOST:
            return -math.inf, value
        case Relation.EQUALS | Relation.NO_DIFFERENCE:
            return value - slack, value + slack


def _side(low: float, high: float, band: tuple[float, float]) -> Verdict:
    if band[0] <= low and high <= band[1]:
        return Verdict.CONFIRMED
    if high < band[0] or low > band[1]:
        return Verdict.CONTRADICTED
    return Verdict.UNDECIDABLE


def _decided(claim: Claim, found: _Estimate) -> tuple[Verdict, str, int | None]:
    band = _band(claim)
    verdict = _side(found.low, found.high, band)
    seen = _seen(claim, found)
    if verdict is Verdict.CONFIRMED:
        return verdict, f"{seen} is within the claim", None
    if verdict is Verdict.CONTRADICTED:
        return verdict, f"{seen} is outside of the claim", None
    reason = f"{seen} is partly within the claim and partly outside"
    return verdict, reason, _needed(found, band)


def _no_difference(
    claim: Claim, found: _Estimate, paired: Paired | None
) -> tuple[Verdict, str, int | None]:
    """Prove that two are alike, by two one-sided tests, or that they differ."""
    seen = _seen(claim, found)
    slack = in_words(claim.tolerance, claim.unit)
    needed = None
    if paired is None:
        alike = -claim.tolerance <= found.low and found.high <= claim.tolerance
        differs = found.low > 0 or found.high < 0
    else:
        lost, gained = paired.lost, paired.gained
        gate = Gate(most_drop=claim.tolerance / POINTS, confidence=1 - _ALPHA)
        sides = [
            decide_counts(*counts, n=paired.n, gate=gate)
            for counts in ((lost, gained), (gained, lost))
        ]
        alike = all(side.outcome is Outcome.PASSED for side in sides)
        differs = mcnemar(lost, gained) < _ALPHA
        numbers = [side.samples_needed for side in sides]
        needed = max((n for n in numbers if n is not None), default=None)
    if alike:
        reason = f"{seen}: within {slack} either way, with 95 % confidence each"
        return Verdict.CONFIRMED, reason, None
    if differs:
        return Verdict.CONTRADICTED, f"{seen}: there is a difference", None
    reason = f"{seen}: no difference is shown, nor that it is within {slack}"
    return Verdict.UNDECIDABLE, reason, needed


def _seen(claim: Claim, found: _Estimate) -> str:
    """Return the figure with its interval, its n and how it came about."""
    figure, low, high = (
        in_words(from_base(value, claim.unit), claim.unit)
        for value in (found.value, found.low, found.high)
    )
    text = figure if found.low == found.high else f"{figure} [{low} .. {high}]"
    parts = [] if found.n is None else [f"n = {found.n:,}"]
    parts += [found.how] if found.how else []
    return f"{text} ({', '.join(parts)})" if parts else text


def _needed(found: _Estimate, band: tuple[float, float]) -> int | None:
    """Return the least number of samples whose interval decides, at the same share."""
    if found.at is None or found.n is None:
        return None

    def decides(n: int) -> bool:
        assert found.at is not None
        return _side(*found.at(n), band) is not Verdict.UNDECIDABLE

    high = found.n
    while not decides(high):
        high *= 2
        if high > _MOST_SAMPLES:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
