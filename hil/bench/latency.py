"""Raw ticks to a distribution: figures, their interval, and what speaks against them.

Ticks become microseconds here and nowhere else. A distribution is pooled over the
windows of one variant on one device; its interval is over the windows where there are
enough of them, since the runs of one window are alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.bench.statistics.blocks import Blocks, blocks_of
from hil.bench.statistics.drift import find_drift
from hil.bench.statistics.modes import find_modes
from hil.bench.statistics.order import (
    fewest_for,
    mad,
    median_interval,
    quantile,
    tail_quantile,
)
from hil.bench.statistics.timer import COARSE, find_step
from hil.bench.statistics.warmup import find_warm_up
from hil.report.figures import duration
from hil.vocab import Latency, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.vocab import RunRecord, Timing, TimingSummary

_US_PER_S = 1_000_000
_MHZ = 1_000_000


def latency_of(records: Sequence[RunRecord]) -> Latency | None:
    """Return the distribution of some windows' times; None where there are none."""
    timings = [r.timing for r in records if r.timing]
    if timings:
        return _from_ticks(timings)
    summaries = [r.summary for r in records if r.summary]
    return _from_windows(summaries) if summaries else None


def windows_of(records: Sequence[RunRecord]) -> list[list[float]]:
    """Return the times of each window, in microseconds or instructions.

    A window of which a tool printed statistics only is its median alone.
    """
    timings = [r.timing for r in records if r.timing]
    if timings:
        return [values for values in map(_values, timings) if values]
    return [
        [r.summary.median_us]
        for r in records
        if r.summary is not None and r.summary.median_us is not None
    ]


def _from_ticks(timings: Sequence[Timing]) -> Latency | None:
    windows = [values for values in map(_values, timings) if values]
    values = [value for window in windows for value in window]
    if not values:
        return None
    interval, over = _interval(windows, values)
    unit = _unit(timings[0])
    ticks = [tick for timing in timings for tick in timing.invoke_ticks]
    step = find_step(ticks)
    overhead = max(timing.overhead_ticks for timing in timings)
    cycles, clock_hz = _cycles(timings, ticks)
    timer_step = None if step is None else step.ticks * unit
    return Latency(
        basis=timings[0].basis,
        n=len(values),
        median=quantile(values, 0.5),
        p90=tail_quantile(values, 0.9),
        p99=tail_quantile(values, 0.99),
        mad=mad(values),
        min=min(values),
        max=max(values),
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        interval_over=over,
        cycles=cycles,
        clock_hz=clock_hz,
        timer_step=timer_step,
        timer_overhead=overhead * unit if overhead else None,
        doubts=_doubts(timings, windows, values, step=timer_step or 0.0),
    )


def _values(timing: Timing) -> list[float]:
    """Return microseconds, or instructions where that is what ticks count."""
    unit = _unit(timing)
    if not unit:
        return []
    return [max(0, t - timing.overhead_ticks) * unit for t in timing.invoke_ticks]


def _unit(timing: Timing) -> float:
    """Return what a tick is: microseconds, or one instruction; 0 for no time."""
    if timing.basis is TimeBasis.EMULATED_INSTRUCTIONS:
        return 1.0
    return _US_PER_S / timing.tick_hz if timing.tick_hz else 0.0


def _interval(
    windows: Sequence[Sequence[float]], values: Sequence[float]
) -> tuple[tuple[float, float] | None, str | None]:
    """Return the median's interval over the windows, or over the runs of too few."""
    over_windows = median_interval([quantile(window, 0.5) for window in windows])
    if over_windows is not None:
        # Fast windows hold more runs, and may pull the median of all beyond the others.
        low, high, middle = *over_windows, quantile(values, 0.5)
        return (min(low, middle), max(high, middle)), f"{len(windows)} windows"
    over_runs = median_interval(values)
    return over_runs, None if over_runs is None else f"{len(values)} runs"


def _cycles(
    timings: Sequence[Timing], ticks: Sequence[int]
) -> tuple[float | None, int | None]:
    """Return the median in cycles, and their clock, where cycles were counted."""
    if timings[0].basis is not TimeBasis.CPU_CYCLES:
        return None, None
    overhead = timings[0].overhead_ticks
    return max(0.0, quantile(ticks, 0.5) - overhead), timings[0].tick_hz


