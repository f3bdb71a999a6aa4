"""Whether a device's figures can be trusted: its link, its timer and its answers.

Each check gives items that pass, fail or cannot be measured, each with its limit, the
figure that was held against it and what it was computed from.
"""

from __future__ import annotations

import enum
import math
import random
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.metrics import agreement
from hil.errors import DoesNotFit, FirmwareFault, ModelError, TargetError
from hil.session.exchange import FENCE_FRAME_BYTES
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from hil.session.session import Session
    from hil.vocab import Deadline, Evidence

    Clock = Callable[[], float]

_MOST_ECHO_BYTES = 4096
_FRAME_OVERHEAD_BYTES = 16  # head, CRC and end of a frame, rounded up
_BLOCK_BYTES = 254  # COBS adds a byte to each
_ECHO_SECONDS = 1.0
_ROUND_TRIPS = 20
_LEAST_LINE_SHARE = 0.5
_BITS_PER_BYTE = 10  # 8N1
_WINDOWS = 8
_ONE_RUN_CALLS = 5
_MOST_RUNS = 2000
_CLOCK_TOLERANCE = 0.02  # of a board's oscillator, and of what the host sees of it
_RUN_OVERHEAD_SECONDS = 50e-6  # between two runs the device writes the inputs again
_LINK_DOUBT = 0.2  # of the time that the answers' bytes are thought to take
_LEAST_LOW = 0.5  # with more room, a clock of half its rate would pass
_TICKS_BYTES = 8  # in the answer, each run
_RESOLUTION_SHARE = 0.01
_FLOAT_TOLERANCE = 1e-5
_TFLM_LSB = 1  # kernels that a vendor optimized round some answers the other way
_SPREADS = {
    TimeBasis.CPU_CYCLES: 0.01,
    TimeBasis.DEVICE_CLOCK: 0.02,
    TimeBasis.HOST_CLOCK: 0.25,  # other programs share the host
}


