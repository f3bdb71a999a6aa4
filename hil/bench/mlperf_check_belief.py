"""Whether the figures of a run of MLPerf Tiny can be believed; no rule asks for this.

Limits by 193 public logs: device and host clock agree within 1 % in nine of ten, and
firmwares that lose their input answer wrongly in four or five of five windows.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

from hil.bench.mlperf_check import Finding, Outcome
from hil.wire.mlperf_run import Mode

if TYPE_CHECKING:
    from hil.wire.mlperf_run import MlperfRun, Window

_FLAGGED: Final = 0.01
_REFUSED: Final = 0.05
_SHORTEST_SECONDS: Final = 1.0  # the line adds up to 20 ms to a window
_WRONG_SHARE: Final = 0.8
_MIN_INPUTS: Final = 2
_RESTORE = (
    "copy the input into its tensor before every inference: the first one may "
    "overwrite it; score accuracy only by infer 1 0"
)


def check_belief(run: MlperfRun, other: MlperfRun | None = None) -> list[Finding]:
    """Return doubts about *run*, item by item; *other* is a run of the same firmware.

    Of *other*, its answers to the same files are held against those of *run*.
    """
    if run.mode is Mode.STREAMING:
        return [_streaming_clock(run)]
    findings = [] if run.mode is Mode.ENERGY else [_clock(run)]
    findings.append(_variety(run))
    if any(window.n + window.warmup > 1 for window in run.windows):
        findings.append(_answers(run))
    if other is not None:
        findings.append(_same_answers(run, other))
    return findings


def clock_ratio(run: MlperfRun) -> tuple[float, float] | None:
    """Return device time over host time, and the error that the host's steps allow.

    The median over windows of at least a second by the device; None where there is
    none. By the host they may be far shorter: a device may take its cycles, or
    instructions, for microseconds.
    """
    ratios, errors = [], []
    for window in run.windows:
        if window.seconds is None or window.host_seconds is None:
            continue
        if window.seconds >= _SHORTEST_SECONDS:
            host_seconds = max(window.host_seconds, window.host_step_seconds)
            ratios.append(window.seconds / host_seconds)
            errors.append(window.host_step_seconds / host_seconds)
    if not ratios:
        return None
    # A coarse stamp is cut, so a window may look a step too short or too long.
    return statistics.median(ratios), max(errors)


def _clock(run: MlperfRun) -> Finding:
    item = "device clock"
    limit = f"within {_FLAGGED:.0%} of the host's, {_REFUSED:.0%} at most"
    known = clock_ratio(run)
    if known is None:
        return Finding(
            item=item,
            outcome=Outcome.UNKNOWN,
            found="no window of a second with both clocks",
            limit=limit,
        )
    ratio, error = known
    found = f"{ratio:.4f} of the host's"
    if error > _FLAGGED:
        found += f", to {error:.0%}: its stamps are coarse"
    off = max(0.0, abs(ratio - 1) - (error if error > _FLAGGED else 0.0))
    if off > _REFUSED:
        outcome = Outcome.FAILED
    else:
        outcome = Outcome.DOUBTFUL if off > _FLAGGED else Outcome.PASSED
    advice = ""
    if outcome is not Outcome.PASSED:
        advice = (
            f"by the host's clock an inference takes {1 / ratio:.3g} times as long; "
            "check the clock that the firmware's timer is set up for"
        )
    return Finding(item=item, outcome=outcome, found=found, limit=limit, advice=advice)


def _streaming_clock(run: MlperfRun) -> Finding:
    audio = run.stated.get("audio_seconds")
    item, limit = "device clock", f"within {_REFUSED:.0%} of the audio's length"
    if not audio or len(run.laps_us) < _MIN_INPUTS:
        return Finding(
            item=item, outcome=Outcome.UNKNOWN, found="no time stamps", limit=limit
        )
    ticks = run.laps_us[-1] - run.laps_us[0]
    right = abs(ticks / (audio * 1e6) - 1) <= _REFUSED
    return Finding(
        item=item,
        outcome=Outcome.PASSED if right else Outcome.DOUBTFUL,
        found=f"m-lap-us moved by {ticks:,} in {audio:g} s of audio",
        limit=limit,
        advice="" if right else "m-lap-us are no microseconds here",
    )


def _variety(run: MlperfRun) -> Finding:
    """Look for one answer to all inputs."""
    answered = [w for w in run.windows if w.results is not None]
    inputs = {(w.file, w.segment) for w in answered}
    answers = {w.results for w in answered}
    found = f"{len(answers):,} different answers to {len(inputs):,} inputs"
    if len(inputs) < _MIN_INPUTS:
        return Finding(item="outputs vary", outcome=Outcome.UNKNOWN, found=found)
    constant = len(answers) == 1
    return Finding(
        item="outputs vary",
        outcome=Outcome.DOUBTFUL if constant else Outcome.PASSED,
        found=found,
        limit="different answers to different inputs",
        advice=_RESTORE if constant else "",
    )


def _answers(run: MlperfRun) -> Finding:
    """Hold the answers of repeated inferences against the files' classes."""
    item, limit = "input kept", "the file's class behind the last inference too"
    known = [w for w in run.windows if _is_repeated(w)]
    if not known:
        return Finding(
            item=item,
            outcome=Outcome.UNKNOWN,
            found="no repeated inference whose class is known",
            limit=limit,
            advice="give --labels y_labels.csv, or --accuracy with a log of infer 1 0",
        )
    wrong = sum(_winner(w) != w.label for w in known)
    lost = wrong >= _WRONG_SHARE * len(known)
    found = f"{wrong} of {len(known)} answers are another class"
    return Finding(
        item=item,
        outcome=Outcome.DOUBTFUL if lost else Outcome.PASSED,
        found=f"{found}: overwritten inputs, or another model" if lost else found,
        limit=limit,
        advice=_RESTORE if lost else "",
    )


def _is_repeated(window: Window) -> bool:
    many = window.n + window.warmup > 1
    return many and window.label is not None and len(window.results or ()) > 1


def _winner(window: Window) -> int:
    assert window.results
    return max(range(len(window.results)), key=window.results.__getitem__)


def _same_answers(run: MlperfRun, other: MlperfRun) -> Finding:
    theirs = {(w.file, w.segment): w.results for w in other.windows}
    pairs = [
        (w.results, theirs[w.file, w.segment])
        for w in run.windows
        if (w.file, w.segment) in theirs
    ]
    differ = sum(mine != answer for mine, answer in pairs)
    if not pairs:
        return Finding(
            item="same answers",
            outcome=Outcome.UNKNOWN,
            found="the two runs have no file in common",
        )
    return Finding(
        item="same answers",
        outcome=Outcome.DOUBTFUL if differ else Outcome.PASSED,
        found=f"{differ} of {len(pairs)} answers differ from the other run's",
        limit="the same code in both runs",
        advice=_RESTORE if differ else "",
    )
