"""Records to results: what was measured of one variant on one device, summed up.

Windows of one variant on one device are pooled; different devices, engines or time
bases never are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hil.accuracy.metrics import wilson
from hil.bench.latency import latency_of
from hil.bench.phone_verdict import phone_doubts
from hil.results.row_records import by_row
from hil.vocab import Accuracy, Result, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.vocab import AccuracyCount, Latency, RunRecord


def summarize(records: Iterable[RunRecord]) -> list[Result]:
    """Return one result per run, model, variant and place, in order of appearance."""
    # Each row's records are read from their file here, where they are not in memory.
    return [_result(list(row.records)) for row in by_row(records).values()]


def _result(records: Sequence[RunRecord]) -> Result:
    failed = [r for r in records if r.status is not RunStatus.OK]
    # The first failure explains the rest; a row is OK only if all its windows are.
    told = failed[0] if failed else records[0]
    whole = [r for r in records if r.status is RunStatus.OK]
    judged = [r for r in records if r.accuracy or r.agreement]
    return Result(
        run=told.run,
        model=told.model,
        variant=told.variant,
        device=told.device,
        kind=told.kind,
        engine=next((r.engine for r in records if r.engine), None),
        status=told.status,
        problem=told.problem,
        size_bytes=told.size_bytes,
        time_basis=told.time_basis,
        windows=len(whole),
        setting=told.setting,
        # A speed without a right answer is no result, so failures carry none.
        latency=None if failed else _latency(whole),
        memory=_memory(records),
        accuracy=_accuracy([r.accuracy for r in judged if r.accuracy]),
        agreement=next((r.agreement for r in judged if r.agreement), None),
        retries=tuple(retry for r in records for retry in r.retries),
    )


def _latency(records: Sequence[RunRecord]) -> Latency | None:
    latency = latency_of(records)
    doubts = phone_doubts(records)
    if latency is None or not doubts:
        return latency
    return replace(latency, doubts=(*latency.doubts, *doubts))


def _memory(records: Sequence[RunRecord]) -> dict[str, int]:
    """Return the largest figure of each name over the windows."""
    largest: dict[str, int] = {}
    for record in records:
        for name, size in record.memory.items():
            largest[name] = max(size, largest.get(name, size))
    return largest


def _accuracy(counts: Sequence[AccuracyCount]) -> Accuracy | None:
    if not counts:
        return None
    count = counts[0]
    low, high = wilson(count.correct, count.n)
    return Accuracy(
        metric=count.metric,
        n=count.n,
        correct=count.correct,
        value=count.correct / count.n,
        low=low,
        high=high,
    )