class Outcome(enum.Enum):
    """How an item ended."""

    PASSED = "pass"
    FAILED = "fail"
    NOT_MEASURABLE = "not measurable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that was asked of the device; `evidence` is plain JSON values."""

    name: str
    outcome: Outcome
    figure: str
    limit: str
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model, its inputs in its own types, and how a host engine answers them.

    `samples` and `probe` have shape [n, *input_shape without batch]; `expected` has one
    row a sample.
    """

    model: bytes
    probe: npt.NDArray[np.generic]
    samples: npt.NDArray[np.generic] | None
    expected: npt.NDArray[np.generic] | None
    reference: str


def qualify(
    session: Session,
    subject: Subject,
    deadline: Deadline,
    *,
    seconds: float = 3.0,
    now: Clock = time.monotonic,
) -> list[Item]:
    """Return all items of an open *session*; *seconds* is what the timer test takes.

    A link that fails is a finding here: only what is no fault of the device is raised.
    """
    items = _guarded("link", lambda: link_items(session, deadline, now=now))
    names = ("timer", "repeatability", "parity")
    try:
        session.load_model(subject.model, deadline)
    except (ModelError, DoesNotFit, FirmwareFault) as exc:
        return items + [_unmeasured(name, f"no model: {exc.what}") for name in names]
    except TargetError as exc:
        return [*items, _failed("model transfer", exc)]
    inputs = [subject.probe.tobytes()]
    items += _guarded(
        "timer",
        lambda: timer_items(session, inputs, deadline, seconds=seconds, now=now),
    )
    items += _guarded("parity", lambda: [parity_item(session, subject, deadline)])
    return items


def link_items(
    session: Session, deadline: Deadline, *, now: Clock = time.monotonic
) -> list[Item]:
    """Send patterns and have them sent back; count what was lost and how long it took.

    The patterns are hard for the framing: zeros only, no zeros, every value, chance.
    """
    size = _echo_bytes(session)
    patterns = [
        bytes(size),
        b"\xff" * size,
        bytes(index & 0xFF for index in range(size)),
        random.Random(0).randbytes(size),  # noqa: S311 - the same in every run
    ]
    lost_before = len(session.retries)
    echoes = wrong = 0
    start = now()
    while echoes < len(patterns) or now() - start < _ECHO_SECONDS:
        pattern = patterns[echoes % len(patterns)]
        wrong += session.echo(pattern, deadline) != pattern
        echoes += 1
    seconds = now() - start
    trips = [_round_trip(session, deadline, now) for _ in range(_ROUND_TRIPS)]
    lost = list(session.retries[lost_before:])
    evidence = {"echoes": echoes, "echo_bytes": size, "seconds": round(seconds, 6)}
    errors = Item(
        name="link errors",
        outcome=_outcome(passed=not lost and not wrong),
        figure=f"{len(lost)} lost, {wrong} wrong of {echoes + len(trips)} echoes",
        limit="0",
        evidence={**evidence, "lost": lost},
    )
    speed = 2 * size * echoes / max(seconds, 1e-9)
    return [errors, _throughput(session, speed, trips, evidence)]


def timer_items(
    session: Session,
    inputs: Sequence[bytes],
    deadline: Deadline,
    *,
    seconds: float = 3.0,
    now: Clock = time.monotonic,
) -> list[Item]:
    """Time the loaded model in windows, and hold the ticks against this host's clock.

    Checks that the timer moves, never jumps, is fine enough and keeps time, and that
    the windows repeat. Instructions are no time: of them only that they repeat.
    """
    device = session.device
    if device.time_basis is None:
        return [_unmeasured("timer", "no time basis: the device has no counter")]
    one = [_window(session, inputs, 1, deadline, now) for _ in range(_ONE_RUN_CALLS)]
    if not any(ticks for window in one for ticks in window.ticks):
        return [_unmeasured("timer", "no time basis: the counter does not move")]
    runs = _runs_for(session, inputs, seconds / _WINDOWS, deadline, now)
    windows = [_window(session, inputs, runs, deadline, now) for _ in range(_WINDOWS)]
    if device.time_basis is TimeBasis.EMULATED_INSTRUCTIONS:
        why = "ticks are instructions that an emulator counts, which are no time"
        return [_unmeasured("timer", why), _same_counts(windows)]
    byte_seconds = _byte_seconds(session, deadline, now)
    return [
        _monotonic(windows, device.tick_hz),
        _resolution(windows, device.tick_hz),
        _drift(windows, one, tick_hz=device.tick_hz, byte_seconds=byte_seconds),
        _repeatability(windows, device.time_basis),
    ]


def parity_item(session: Session, subject: Subject, deadline: Deadline) -> Item:
    """Stream the samples through the device and hold the answers against the host's."""
    if subject.samples is None or subject.expected is None:
        return _unmeasured("parity", "no samples: name a --dataset")
    packed = [row.tobytes() for row in subject.samples]
    answers = [answer for _, answer in session.run_samples(packed, deadline)]
    expected = subject.expected
    outputs = np.frombuffer(b"".join(answers), dtype=expected.dtype)
    agreed = agreement(
        outputs.reshape(expected.shape), expected, reference=subject.reference
    )
    exact = agreed.identical == agreed.n
    limit = "all identical"
    if agreed.max_relative is not None:
        limit = f"within {_FLOAT_TOLERANCE:g}, relative"
        passed = agreed.max_relative <= _FLOAT_TOLERANCE
    elif session.device.engine.startswith("tflm"):
        limit = f"within {_TFLM_LSB} step of the output"
        passed = (agreed.max_lsb or 0) <= _TFLM_LSB
    else:
        passed = exact
    return Item(
        name="parity",
        outcome=_outcome(passed=passed),
        figure=f"{agreed.identical} of {agreed.n} identical to {subject.reference}",
        limit=limit,
        evidence={
            "max_lsb": agreed.max_lsb,
            "max_relative": agreed.max_relative,
            "label_flips": agreed.label_flips,
            "engine": session.device.engine,
        },
    )


