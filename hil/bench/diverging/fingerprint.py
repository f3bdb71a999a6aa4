"""Which engine of this host gives the answers of an unknown device, if one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.accuracy.divergence_found import Doubt, Fingerprint
from hil.bench.diverging.pairs import hold_together
from hil.bench.mlperf_check import Outcome
from hil.bench.mlperf_check_belief import check_belief

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.bench.diverging.recorded import ReadLog
    from hil.bench.diverging.side import Side
    from hil.bench.diverging.subject import Subject
    from hil.vocab import Deadline
    from hil.wire.mlperf_run import MlperfRun

_BAD = (Outcome.DOUBTFUL, Outcome.FAILED)


def fingerprint(
    subject: Subject, unknown: Side, engines: Sequence[Side], deadline: Deadline
) -> Fingerprint:
    """Hold *unknown* against each of *engines*."""
    pairs = [
        hold_together(subject, (unknown, engine), deadline, layer_rows=0)[0]
        for engine in engines
    ]
    return Fingerprint(
        source=unknown.name,
        engine=unknown.engine,
        pairs=tuple(pairs),
        is_exact=unknown.tolerance == 0,
    )


def fingerprint_log(
    subject: Subject, log: ReadLog, engines: Sequence[Side], deadline: Deadline
) -> Fingerprint:
    """Hold a log's answers against *engines*, and say what speaks against the log."""
    doubts, repeated = (
        _doubts(log.run),
        any(w.n + w.warmup > 1 for w in log.run.windows),
    )
    if log.side is None:
        return Fingerprint(
            source=log.name,
            engine=log.run.name or "a device without a name",
            inputs_unknown=log.why_not,
            repeated=repeated,
            doubts=doubts,
        )
    found = fingerprint(subject, log.side, engines, deadline)
    return Fingerprint(
        source=log.name,
        engine=found.engine,
        pairs=found.pairs,
        is_exact=found.is_exact,
        repeated=repeated,
        doubts=doubts,
    )


def _doubts(run: MlperfRun) -> tuple[Doubt, ...]:
    return tuple(
        Doubt(item=finding.item, found=finding.found, advice=finding.advice)
        for finding in check_belief(run)
        if finding.outcome in _BAD
    )
