"""Scores to what a reader is told: each row's value, and each variant's difference.

Pure: it is computed anew whenever the scores of a run are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.comparison import Versus, compare
from hil.accuracy.gate import Outcome
from hil.accuracy.metrics import find_metric
from hil.accuracy.rating import rate
from hil.accuracy.sample_scores import SampleScores
from hil.bench.plan import AS_IS, HOST_BASELINE
from hil.results.scores import StoredScores
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
    records = list(records)
    rows: dict[Row, StoredScores] = {_row(s): s for s in _from_records(records)}
    rows |= {_row(s): s for s in stored}
    versus: list[Versus] = []
    for model, device in dict.fromkeys((m, d) for m, _, d in rows if d is not None):
        baseline = _baseline(rows, model, device, gate)
        if baseline is not None:
            group = [
                s
                for (m, _, d), s in rows.items()
                if (m, d) == (model, device) and s is not baseline
            ]
            versus += versus_baseline(baseline, group, gate)
    gated = gate.most_drop is not None
    answered = [
        r for r in records if gated and r.window == 0 and r.status is RunStatus.OK
    ]
    known = {(v.model, v.variant, v.device) for v in versus}
    return AccuracyReport(
        ratings={row: rate(s.scores) for row, s in rows.items()},
        versus=tuple(versus),
        gate=gate,
        undecided=tuple(
            f"{r.variant} on {r.place}"
            for r in answered
            if (r.model, r.variant, r.place) not in known and r.variant != gate.baseline
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
    found = compare(
        baseline.scores,
        [other.scores for other in others],
        gate=gate.limit,
        confidence=gate.confidence,
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
            comparison=comparison,
        )
        for other, comparison in zip(others, found, strict=True)
    ]


def _baseline(
    rows: Mapping[Row, StoredScores], model: str, device: str, gate: AccuracyGate
) -> StoredScores | None:
    if gate.baseline != HOST_BASELINE:
        return rows.get((model, gate.baseline, device))
    # Runs of earlier versions have no row of the host.
    on_host = rows.get((model, AS_IS, None))
    return on_host or rows.get((model, AS_IS, device))


def _from_records(records: Iterable[RunRecord]) -> list[StoredScores]:
    found = []
    for record in records:
        count = record.accuracy
        if count is None or not count.n:
            continue
        hits = np.ones(count.n, np.bool_)
        hits[list(count.wrong)] = False
        scores = SampleScores(metric=find_metric(count.metric), n=count.n, hits=hits)
        found.append(
            StoredScores(
                model=record.model,
                variant=record.variant,
                device=record.place,
                engine=record.engine or "",
                scores=scores,
            )
        )
    return found


def _row(stored: StoredScores) -> Row:
    return stored.model, stored.variant, stored.device