@dataclass(frozen=True, slots=True)
class _Window:
    ticks: list[int]
    seconds: float  # by the host's clock, with the way there and back


def _window(
    session: Session, inputs: Sequence[bytes], runs: int, deadline: Deadline, now: Clock
) -> _Window:
    start = now()
    ticks = session.invoke(inputs, deadline, n=runs)
    return _Window(ticks, now() - start)


def _runs_for(
    session: Session,
    inputs: Sequence[bytes],
    seconds: float,
    deadline: Deadline,
    now: Clock,
) -> int:
    """Return how many runs take *seconds*, by the host's clock: ticks may be wrong."""
    runs = 1
    while runs < _MOST_RUNS:
        if _window(session, inputs, runs, deadline, now).seconds >= seconds:
            break
        runs *= 2
    return min(runs, _MOST_RUNS)


def _monotonic(windows: Sequence[_Window], tick_hz: int | None) -> Item:
    """A counter that wraps or is read torn gives a run of no time, or of hours."""
    zeros = sum(ticks == 0 for window in windows for ticks in window.ticks)
    jumps = sum(
        ticks > window.seconds * (1 + _CLOCK_TOLERANCE) * tick_hz
        for window in windows
        for ticks in window.ticks
        if tick_hz
    )
    runs = sum(len(window.ticks) for window in windows)
    return Item(
        name="timer monotonic",
        outcome=_outcome(passed=not zeros and not jumps),
        figure=f"{zeros} of no time, {jumps} too long, of {runs} runs",
        limit="0; no run longer than the host waited for it",
        evidence={"ticks": sorted({t for w in windows for t in w.ticks})[-10:]},
    )


def _resolution(windows: Sequence[_Window], tick_hz: int | None) -> Item:
    ticks = [t for window in windows for t in window.ticks]
    limit = f"at most {_RESOLUTION_SHARE:.0%} of a run"
    if len(set(ticks)) == 1:
        return _unmeasured(
            "timer resolution", f"every run took {ticks[0]:,} ticks", limit=limit
        )
    step = math.gcd(*ticks)
    unit = f"{step:,} ticks" + (f" = {step / tick_hz * 1e6:.3g} us" if tick_hz else "")
    return Item(
        name="timer resolution",
        outcome=_outcome(passed=step <= _RESOLUTION_SHARE * median(ticks)),
        figure=unit,
        limit=limit,
        evidence={"step_ticks": step, "median_ticks": median(ticks)},
    )


def _drift(
    windows: Sequence[_Window],
    one: Sequence[_Window],
    *,
    tick_hz: int | None,
    byte_seconds: float,
) -> Item:
    """Hold the device's seconds against the host's.

    What a call costs beside its runs is left out: the fastest call of a single run, and
    the bytes of the ticks on their way back. What a run costs beside its ticks cannot
    be told, so the limit has room for it below.
    """
    if not tick_hz:
        return _unmeasured("timer drift", "the device does not say how long a tick is")
    fastest = min(one, key=lambda window: window.seconds)
    calls = len(windows)
    host = sum(window.seconds for window in windows) - calls * fastest.seconds
    ticks = sum(sum(window.ticks) for window in windows) - calls * sum(fastest.ticks)
    runs = sum(len(window.ticks) - 1 for window in windows)
    link = runs * _TICKS_BYTES * byte_seconds
    host -= link
    if runs == 0 or host <= 0 or ticks <= 0:
        return _unmeasured("timer drift", "a run takes longer than a window")
    device = ticks / tick_hz
    doubt = _CLOCK_TOLERANCE + _LINK_DOUBT * link / host
    low = 1 - doubt - _RUN_OVERHEAD_SECONDS * runs / host
    high = 1 + doubt
    ratio = device / host
    if low < _LEAST_LOW and low <= ratio <= high:
        return _unmeasured("timer drift", "runs are too short: take a slower model")
    return Item(
        name="timer drift",
        outcome=_outcome(passed=low <= ratio <= high),
        figure=f"{ratio:.4f} s a second of the host",
        limit=f"{low:.3f} .. {high:.3f}",
        evidence={"device_seconds": device, "host_seconds": host, "runs": runs},
    )


