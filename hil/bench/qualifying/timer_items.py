"""What is said of a device's timer and clock, by its windows; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.bench.qualifying.limits import PHONES
from hil.bench.qualifying.runs import runs_of
from hil.bench.qualifying.verdict import outcome, unmeasured
from hil.results.certificate import Item, Outcome
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from hil.bench.qualifying.limits import ClockLimits, TimerLimits
    from hil.bench.qualifying.observation import DeviceSeen, WindowsSeen
    from hil.bench.qualifying.runs import Runs

_RUN_OVERHEAD_SECONDS = 50e-6  # between two runs the device writes the inputs again
_LINK_DOUBT = 0.2  # of the time that the answers' bytes are thought to take
_TICKS_BYTES = 8  # in the answer, each run
_PERCENT = 100


def timer_items(
    device: DeviceSeen, seen: WindowsSeen, limits: TimerLimits, *, room: float
) -> list[Item]:
    """Return whether the timer moves, never jumps and is fine enough.

    *room* is the share by which a run may be longer than the host waited for it.
    """
    runs = runs_of(seen.windows, tick_hz=device.tick_hz, room=room)
    return [_monotonic(runs, limits), _resolution(runs, limits, device)]


def clock_items(
    device: DeviceSeen, seen: WindowsSeen, limits: ClockLimits
) -> list[Item]:
    """Return how the clock that is told compares to the host's and to the profile's."""
    return [_drift(device, seen, limits), _profile_clock(device, limits)]


def _monotonic(runs: Runs, limits: TimerLimits) -> Item:
    """A counter that wraps or is read torn gives a run of no time, or of hours."""
    bad = runs.no_time + runs.too_long
    most = limits.most_bad_runs
    return Item(
        name="timer monotonic",
        part="timer",
        outcome=outcome(passed=bad <= most),
        figure=f"{runs.no_time} of no time, {runs.too_long} too long, of {runs.n} runs",
        limit=f"{f'at most {most}' if most else '0'}; "
        "no run longer than the host waited for it",
        value=bad,
        unit="runs",
        n=runs.n,
        basis="runs, each against its window by the host's clock",
        evidence={"ticks": list(runs.longest)},
    )


def _resolution(runs: Runs, limits: TimerLimits, device: DeviceSeen) -> Item:
    most = limits.most_step_share
    limit = f"at most {most:.3g} of a run"
    if most * _PERCENT >= 1:
        limit = f"at most {most:.0%} of a run"
    if runs.step is None:
        why = f"every run took {runs.longest[0]:,} ticks"
        return unmeasured("timer resolution", "timer", why, limit=limit)
    passed = runs.step <= most * runs.middle
    figure, verdict = runs.time(runs.step), outcome(passed=passed)
    if device.kind in PHONES and not passed:
        # The tool cuts to microseconds: that is too coarse for this model, not for all.
        verdict = Outcome.UNDECIDED
        figure = (
            f"{runs.step:g} us, a run takes {runs.middle:,.0f} us: take a model of "
            f"{runs.step / max(most, 1e-9):,.0f} us or more"
        )
    return Item(
        name="timer resolution",
        part="timer",
        outcome=verdict,
        figure=figure,
        limit=limit,
        value=runs.step / runs.middle if runs.middle else None,
        unit="share of a run",
        n=runs.n,
        basis="what the tool cuts its times to"
        if device.kind in PHONES
        else "greatest common divisor of the ticks",
        evidence={"step_ticks": runs.step, "median_ticks": runs.middle},
    )


def _drift(device: DeviceSeen, seen: WindowsSeen, limits: ClockLimits) -> Item:
    """Hold the device's seconds against the host's.

    What a call costs beside its runs is left out: the fastest call of a single run, and
    the bytes of the ticks on their way back. What a run costs beside its ticks cannot
    be told, so the limit has room for it below; and so has it for calls that cost more
    than the fastest.
    """
    name, part = "timer drift", "clock"
    if not seen.short:
        return unmeasured(name, part, "no short call was answered")
    fastest = min(seen.short, key=lambda window: window.seconds)
    base = runs_of([fastest], tick_hz=device.tick_hz)
    runs = runs_of(seen.windows, tick_hz=device.tick_hz)
    if runs.seconds is None or base.seconds is None:
        return unmeasured(name, part, "the device does not say how long a tick is")
    calls = len(seen.windows)
    count = runs.n - calls * base.n
    link = count * _TICKS_BYTES * seen.byte_seconds
    host = sum(w.seconds for w in seen.windows) - calls * fastest.seconds - link
    told = runs.seconds - calls * base.seconds
    if count <= 0 or host <= 0 or told <= 0:
        return unmeasured(name, part, "a run takes longer than a window")
    doubt = limits.tolerance_share + _LINK_DOUBT * link / host
    slower = _RUN_OVERHEAD_SECONDS * count / host
    if device.kind in PHONES:
        slowest = max(window.seconds for window in seen.short)
        slower += calls * (slowest - fastest.seconds) / host
    low, high = max(0.0, 1 - doubt - slower), 1 + doubt
    ratio = told / host
    verdict = outcome(passed=low <= ratio <= high)
    figure = f"{ratio:.4f} s a second of the host"
    if low < limits.most_room_share and verdict is Outcome.PASSED:
        verdict = Outcome.UNDECIDED
        figure += "; runs are too short: take a slower model"
    return Item(
        name=name,
        part=part,
        outcome=verdict,
        figure=figure,
        limit=f"{low:.3f} .. {high:.3f}",
        value=ratio,
        unit="s a second of the host",
        n=runs.n,
        basis=f"{calls} windows against this host's clock",
        evidence={
            "device_seconds": told,
            "host_seconds": host,
            "runs": count,
            "tick_hz": runs.tick_hz,
        },
    )


def _profile_clock(device: DeviceSeen, limits: ClockLimits) -> Item:
    """A cycle counter's rate is the core's clock, which the profile tells too."""
    name, part = "clock", "clock"
    if device.time_basis is not TimeBasis.CPU_CYCLES:
        return unmeasured(name, part, "ticks are not cycles of the core")
    if not device.profile_clock_hz or not device.tick_hz:
        return unmeasured(name, part, "no clock_hz in the profile to compare with")
    share = device.tick_hz / device.profile_clock_hz
    most = limits.tolerance_share
    return Item(
        name=name,
        part=part,
        outcome=outcome(passed=abs(share - 1) <= most),
        figure=f"{device.tick_hz:,} Hz told, {device.profile_clock_hz:,} Hz by the "
        "profile",
        limit=f"{1 - most:.3f} .. {1 + most:.3f} of the profile's",
        value=share,
        unit="of the profile's clock",
        n=1,
        basis="HELLO and the profile",
    )
