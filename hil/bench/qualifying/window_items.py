"""What is said of windows side by side: whether they repeat, whether heat shows."""

from __future__ import annotations

import dataclasses
from statistics import median
from typing import TYPE_CHECKING

from hil.bench.qualifying.runs import medians_of, runs_of, with_figures
from hil.bench.qualifying.trend import FEWEST_WINDOWS, find_trend
from hil.bench.qualifying.verdict import failed, outcome, unmeasured
from hil.results.certificate import Item, Outcome
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.bench.qualifying.limits import SpreadLimits, ThermalLimits
    from hil.bench.qualifying.observation import DeviceSeen, WindowSeen, WindowsSeen

_REPEAT = "repeatability"
_THERMAL = "thermal stability"


def repeatability_item(
    device: DeviceSeen, seen: WindowsSeen, limits: SpreadLimits
) -> Item:
    """Return how far the medians of the windows lie apart."""
    assert device.time_basis is not None
    most = limits.most(device.time_basis, device.kind)
    if device.time_basis is TimeBasis.EMULATED_INSTRUCTIONS:
        return _same_counts(seen, most)
    medians = medians_of(seen.windows)
    runs = runs_of(seen.windows, tick_hz=device.tick_hz)
    middle = max(median(medians), 1e-9)
    spread = (max(medians) - min(medians)) / middle
    figure = f"{spread:.2%} between the medians of {len(medians)} windows"
    verdict = outcome(passed=spread <= most)
    if len(medians) < limits.least_windows:
        verdict = Outcome.UNDECIDED
        figure += f"; {limits.least_windows} are needed"
    elif verdict is Outcome.FAILED and runs.step and runs.step / middle > most:
        verdict = Outcome.UNDECIDED
        figure += f"; a step of the timer is {runs.step / middle:.1%} of a run"
    return Item(
        name=_REPEAT,
        part=_REPEAT,
        outcome=verdict,
        figure=figure,
        limit=f"at most {most:.0%}",
        value=spread,
        unit="share of the median",
        n=len(medians),
        basis=f"windows of {runs.n:,} runs in all, {device.time_basis.value}",
        evidence={"median_ticks": medians, "runs": runs.n},
    )


def _same_counts(seen: WindowsSeen, most: float) -> Item:
    """Every run of one input must count the same: that is what such a figure is for."""
    counts = sorted({ticks for window in seen.windows for ticks in window.ticks})
    runs = sum(len(window.ticks) for window in seen.windows)
    figure = f"{counts[0]:,} instructions in each of {runs} runs"
    if len(counts) > 1:
        figure = f"{counts[0]:,} to {counts[-1]:,} instructions in {runs} runs"
    spread = (counts[-1] - counts[0]) / max(counts[0], 1)
    return Item(
        name=_REPEAT,
        part=_REPEAT,
        outcome=outcome(passed=spread <= most),
        figure=figure,
        limit=f"at most {most:.2%}" if most else "all equal",
        value=spread,
        unit="share of the fewest",
        n=runs,
        basis="runs of one input, emulated_instructions",
        evidence={"ticks": counts[-10:], "runs": runs},
    )


def thermal_item(device: DeviceSeen, seen: WindowsSeen, limits: ThermalLimits) -> Item:
    """Return the trend over the windows: a device that heats up becomes slower."""
    assert device.time_basis is not None
    if device.time_basis is TimeBasis.EMULATED_INSTRUCTIONS:
        why = "ticks are instructions that an emulator counts, which know no heat"
        return unmeasured(_THERMAL, _THERMAL, why)
    most = limits.most(device.time_basis, device.kind)
    limit = f"within {most:.0%} from the first to the last window"
    throttled = _throttled(seen)
    if throttled:
        return failed(_THERMAL, _THERMAL, "; ".join(throttled), limit=limit)
    seen = dataclasses.replace(seen, windows=tuple(with_figures(seen.windows)))
    medians = medians_of(seen.windows)
    if len(medians) < FEWEST_WINDOWS:
        why = f"{len(medians)} windows; {FEWEST_WINDOWS} are needed"
        return unmeasured(_THERMAL, _THERMAL, why, limit=limit)
    trend = find_trend(medians)
    figure = f"{trend.share:+.2%}, {trend.low:+.2%} .. {trend.high:+.2%}"
    verdict = Outcome.UNDECIDED
    if -most <= trend.low and trend.high <= most:
        verdict = Outcome.PASSED
    elif trend.low > most or trend.high < -most:
        verdict = Outcome.FAILED
    else:
        figure += "; a longer test decides: --seconds"
    seconds = sum(window.seconds for window in seen.windows)
    temperatures = _temperatures(seen)
    if temperatures:
        figure += f"; {temperatures[0]:.1f} to {temperatures[-1]:.1f} C"
    return Item(
        name=_THERMAL,
        part=_THERMAL,
        outcome=verdict,
        figure=figure,
        limit=limit,
        value=trend.share,
        unit="share of the median, first to last window",
        n=len(medians),
        basis=f"medians of windows in {seconds:.1f} s, {device.time_basis.value}",
        evidence={"median_ticks": medians, "temperatures_c": temperatures},
    )


def _temperatures(seen: WindowsSeen) -> list[float]:
    """Return the hottest of each window, of a phone that tells it."""
    told = [_watch(window).get("hottest_c") for window in seen.windows]
    return [value for value in told if isinstance(value, int | float)]


def _throttled(seen: WindowsSeen) -> list[str]:
    """Return why windows are not valid, where a phone was watched."""
    reasons: dict[str, None] = {}
    for window in seen.windows:
        watch = _watch(window)
        told = watch.get("reasons")
        if watch.get("verdict") == "throttled" and isinstance(told, list):
            reasons |= dict.fromkeys(str(reason) for reason in told)
    return list(reasons)


def _watch(window: WindowSeen) -> Mapping[str, object]:
    watch = window.evidence.get("window")
    return watch if isinstance(watch, dict) else {}