def _doubts(
    timings: Sequence[Timing],
    windows: Sequence[Sequence[float]],
    values: Sequence[float],
    *,
    step: float,
) -> tuple[str, ...]:
    """Return what a reader must know before the figures are used, in words."""
    if timings[0].basis is TimeBasis.EMULATED_INSTRUCTIONS:
        return _uncertain_counts(values)
    doubts = _trends(blocks_of(windows))
    modes = find_modes(values, step=step)
    if modes is not None:
        doubts.append(
            f"two groups: {1 - modes.slow_share:.0%} of the runs take about "
            f"{duration(modes.fast)} and {modes.slow_share:.0%} about "
            f"{duration(modes.slow)} (n={modes.n}); the median is in one of them"
        )
    warm = find_warm_up(windows)
    if warm is not None:
        doubts.append(
            f"warm-up: the first run of a window is {warm.share:+.0%}, and it takes "
            f"{warm.runs} to settle ({warm.windows} of {warm.of_windows} windows); "
            f"raise warmup by {warm.runs}"
        )
    doubts += _coarse(step, quantile(values, 0.5), len(values))
    clocks = sorted({timing.tick_hz for timing in timings if timing.tick_hz})
    if len(clocks) > 1:
        told = ", ".join(f"{clock / _MHZ:g} MHz" for clock in clocks)
        doubts.append(f"the clock changed between the windows: {told}")
    return tuple(doubts)


def _uncertain_counts(values: Sequence[float]) -> tuple[str, ...]:
    counts = {int(value) for value in values}
    if len(counts) <= 1:
        return ()
    doubt = (
        f"instructions differ from run to run: {min(counts):,} to {max(counts):,} "
        f"(n={len(values)}); they count something beside the model"
    )
    return (doubt,)


def _trends(blocks: Blocks) -> list[str]:
    drift = find_drift(blocks)
    if drift is None:
        return []
    doubt = (
        f"drift: {drift.share:+.1%} from the first to the last of {drift.basis} "
        f"(Mann-Kendall p={drift.p_value:.2g})"
    )
    return [doubt]


def _coarse(step: float, middle: float, n: int) -> list[str]:
    if step <= COARSE * middle or not step:
        return []
    if not middle:
        return [f"coarse timer: a run is shorter than its step of {duration(step)}"]
    share = step / middle
    return [f"coarse timer: steps of {duration(step)} are {share:.0%} of a run (n={n})"]


def _from_windows(summaries: Sequence[TimingSummary]) -> Latency:
    """Pool windows of which only statistics are known.

    The median is that of the windows' medians, and so is its interval; a tool that
    prints none has its means told among the doubts. A 90th
    percentile cannot be had from them; the largest 95th is told in its place, where
    there are runs enough for one. What the tool cut off the values is added to the
    interval's upper end.
    """
    medians = [s.median_us for s in summaries if s.median_us is not None]
    p95s = [s.p95_us for s in summaries if s.p95_us is not None]
    interval = median_interval(medians) if medians else None
    cut = max(s.resolution_us for s in summaries)
    blocks = Blocks(values=tuple((m,) for m in medians), windows=len(medians))
    n = sum(s.n for s in summaries)
    doubts = _trends(blocks)
    if medians:
        doubts += _coarse(cut, quantile(medians, 0.5), n)
    else:
        doubts.append(_no_median([s.avg_us for s in summaries]))
    return Latency(
        basis=summaries[0].basis,
        n=n,
        median=quantile(medians, 0.5) if medians else None,
        p95=max(p95s) if p95s and n >= fewest_for(0.95) else None,
        min=min(s.min_us for s in summaries),
        max=max(s.max_us for s in summaries),
        low=interval[0] if interval else None,
        high=interval[1] + cut if interval else None,
        interval_over=f"{len(medians)} windows" if interval else None,
        timer_step=cut or None,
        doubts=tuple(doubts),
    )


def _no_median(means: Sequence[float]) -> str:
    low, high = duration(min(means)), duration(max(means))
    span = low if low == high else f"{low} to {high}"
    return f"no median: the tool is too old to print one; the windows' mean is {span}"
