"""A device driven through MLPerf Tiny's performance or accuracy test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from hil.errors import FirmwareFault
from hil.wire.mlperf_run import MlperfRun, Mode, Runner, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.bench.mlperf_inputs import MlperfInput
    from hil.session.mlperf import MlperfSession
    from hil.vocab import Deadline
    from hil.wire.mlperf import Inference

    # Told of each window as it ends.
    OnWindow = Callable[[MlperfInput, Window], None]

INPUTS: Final = 5
SECONDS: Final = 10.5  # of a window: the rules ask for 10
_FEWEST_RUNS: Final = 10
_PROBE_RUNS: Final = 3
_TRIES: Final = 3


def run_accuracy(
    session: MlperfSession,
    inputs: Sequence[MlperfInput],
    deadline: Deadline,
    *,
    on_window: OnWindow,
) -> MlperfRun:
    """Run every input once, each loaded anew; errors as of MlperfSession.infer."""
    windows = []
    for each in inputs:
        window = _window(each, session.infer(each.data, deadline))
        on_window(each, window)
        windows.append(window)
    return _run(session, Mode.ACCURACY, windows)


def run_performance(
    session: MlperfSession,
    inputs: Sequence[MlperfInput],
    deadline: Deadline,
    *,
    on_window: OnWindow,
    n: int | None = None,
    warmup: int = 10,
    seconds: float = SECONDS,
) -> MlperfRun:
    """Run a window over each of the first five inputs.

    Without *n* it is found by a short window, so that the windows last *seconds* by the
    device's clock; a window that is shorter is repeated with more. Raises FirmwareFault
    where that clock stands still.
    """
    windows = []
    chosen = n or _runs_for(session, inputs[0], deadline, seconds=seconds)
    for each in inputs[:INPUTS]:
        for _ in range(_TRIES):
            done = session.infer(each.data, deadline, n=chosen, warmup=warmup)
            elapsed = _elapsed_seconds(session, done)
            if n is not None or elapsed >= min(seconds, 10.0):
                break
            chosen = math.ceil(chosen * seconds / elapsed * 1.02)
        window = _window(each, done)
        on_window(each, window)
        windows.append(window)
    return _run(session, Mode.PERFORMANCE, windows)


def _runs_for(
    session: MlperfSession, probe: MlperfInput, deadline: Deadline, *, seconds: float
) -> int:
    done = session.infer(probe.data, deadline, n=_PROBE_RUNS, warmup=1)
    each = _elapsed_seconds(session, done) / done.n
    return max(_FEWEST_RUNS, math.ceil(seconds / each))


def _elapsed_seconds(session: MlperfSession, done: Inference) -> float:
    elapsed_us = done.elapsed_us
    if not elapsed_us:
        raise FirmwareFault(
            "no time passes on the device's clock",
            where=str(session),
            found="no m-lap-us lines" if elapsed_us is None else "two equal m-lap-us",
            remedy="a firmware in performance mode, whose timer runs; or give --n",
        )
    return elapsed_us / 1e6


def _window(each: MlperfInput, done: Inference) -> Window:
    elapsed_us = done.elapsed_us
    return Window(
        n=done.n,
        warmup=done.warmup,
        file=each.file,
        segment=each.segment,
        seconds=None if elapsed_us is None else elapsed_us / 1e6,
        inference=done,
        host_seconds=done.host_seconds,
        results=done.results,
        input_bytes=len(each.data),
        label=each.label,
    )


def _run(session: MlperfSession, mode: Mode, windows: list[Window]) -> MlperfRun:
    laps = [
        lap
        for window in windows
        if window.inference
        for lap in (window.inference.start_us, window.inference.end_us)
        if lap is not None
    ]
    return MlperfRun(
        runner=Runner.HIL,
        mode=mode,
        windows=tuple(windows),
        model=session.identity.model,
        name=session.identity.name,
        profile=session.identity.profile,
        laps_us=tuple(laps),
    )