def _repeatability(windows: Sequence[_Window], basis: TimeBasis) -> Item:
    medians = [median(window.ticks) for window in windows]
    spread = (max(medians) - min(medians)) / max(median(medians), 1)
    most = _SPREADS[basis]
    return Item(
        name="repeatability",
        outcome=_outcome(passed=spread <= most),
        figure=f"{spread:.2%} between the medians of {len(windows)} windows",
        limit=f"at most {most:.0%}",
        evidence={"median_ticks": medians, "runs": len(windows[0].ticks)},
    )


def _same_counts(windows: Sequence[_Window]) -> Item:
    """Every run of one input must count the same: that is what such a figure is for."""
    counts = sorted({ticks for window in windows for ticks in window.ticks})
    runs = sum(len(window.ticks) for window in windows)
    figure = f"{counts[0]:,} instructions in each of {runs} runs"
    if len(counts) > 1:
        figure = f"{counts[0]:,} to {counts[-1]:,} instructions in {runs} runs"
    return Item(
        name="repeatability",
        outcome=_outcome(passed=len(counts) == 1),
        figure=figure,
        limit="all equal",
        evidence={"ticks": counts[-10:], "runs": runs},
    )


def _throughput(
    session: Session, speed: float, trips: list[float], evidence: Evidence
) -> Item:
    baud = session.device.baud
    figure = f"{speed:,.0f} B/s, round trip {median(trips) * 1e3:.2f} ms"
    if not baud:
        return _unmeasured("link throughput", f"{figure}; the link has no baud rate")
    share = speed * _BITS_PER_BYTE / baud
    return Item(
        name="link throughput",
        outcome=_outcome(passed=share >= _LEAST_LINE_SHARE),
        figure=f"{figure}, {share:.0%} of {baud:,} baud",
        limit=f"at least {_LEAST_LINE_SHARE:.0%} of the line, one echo at a time",
        evidence={**evidence, "baud": baud, "round_trip_seconds": median(trips)},
    )


def _echo_bytes(session: Session) -> int:
    """Return a little less than what one frame holds."""
    device = session.device
    frame = min(device.max_frame_bytes, device.rx_buffer_bytes - FENCE_FRAME_BYTES)
    most = frame - frame // _BLOCK_BYTES - _FRAME_OVERHEAD_BYTES
    return min(most, _MOST_ECHO_BYTES)


def _round_trip(session: Session, deadline: Deadline, now: Clock) -> float:
    start = now()
    session.echo(b"?", deadline)
    return now() - start


def _byte_seconds(session: Session, deadline: Deadline, now: Clock) -> float:
    """Return what a byte costs on its way, be the link's rate what it may."""
    pattern = bytes(_echo_bytes(session))
    start = now()
    session.echo(pattern, deadline)
    seconds = now() - start
    trip = min(_round_trip(session, deadline, now) for _ in range(3))
    return max(0.0, seconds - trip) / (2 * len(pattern))


def _guarded(name: str, check: Callable[[], list[Item]]) -> list[Item]:
    """Return the items of *check*, or that the device failed on the way."""
    try:
        return check()
    except TargetError as exc:
        return [_failed(name, exc)]


def _failed(name: str, exc: TargetError) -> Item:
    found = f": {exc.found}" if exc.found else ""
    return Item(
        name=name,
        outcome=Outcome.FAILED,
        figure=f"{exc.what}{found}",
        limit="an answer",
    )


def _unmeasured(name: str, why: str, *, limit: str = "-") -> Item:
    return Item(name=name, outcome=Outcome.NOT_MEASURABLE, figure=why, limit=limit)


def _outcome(*, passed: bool) -> Outcome:
    return Outcome.PASSED if passed else Outcome.FAILED
