"""A run of MLPerf Tiny judged by the benchmark's rules (v1.2, closed division).

Whether its figures can be believed is another matter: hil.bench.mlperf_check_belief.
"""

from __future__ import annotations

import enum
import math
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.accuracy.auc import auc
from hil.errors import ConfigError
from hil.wire.mlperf_models import BENCHMARKS
from hil.wire.mlperf_run import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.wire.mlperf_models import Benchmark
    from hil.wire.mlperf_run import MlperfRun, Window

WINDOWS: Final = 5
WINDOW_SECONDS: Final = 10.0
WINDOW_RUNS: Final = 10
LARGEST_STEP_US: Final = 1000  # a timer of 1 kHz
_STATED_DIGITS: Final = 5e-4  # the runners print three decimals
_MOST_MISSES: Final = 8
_KEYWORDS: Final = 50


class Outcome(enum.Enum):
    """What became of one item."""

    PASSED = "passed"
    DOUBTFUL = "doubtful"
    FAILED = "failed"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One item: what was found, what is allowed, and what helps."""

    item: str
    outcome: Outcome
    found: str
    limit: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The answers of a run against the labels that are known."""

    files: int
    correct: int
    top1: float | None = None  # per cent; absent where answers are one number
    auc: float | None = None


def check_rules(run: MlperfRun) -> list[Finding]:
    """Return what the rules say of *run*, item by item."""
    if run.mode is Mode.STREAMING:
        return _streaming(run)
    benchmark = BENCHMARKS.get(run.model or "")
    findings = [_model(run, benchmark)]
    if run.mode is Mode.ACCURACY:
        findings += [_whole_set(run, benchmark), _single(run), _target(run, benchmark)]
    else:
        findings += [_window_count(run), _window_length(run), _score(run)]
    if run.mode is not Mode.ENERGY:
        findings.append(_timer_step(run))
    return findings


def median_throughput(run: MlperfRun) -> float | None:
    """Return the score: the median over the windows, by the device's clock."""
    values = [w.throughput for w in run.windows if w.throughput is not None]
    return statistics.median(values) if values else None


def accuracy_of(run: MlperfRun) -> Accuracy | None:
    """Return how many files are answered rightly; None where labels are missing.

    As MLCommons' runner: a file's answer is the mean of its windows' outputs, each
    scaled to the sum 1; one number is a score of class 1 and has an AUC only. Unlike
    there, outputs with negative values (logits) are not scaled: a negative sum would
    turn the order around.
    """
    labelled = [w for w in run.windows if w.label is not None and w.results]
    if not labelled or len(labelled) < len(run.windows):
        return None
    by_file: dict[str, list[Window]] = {}
    for index, window in enumerate(labelled):
        by_file.setdefault(window.file or f"#{index}", []).append(window)
    if len({len(w.results or ()) for w in labelled}) != 1:
        return None
    scores = np.array([_mean_answer(windows) for windows in by_file.values()])
    labels = np.array([windows[0].label for windows in by_file.values()], np.int64)
    if scores.shape[1] == 1:
        return Accuracy(files=len(labels), correct=0, auc=_auc(scores[:, 0], labels))
    correct = int((scores.argmax(axis=1) == labels).sum())
    return Accuracy(
        files=len(labels),
        correct=correct,
        top1=100 * correct / len(labels),
        auc=_auc(scores[:, 1] if scores.shape[1] == 2 else scores, labels),  # noqa: PLR2004 - two classes: the score of the second one
    )


def _mean_answer(windows: Sequence[Window]) -> list[float]:
    rows = np.array([window.results for window in windows], np.float64)
    if rows.shape[1] > 1:
        sums = rows.sum(axis=1, keepdims=True)
        shares = (sums != 0) & (rows.min(axis=1, keepdims=True) >= 0)
        rows = np.divide(rows, sums, out=rows.copy(), where=shares)
    mean: list[float] = rows.mean(axis=0).tolist()
    return mean


