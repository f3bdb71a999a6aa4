"""Two runs to what changed: pairs, changes, causes and gates put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.bench.comparing.accuracy import accuracy_change
from hil.bench.comparing.attribution import host_facts, row_facts
from hil.bench.comparing.decision import decide
from hil.bench.comparing.figures import memory_changes, time_change
from hil.bench.comparing.pairing import pair
from hil.results.comparison import ComparedRow, GateOutcome, RunComparison
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.bench.comparing.pairing import RowPair
    from hil.bench.comparing.side import Side
    from hil.bench.gates import Gate
    from hil.results.comparison import GateFinding

CONFIDENCE = 0.95


def compare_runs(
    base: Side,
    new: Side,
    *,
    gates: Sequence[Gate] = (),
    force: bool = False,
    confidence: float = CONFIDENCE,
) -> RunComparison:
    """Compare all rows that two runs share.

    Raises ConfigError where nothing pairs, where figures must not meet (unless *force*
    is set), or where a gate is on a figure that no row has.
    """
    pairing = pair(base, new, force=force)
    rows = [_compared(row, confidence=confidence) for row in pairing.pairs]
    return RunComparison(
        base=base.name,
        new=new.name,
        rows=tuple(rows),
        only_base=pairing.only_base,
        only_new=pairing.only_new,
        facts=host_facts(base.environment, new.environment),
        gates=decide(
            gates, list(zip(pairing.pairs, rows, strict=True)), confidence=confidence
        ),
        notes=(*base.notes, *new.notes, *pairing.notes),
    )


def failing(
    gates: Sequence[GateFinding], *, accept_undecided: bool
) -> list[GateFinding]:
    """Return the gates that make a run fail."""
    accepted = {GateOutcome.HELD}
    if accept_undecided:
        accepted.add(GateOutcome.UNDECIDED)
    return [finding for finding in gates if finding.outcome not in accepted]


def _compared(row: RowPair, *, confidence: float) -> ComparedRow:
    found = [
        time_change(row, confidence=confidence),
        accuracy_change(row, confidence=confidence),
        *memory_changes(row, confidence=confidence),
    ]
    after = row.new.result
    return ComparedRow(
        key=row.base.key if row.base.key.engine else row.new.key,
        base_status=row.base.result.status.value,
        new_status=after.status.value,
        changes=tuple(change for change in found if change is not None),
        facts=row_facts(row.base, row.new),
        problem=None if after.status is RunStatus.OK else after.problem,
    )
