"""Energy of a run's windows: records and a meter's traces, laid over each other."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from math import comb
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.errors import ConfigError
from hil.results.energy_edges import edge_pairs, matched
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.results.energy_trace import EnergyTrace
    from hil.vocab import RunRecord

CONFIDENCE: Final = 0.95
# How far two edges may lie from the time that the device measured itself, before they
# belong to something else; published boards differ from their hosts by up to 3 %.
_CLOCKS_DIFFER = 0.05


class Basis(StrEnum):
    """How a window was found in a trace."""

    EDGES = "edges"  # between two edges of the device's pin
    STRETCH = "stretch"  # within its job, the stretch of its length with most energy


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowEnergy:
    """One window of a run: where it lies in a trace, and what it took."""

    job_id: str
    model: str
    variant: str
    place: str
    begin: float
    end: float
    inferences: int
    microjoules: float
    basis: Basis

    @property
    def uj_per_inference(self) -> float:
        """Microjoules of one inference, whatever else the device did included."""
        return self.microjoules / self.inferences

    @property
    def milliwatts(self) -> float:
        """The mean power."""
        return self.microjoules / (self.end - self.begin) / 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Microjoules of an inference: the median of windows, and its interval.

    `low` and `high` are order statistics that hold the median with `confidence`: 95 %
    or more where there are six windows, less with fewer, absent with one.
    """

    model: str
    variant: str
    place: str
    windows: tuple[WindowEnergy, ...]
    median_uj: float
    low_uj: float | None
    high_uj: float | None
    confidence: float | None


