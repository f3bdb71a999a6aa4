"""Records to results: what was measured of one variant on one device, summed up.

Raw ticks become microseconds here and nowhere else. Windows of one variant on one
device are pooled; different devices, engines or time bases never are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.accuracy.metrics import wilson
from hil.bench.statistics import median_interval, quantile
from hil.vocab import Accuracy, Latency, Result, RunStatus, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.vocab import AccuracyCount, RunRecord, Timing, TimingSummary

_US_PER_S = 1_000_000
_Key = tuple[str, str, str, str]


def summarize(records: Iterable[RunRecord]) -> list[Result]:
    """Return one result per run, model, variant and device, in order of appearance."""
    groups: dict[_Key, list[RunRecord]] = {}
    for record in records:
        key = (record.run, record.model, record.variant, record.device)
        groups.setdefault(key, []).append(record)
    return [_result(group) for group in groups.values()]


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
        # A speed without a right answer is no result, so failures carry none.
        latency=None if failed else _latency(whole),
        memory=_memory(records),
        accuracy=_accuracy([r.accuracy for r in judged if r.accuracy]),
        agreement=next((r.agreement for r in judged if r.agreement), None),
        retries=tuple(retry for r in records for retry in r.retries),
    )


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


def _latency(records: Sequence[RunRecord]) -> Latency | None:
    timings = [r.timing for r in records if r.timing]
    if timings:
        return _from_ticks(timings)
    summaries = [r.summary for r in records if r.summary]
    return _from_windows(summaries) if summaries else None


def _from_ticks(timings: Sequence[Timing]) -> Latency | None:
    values = [value for timing in timings for value in _values(timing)]
    if not values:
        return None
    interval = median_interval(values)
    return Latency(
        basis=timings[0].basis,
        n=len(values),
        median=quantile(values, 0.5),
        p90=quantile(values, 0.9),
        min=min(values),
        max=max(values),
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
    )


def _values(timing: Timing) -> list[float]:
    """Return microseconds, or instructions where that is what ticks count."""
    ticks = [max(0, t - timing.overhead_ticks) for t in timing.invoke_ticks]
    if timing.basis is TimeBasis.EMULATED_INSTRUCTIONS:
        return [float(t) for t in ticks]
    if not timing.tick_hz:
        return []
    return [t * _US_PER_S / timing.tick_hz for t in ticks]


def _from_windows(summaries: Sequence[TimingSummary]) -> Latency:
    """Pool windows of which only statistics are known.

    The median is that of the windows' medians, and so is its interval. A 90th
    percentile cannot be had from them; the largest 95th is told in its place. What
    the tool cut off the values is added to the interval's upper end.
    """
    medians = [s.median_us for s in summaries if s.median_us is not None]
    p95s = [s.p95_us for s in summaries if s.p95_us is not None]
    interval = median_interval(medians) if medians else None
    cut = max(s.resolution_us for s in summaries)
    return Latency(
        basis=summaries[0].basis,
        n=sum(s.n for s in summaries),
        median=quantile(medians, 0.5) if medians else None,
        p95=max(p95s) if p95s else None,
        min=min(s.min_us for s in summaries),
        max=max(s.max_us for s in summaries),
        low=interval[0] if interval else None,
        high=interval[1] + cut if interval else None,
    )