def _auc(
    scores: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> float | None:
    try:
        return auc(scores, labels)
    except ConfigError:
        return None


def _model(run: MlperfRun, benchmark: Benchmark | None) -> Finding:
    if benchmark is None:
        return Finding(
            item="model",
            outcome=Outcome.UNKNOWN,
            found=run.model or "the device names none",
            limit=", ".join(BENCHMARKS),
            advice="the firmware must answer profile% with m-model-[ID]",
        )
    return Finding(item="model", outcome=Outcome.PASSED, found=benchmark.model)


def _window_count(run: MlperfRun) -> Finding:
    count = len(run.windows)
    files = len({(w.file, w.segment) for w in run.windows})
    right = count == WINDOWS and files == WINDOWS
    return Finding(
        item="windows",
        outcome=Outcome.PASSED if right else Outcome.FAILED,
        found=f"{count} of {files} different inputs",
        limit=f"{WINDOWS} windows, each of another input",
        advice="" if right else "run the performance test with its five inputs",
    )


def _window_length(run: MlperfRun) -> Finding:
    limit = f"at least {WINDOW_SECONDS:g} s and {WINDOW_RUNS} inferences each"
    seconds = [w.seconds for w in run.windows if w.seconds is not None]
    fewest = min(w.n for w in run.windows)
    if not seconds:
        return Finding(
            item="window length",
            outcome=Outcome.UNKNOWN,
            found=f"{fewest} inferences, no time",
            limit=limit,
        )
    shortest = min(seconds)
    right = shortest >= WINDOW_SECONDS and fewest >= WINDOW_RUNS
    advice = ""
    if not right and shortest > 0:
        needed = math.ceil(max(fewest * WINDOW_SECONDS / shortest * 1.05, WINDOW_RUNS))
        advice = f"measure with N = {needed}"
    return Finding(
        item="window length",
        outcome=Outcome.PASSED if right else Outcome.FAILED,
        found=f"the shortest is {shortest:.3f} s with {fewest} inferences",
        limit=limit,
        advice=advice,
    )


def _score(run: MlperfRun) -> Finding:
    score = median_throughput(run)
    stated = run.stated.get("median_throughput")
    energy = run.stated.get("median_energy_uj")
    if run.mode is Mode.ENERGY:
        found = f"{energy:g} uJ/inf. stated" if energy is not None else "none stated"
        known = energy is not None
        return Finding(
            item="score",
            outcome=Outcome.PASSED if known else Outcome.UNKNOWN,
            found=found,
            limit="a median over the windows",
        )
    if score is None:
        return Finding(
            item="score",
            outcome=Outcome.FAILED,
            found="no time passed on the device's clock",
            limit="a median over the windows",
            advice="the timer stands still: check its clock and its overflow",
        )
    found = f"{score:.3f} inf./s, {1000 / score:.6g} ms, by the device's clock"
    if stated is None:
        return Finding(item="score", outcome=Outcome.PASSED, found=found)
    same = abs(stated - score) <= _STATED_DIGITS + score * 1e-6
    return Finding(
        item="score",
        outcome=Outcome.PASSED if same else Outcome.FAILED,
        found=found,
        limit=f"{stated:.3f} inf./s stated",
        advice="" if same else "the log's words are not its windows': was it edited?",
    )


def _timer_step(run: MlperfRun) -> Finding:
    limit = f"steps of at most {LARGEST_STEP_US:,} us"
    item = "timer resolution"
    elapsed = [round(w.seconds * 1e6) for w in run.windows if w.seconds is not None]
    stamps = list(run.laps_us) or (elapsed if run.mode is Mode.PERFORMANCE else [])
    if any(value == 0 for value in elapsed) or len(set(run.laps_us)) == 1:
        return Finding(
            item=item,
            outcome=Outcome.FAILED,
            found="no time passes in a window",
            limit=limit,
            advice="the timer stands still: check its clock and its overflow",
        )
    # Equal durations tell no step.
    if len(set(stamps)) <= 1:
        return Finding(
            item=item, outcome=Outcome.UNKNOWN, found="no time stamps", limit=limit
        )
    step = math.gcd(*stamps)
    return Finding(
        item=item,
        outcome=Outcome.PASSED if step <= LARGEST_STEP_US else Outcome.FAILED,
        found=f"{step:,} us, by {len(set(stamps))} different values",
        limit=limit,
        advice="" if step <= LARGEST_STEP_US else "use a timer of at least 1 kHz",
    )


def _whole_set(run: MlperfRun, benchmark: Benchmark | None) -> Finding:
    files = Counter(w.file for w in run.windows)
    # Without names each window is a file of its own.
    count = len(run.windows) if set(files) == {None} else len(files)
    found = f"{count:,} files, {len(run.windows):,} inputs"
    if benchmark is None:
        return Finding(item="whole set", outcome=Outcome.UNKNOWN, found=found)
    wanted = benchmark.files * benchmark.segments
    right = count == benchmark.files and len(run.windows) == wanted
    return Finding(
        item="whole set",
        outcome=Outcome.PASSED if right else Outcome.FAILED,
        found=found,
        limit=f"{benchmark.files:,} files, {wanted:,} inputs",
        advice="" if right else "accuracy counts over the whole set only",
    )


def _single(run: MlperfRun) -> Finding:
    wrong = sum(w.n != 1 or w.warmup != 0 for w in run.windows)
    return Finding(
        item="one inference an input",
        outcome=Outcome.FAILED if wrong else Outcome.PASSED,
        found=f"{wrong:,} of {len(run.windows):,} inputs run more than once"
        if wrong
        else f"{len(run.windows):,} inputs, each by infer 1 0",
        limit="infer 1 0",
        advice="a second inference may see an input that the first overwrote"
        if wrong
        else "",
    )


def _target(run: MlperfRun, benchmark: Benchmark | None) -> Finding:
    metric = benchmark.metric if benchmark else "top1"
    unit = " %" if metric == "top1" else ""
    computed = accuracy_of(run)
    value = (computed.top1 if metric == "top1" else computed.auc) if computed else None
    stated = run.stated.get(metric)
    told = value if value is not None else stated
    limit = f"at least {benchmark.target:g}{unit}" if benchmark else ""
    if told is None:
        return Finding(
            item="accuracy",
            outcome=Outcome.UNKNOWN,
            found="neither labels nor a stated figure",
            limit=limit,
            advice="give --labels y_labels.csv, or put results.txt beside log.txt",
        )
    found = f"{told:.4g}{unit} stated"
    if value is not None and computed is not None:
        count = f", {computed.correct:,} of {computed.files:,}"
        found = f"{metric} {value:.4g}{unit}{count if metric == 'top1' else ''}"
    step = 0.05 if metric == "top1" else 0.01  # EEMBC's runner cuts to two decimals
    if value is not None and stated is not None and abs(value - stated) > step + 1e-9:
        return Finding(
            item="accuracy",
            outcome=Outcome.FAILED,
            found=found,
            limit=f"{stated:g}{unit} stated",
            advice="the log's words are not its answers': was it edited?",
        )
    reached = benchmark is None or told >= benchmark.target
    return Finding(
        item="accuracy",
        outcome=Outcome.PASSED if reached else Outcome.FAILED,
        found=found,
        limit=limit,
        advice="" if reached else "below the closed division's target",
    )


def _streaming(run: MlperfRun) -> list[Finding]:
    findings = []
    for key, words in (
        ("false_positives", "false positives"),
        ("false_negatives", "false negatives"),
    ):
        count = run.stated.get(key)
        limit = f"at most {_MOST_MISSES}"
        if count is None:
            outcome, found = Outcome.UNKNOWN, "not stated"
        else:
            outcome = Outcome.PASSED if count <= _MOST_MISSES else Outcome.FAILED
            found = f"{count:g}"
        findings.append(Finding(item=words, outcome=outcome, found=found, limit=limit))
    heard, missed = (
        run.stated.get("true_positives"),
        run.stated.get("false_negatives"),
    )
    if heard is not None and missed is not None:
        right = heard + missed == _KEYWORDS
        findings.append(
            Finding(
                item="whole set",
                outcome=Outcome.PASSED if right else Outcome.FAILED,
                found=f"{heard + missed:g} keywords",
                limit=f"{_KEYWORDS} keywords",
            )
        )
    speed = run.stated.get("streaming_throughput")
    findings.append(
        Finding(
            item="score",
            outcome=Outcome.UNKNOWN if speed is None else Outcome.PASSED,
            found="not stated" if speed is None else f"{speed:g} inf./s stated",
        )
    )
    return findings