def measured_energy(
    records: Iterable[RunRecord], traces: Sequence[EnergyTrace]
) -> list[Energy]:
    """Return the energy of each model, variant and device of *records*.

    Where the traces have edges, each window lies between two of them that are as far
    apart as the device's own time of it. Else the trace must be on Unix time, and a
    window is looked for within its job. Raises ConfigError where windows are not
    covered.
    """
    timed = [_timed(record) for record in records if record.status is RunStatus.OK]
    wanted = [job for job in timed if job is not None]
    if not wanted:
        raise ConfigError(
            "the run has no window that a trace could be laid over",
            found="no successful job that was measured in seconds",
            remedy="instructions are no time: a board on a desk, or a phone",
        )
    wanted.sort(key=lambda job: job.begin)
    with_edges = any(trace.events for trace in traces)
    windows = _by_edges(wanted, traces) if with_edges else _by_clock(wanted, traces)
    groups: dict[tuple[str, str, str], list[WindowEnergy]] = {}
    for window in windows:
        key = (window.model, window.variant, window.place)
        groups.setdefault(key, []).append(window)
    return [_energy(group) for group in groups.values()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    """A job with a timed window: when it ran on this host, and how long on its own."""

    record: RunRecord
    begin: float
    end: float
    inferences: int
    seconds: float


def _timed(record: RunRecord) -> _Timed | None:
    timing, summary = record.timing, record.summary
    if timing is not None and timing.tick_hz and timing.invoke_ticks:
        # A device of MLPerf Tiny times a whole window: its tick is that of all runs.
        together = _together(record)
        inferences = len(timing.invoke_ticks) * together
        seconds = sum(timing.invoke_ticks) / timing.tick_hz * together
    elif summary is not None and summary.n:
        inferences, seconds = summary.n, summary.n * summary.avg_us / 1e6
    else:
        return None
    if not seconds > 0:
        return None  # runs shorter than a tick of a coarse clock
    begin = dt.datetime.fromisoformat(record.started_utc).timestamp()
    return _Timed(
        record=record,
        begin=begin,
        end=begin + record.seconds,
        inferences=inferences,
        seconds=seconds,
    )


def _together(record: RunRecord) -> int:
    """Return how many inferences each tick of *record* stands for."""
    told = record.evidence.get("window_inferences")
    return told if isinstance(told, int) and told > 0 else 1


def _by_edges(
    jobs: Sequence[_Timed], traces: Sequence[EnergyTrace]
) -> list[WindowEnergy]:
    lengths = [job.seconds for job in jobs]
    pairs = matched(edge_pairs(traces), lengths, most_off=_CLOCKS_DIFFER)
    if len(pairs) < len(jobs):
        job = jobs[len(pairs)]
        raise ConfigError(
            "no two edges of the traces are as far apart as the window was long",
            where=job.record.job_id,
            found=f"{job.seconds:.3f} s by the device",
            allowed=f"within {_CLOCKS_DIFFER:.0%}, behind the window before",
            remedy="the traces of this run, in their order",
        )
    return [
        _window(job, pair.trace, pair.begin, pair.end, basis=Basis.EDGES)
        for job, pair in zip(jobs, pairs, strict=True)
    ]


def _by_clock(
    jobs: Sequence[_Timed], traces: Sequence[EnergyTrace]
) -> list[WindowEnergy]:
    for trace in traces:
        if not trace.is_absolute:
            raise ConfigError(
                "the trace has neither edges nor Unix time",
                where=trace.where,
                found=f"{trace.begin:.3f} to {trace.end:.3f} s",
                remedy="--begins 2026-01-31T12:00:00+00:00, when the meter started",
            )
    return [_stretch(job, _covering(job, traces)) for job in jobs]


def _covering(job: _Timed, traces: Sequence[EnergyTrace]) -> EnergyTrace:
    for trace in traces:
        if trace.begin <= job.begin and job.end <= trace.end:
            return trace
    spans = ", ".join(f"{_utc(trace.begin)} to {_utc(trace.end)}" for trace in traces)
    raise ConfigError(
        "no trace covers the job",
        where=job.record.job_id,
        found=spans,
        allowed=f"{_utc(job.begin)} to {_utc(job.end)}",
        remedy="--begins or --offset-seconds, where the meter's clock is another one",
    )


def _stretch(job: _Timed, trace: EnergyTrace) -> WindowEnergy:
    """Return the stretch of the job that took the most, as long as the window."""
    is_inside = (trace.seconds >= job.begin) & (trace.seconds + job.seconds <= job.end)
    starts = trace.seconds[is_inside]
    if not len(starts):
        raise ConfigError(
            "the window is longer than its job, or the trace too coarse for it",
            where=job.record.job_id,
            found=f"{job.seconds:.3f} s in a job of {job.end - job.begin:.3f} s",
        )
    sums = np.interp(starts + job.seconds, trace.seconds, trace.microjoules)
    sums -= np.interp(starts, trace.seconds, trace.microjoules)
    start = float(starts[int(np.argmax(sums))])
    return _window(job, trace, start, start + job.seconds, basis=Basis.STRETCH)


def _window(
    job: _Timed, trace: EnergyTrace, begin: float, end: float, *, basis: Basis
) -> WindowEnergy:
    microjoules = trace.energy_uj(begin, end)
    if not microjoules > 0:
        raise ConfigError(
            "the trace has no energy in the window",
            where=f"{trace.where}, {job.record.job_id}",
            found=f"{microjoules:.6g} uJ from {begin:.6f} to {end:.6f} s",
            allowed="more than 0 uJ",
            remedy="is the meter the other way round, or another supply's column?",
        )
    return WindowEnergy(
        job_id=job.record.job_id,
        model=job.record.model,
        variant=job.record.variant,
        place=job.record.place,
        begin=begin,
        end=end,
        inferences=job.inferences,
        microjoules=microjoules,
        basis=basis,
    )


def _energy(windows: Sequence[WindowEnergy]) -> Energy:
    values = sorted(window.uj_per_inference for window in windows)
    low = high = confidence = None
    if len(values) > 1:
        rank, confidence = _order_interval(len(values))
        low, high = values[rank], values[-1 - rank]
    first = windows[0]
    return Energy(
        model=first.model,
        variant=first.variant,
        place=first.place,
        windows=tuple(windows),
        median_uj=median(values),
        low_uj=low,
        high_uj=high,
        confidence=confidence,
    )


def _order_interval(n: int) -> tuple[int, float]:
    """Return how many values to leave out at each end, and the median's coverage.

    It is the narrowest interval that covers with CONFIDENCE, or else the widest.
    """
    best = (0, 1 - 2 / 2**n)
    below = 1
    for rank in range(1, n // 2):
        below += comb(n, rank)
        coverage = 1 - 2 * below / 2**n
        if coverage < CONFIDENCE:
            break
        best = (rank, coverage)
    return best


def _utc(seconds: float) -> str:
    try:
        moment = dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
    except (ValueError, OverflowError, OSError):  # no year has it
        return f"{seconds:.6g} s"
    return moment.isoformat(timespec="milliseconds")
