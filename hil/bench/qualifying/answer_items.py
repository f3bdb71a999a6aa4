"""What is said of a device's answers: parity with the host engine, accuracy; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy import gate, paired
from hil.accuracy.metrics import agreement, wilson
from hil.accuracy.ranking import rank
from hil.bench.qualifying.limits import PHONES
from hil.bench.qualifying.verdict import outcome, unmeasured
from hil.errors import ConfigError
from hil.results.certificate import Item, Outcome

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.bench.qualifying.limits import AccuracyLimits, ParityLimits
    from hil.bench.qualifying.observation import AnswersSeen, DeviceSeen

    Hits = npt.NDArray[np.bool_]

_GATE_OUTCOMES = {
    gate.Outcome.PASSED: Outcome.PASSED,
    gate.Outcome.FAILED: Outcome.FAILED,
    gate.Outcome.UNDECIDABLE: Outcome.UNDECIDED,
}


def parity_item(
    device: DeviceSeen, seen: AnswersSeen, limits: ParityLimits, *, name: str
) -> Item:
    """Return how the answers compare to the host engine's, value by value."""
    outputs, expected = seen.answers.array(), seen.expected.array()
    agreed = agreement(outputs, expected, reference=seen.reference)
    on_phone = device.kind in PHONES
    if agreed.max_relative is not None:
        most: float = limits.most_relative_phone if on_phone else limits.most_relative
        value, unit = agreed.max_relative, "of the largest value"
        limit = f"within {most:g}, relative"
    else:
        most = _steps(seen, limits, on_phone=on_phone)
        value, unit = float(agreed.max_lsb or 0), "steps of the output"
        plural = "step" if most == 1 else "steps"
        limit = f"within {most:.0f} {plural} of the output" if most else "all identical"
    passed = value <= most and (most > 0 or agreed.identical == agreed.n)
    figure = f"{agreed.identical} of {agreed.n} identical to {seen.reference}"
    verdict = outcome(passed=passed)
    if passed and agreed.n < limits.least_samples:
        verdict = Outcome.UNDECIDED
        figure += f"; {limits.least_samples} samples are needed"
    return Item(
        name=name,
        part="parity",
        outcome=verdict,
        figure=figure,
        limit=limit,
        value=value,
        unit=unit,
        n=agreed.n,
        basis=f"samples of {seen.model}, the largest difference of all",
        evidence={
            "max_lsb": agreed.max_lsb,
            "max_relative": agreed.max_relative,
            "label_flips": agreed.label_flips,
            "engine": seen.engine,
        },
    )


def accuracy_items(
    seen: AnswersSeen, limits: AccuracyLimits, *, suffix: str
) -> list[Item]:
    """Return how many answers are right, by themselves and beside the host engine."""
    name = f"accuracy{suffix}"
    if seen.labels is None:
        return [unmeasured(name, "accuracy", "the dataset has no labels")]
    labels = np.asarray(seen.labels, np.int64)
    try:
        hits = rank(seen.answers.array(), labels).hits
        host = rank(seen.expected.array(), labels).hits
    except ConfigError as exc:
        return [unmeasured(name, "accuracy", f"{exc.what}: {exc.found}")]
    least = limits.least_share.get(seen.model)
    return [
        _share(name, seen, hits, least=least),
        _drop(f"accuracy drop{suffix}", seen, hits, host, limits),
    ]


def _steps(seen: AnswersSeen, limits: ParityLimits, *, on_phone: bool) -> int:
    if on_phone:
        return limits.most_steps_phone
    if seen.engine.startswith("tflm"):
        return limits.most_steps_tflm
    return limits.most_steps_compiled


def _share(name: str, seen: AnswersSeen, hits: Hits, *, least: float | None) -> Item:
    n, correct = len(hits), int(hits.sum())
    low, high = wilson(correct, n)
    figure = f"{correct / n:.1%}, {low:.1%} .. {high:.1%} (n={n})"
    if least is None:
        why = f"{figure}; the limits name no share for {seen.model}"
        return unmeasured(name, "accuracy", why)
    verdict = Outcome.UNDECIDED
    if low >= least:
        verdict = Outcome.PASSED
    elif high < least:
        verdict = Outcome.FAILED
    else:
        figure += "; more samples decide: --samples"
    return Item(
        name=name,
        part="accuracy",
        outcome=verdict,
        figure=figure,
        limit=f"at least {least:.1%}, with 95 % confidence",
        value=correct / n,
        unit="share of right answers (top1)",
        n=n,
        basis=f"samples of {seen.model}, Wilson interval",
        evidence={"correct": correct, "low": low, "high": high},
    )


def _drop(
    name: str, seen: AnswersSeen, hits: Hits, host: Hits, limits: AccuracyLimits
) -> Item:
    most = limits.most_drop_points
    lost, gained = paired.lost_and_gained(host, hits)
    told = gate.decide_counts(
        lost, gained, n=len(hits), gate=gate.Gate(most_drop=most / gate.POINTS)
    )
    points = (gained - lost) / len(hits) * gate.POINTS
    figure = f"{points:+.1f} points beside {seen.reference}"
    if told.samples_needed is not None:
        figure += f"; {told.samples_needed:,} samples decide: --samples"
    elif told.outcome is gate.Outcome.UNDECIDABLE:
        figure += "; no number of samples decides"
    return Item(
        name=name,
        part="accuracy",
        outcome=_GATE_OUTCOMES[told.outcome],
        figure=figure,
        limit=f"a drop of at most {most:g} points, with 95 % confidence",
        value=points,
        unit="points",
        n=len(hits),
        basis=f"samples of {seen.model} paired with {seen.reference}, Tango's interval",
        evidence={"lost": lost, "gained": gained, "low": told.low, "high": told.high},
    )
