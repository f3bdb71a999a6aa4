"""Scores to what a reader is told: each row's value, and each variant's difference.

Pure: it is computed anew whenever the scores of a run are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.accuracy.comparison import Versus, compare
from hil.accuracy.gate import Outcome
from hil.accuracy.rating import rate
from hil.bench.phone_stop import compare_stopped, stopped
from hil.bench.plan import AS_IS, HOST_BASELINE
from hil.results.scores import StoredScores, scores_of_wrong
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hil.accuracy.rating import Rating
    from hil.bench.plan import AccuracyGate
    from hil.vocab import RunRecord

Row = tuple[str, str, str | None]  # model, variant, device; None: this host


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyReport:
    """All that the scores of a run say.

    `undecided` names the rows that a gate asks for and that have no comparison.
    """

    ratings: Mapping[Row, Rating]
    versus: tuple[Versus, ...]
    gate: AccuracyGate
    undecided: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing stands against the gate; true where there is none."""
        return not self.undecided and holds(self.gate, self.versus)


def report_accuracy(
    stored: Iterable[StoredScores], records: Iterable[RunRecord], gate: AccuracyGate
) -> AccuracyReport:
    """Rate every row and compare it with its baseline, on this host or its own device.

    Rows without scores are taken from their record's list of wrong samples, as runs of
    earlier versions have them. p-values are Holm-adjusted over the variants of one
    model on one device. Raises ConfigError where rows did not see the same samples.
    """
    rows: dict[Row, StoredScores] = {}
    gated = gate.most_drop is not None
    answered: list[tuple[str, str, str]] = []
    for record in records:
        found = _from_record(record)
        if found is not None:
            rows[_row(found)] = found
        if gated and record.window == 0 and record.status is RunStatus.OK:
            answered.append((record.model, record.variant, record.place))
    rows |= {_row(s): s for s in stored}
    groups: dict[tuple[str, str], list[StoredScores]] = {}
    for (model, _, device), scores in rows.items():
        if device is not None:
            groups.setdefault((model, device), []).append(scores)
    versus: list[Versus] = []
    for (model, device), group in groups.items():
        baseline = _baseline(rows, model, device, gate)
        if baseline is not None:
            others = [s for s in group if s is not baseline]
            versus += versus_baseline(baseline, others, gate)
    known = {(v.model, v.variant, v.device) for v in versus}
    return AccuracyReport(
        ratings={row: rate(s.scores) for row, s in rows.items()},
        versus=tuple(versus),
        gate=gate,
        undecided=tuple(
            f"{variant} on {place}"
            for model, variant, place in answered
            if (model, variant, place) not in known and variant != gate.baseline
        ),
    )


def holds(gate: AccuracyGate, versus: Iterable[Versus]) -> bool:
    """Return whether every comparison passed the gate; true where there is none."""
    if gate.most_drop is None:
        return True
    allowed = {Outcome.PASSED}
    if gate.accept_undecidable:
        allowed.add(Outcome.UNDECIDABLE)
    decided = [v.comparison.gate for v in versus]
    return all(result is not None and result.outcome in allowed for result in decided)


def versus_baseline(
    baseline: StoredScores, others: Sequence[StoredScores], gate: AccuracyGate
) -> list[Versus]:
    """Compare each of *others* with *baseline*, Holm-adjusted over them."""
    limit, whole = gate.limit, [o for o in others if not _is_part(baseline, o, gate)]
    compared = compare(
        baseline.scores,
        [other.scores for other in whole],
        gate=limit,
        confidence=gate.confidence,
    )
    by_row = {_row(o): c for o, c in zip(whole, compared, strict=True)}
    for other in others:
        if limit is not None and _row(other) not in by_row:
            by_row[_row(other)] = compare_stopped(
                baseline.scores, other.scores, gate=limit, confidence=gate.confidence
            )
    place = f"{baseline.engine}, this host"
    if baseline.device is not None:
        place = baseline.device
    return [
        Versus(
            model=other.model,
            variant=other.variant,
            device=other.device,
            baseline=f"{baseline.variant} on {place}",
            comparison=by_row[_row(other)],
        )
        for other in others
    ]


def _is_part(baseline: StoredScores, other: StoredScores, gate: AccuracyGate) -> bool:
    return stopped(baseline.scores, other.scores, gate.limit)


def _baseline(
    rows: Mapping[Row, StoredScores], model: str, device: str, gate: AccuracyGate
) -> StoredScores | None:
    if gate.baseline != HOST_BASELINE:
        return rows.get((model, gate.baseline, device))
    # Runs of earlier versions have no row of the host.
    on_host = rows.get((model, AS_IS, None))
    return on_host or rows.get((model, AS_IS, device))


def _from_record(record: RunRecord) -> StoredScores | None:
    count = record.accuracy
    scores = None if count is None else scores_of_wrong(count)
    if scores is None:
        return None
    return StoredScores(
        model=record.model,
        variant=record.variant,
        device=record.place,
        engine=record.engine or "",
        scores=scores,
    )


def _row(stored: StoredScores) -> Row:
    return stored.model, stored.variant, stored.device
