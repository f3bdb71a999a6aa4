"""What a v1 `benchmark_model` printed, of any generation since 2018, parsed."""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass

from hil.android.run_stats import RunStats, parse_stats
from hil.errors import FirmwareFault
from hil.printable import printable, tail

_LOGCAT = re.compile(r"^(?:[^\[\]=]*\s|[VDIWEF]/)?tflite\s*(?:\(\s*\d+\))?\s*: ")
_LEVEL = re.compile(r"^(?:INFO|WARN|WARNING|ERROR|FATAL|VERBOSE): ?")
_NUMBER = r"(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|-?nan)"
_SESSION = re.compile(rf"Initialized session in ({_NUMBER})ms\.?")
_PHASE = re.compile(
    rf"Running benchmark for at least (?P<n>\d+) iterations"
    rf"(?: and at least (?P<min>{_NUMBER}) seconds"
    rf"(?: but terminate if exceeding (?P<max>{_NUMBER}) seconds\.?)?)?\.?"
)
_SUMMARY = re.compile(
    rf"Inference timings in us: Init: (?P<init>{_NUMBER}), "
    rf"First inference: (?P<first>{_NUMBER}), "
    rf"Warmup \(avg\): (?P<warmup>{_NUMBER}), "
    rf"Inference \(avg\): (?P<inference>{_NUMBER})"
)
_SUMMARY_2018 = re.compile(
    rf"Average inference timings in us: Warmup: (?P<warmup>{_NUMBER}), "
    rf"Init: (?P<init>{_NUMBER}), (?:Inference|no stats): (?P<inference>{_NUMBER})"
)
_FOOTPRINT = re.compile(
    rf"(?:Memory footprint delta from the start of the tool|Peak memory footprint)"
    rf" \(MB\): init=(?P<init>{_NUMBER}) overall=(?P<overall>{_NUMBER})"
)
_PEAK = re.compile(
    rf"Overall peak memory footprint \(MB\) via periodic monitoring: ({_NUMBER})"
)
_RSS = re.compile(r"- VmRSS\s*: (\d+) MB")
_APPLIED = re.compile(
    r"Explicitly applied (?P<name>.+?) delegate, and the model graph will be "
    r"(?P<how>completely|partially) executed by the delegate(?: w/ \d+ delegate "
    r"kernels)?\.?"
)
_FALLBACK = re.compile(
    r"Though (?P<name>.+?) delegate is explicitly applied, the model graph will not be "
    r"executed by the delegate\.?"
)
_REPLACED = re.compile(
    r"Replacing (?P<nodes>\d+) out of (?P<total>\d+) node\(s\) with delegate "
    r"\((?P<name>[^)]+)\) node, yielding (?P<partitions>\d+) partitions.*"
)
_REFUSED_FALLBACK = "Disallowed CPU fallback detected."
_UNCONSUMED = "Unconsumed cmdline flags:"
# A line that starts so must be read whole; anything else there is damage.
_HEADS = (
    ("Initialized session in ", _SESSION),
    ("Running benchmark for at least ", _PHASE),
    ("Inference timings in us: ", _SUMMARY),
    ("Average inference timings in us: ", _SUMMARY_2018),
    ("Memory footprint delta", _FOOTPRINT),
    ("Peak memory footprint", _FOOTPRINT),
    ("Overall peak memory footprint", _PEAK),
    ("- VmRSS", _RSS),
)
_NOISE = re.compile(
    r"STARTING!|Duplicate flags: .*|Loaded model .*|Loaded OpenCL library .*"
    r"|Initialized TensorFlow Lite runtime\.|Initialized OpenCL-based API\."
    r"|Created TensorFlow Lite .*|Note: as the benchmark tool itself .*"
    r"|[A-Za-z#][^\[\]]*: \[.*\]|The input model file size \(MB\): .*"
    r"|Failed to get the input model file size\."
    r"|Memory status at the end of exeution:|\+ Rss.*"
    r"|Timings \(microseconds\): .*|Memory \(bytes\): .*|\d+ nodes observed"
    r"|Profiling Info for .*|Operator-wise Profiling Info .*"
    r"|Number of nodes executed: .*|=+ .* =+|\t.*"
)
_V2 = "BENCHMARK RESULTS"
_SUM_DIGITS = 5e-6  # C++ prints a double with six digits
_WHERE = "benchmark_model's output"


class Delegation(enum.Enum):
    """How much of a model a delegate took over."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegateVerdict:
    """One line that decides what the figure is a figure of."""

    extent: Delegation
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFootprint:
    """The memory lines, as printed; absent where the tool did not print them.

    "MB" of benchmark_model is 2**20 bytes: it is ru_maxrss (KiB on Linux) / 1024.
    """

    init_mb: float | None = None
    overall_mb: float | None = None
    peak_mb: float | None = None
    rss_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkOutput:
    """Everything that one run of benchmark_model said.

    `first_inference_us` is the first WARM-UP run. `unknown_lines` are kept, so that a
    new generation of the tool is noticed.
    """

    warmup: RunStats | None
    inference: RunStats
    init_us: float
    first_inference_us: float | None
    memory: MemoryFootprint
    delegates: tuple[DelegateVerdict, ...] = ()
    unconsumed_flags: tuple[str, ...] = ()
    unknown_lines: tuple[str, ...] = ()


def parse(stdout: str, stderr: str = "") -> BenchmarkOutput:
    """Return what the tool printed on both streams, checked against itself.

    FirmwareFault where the output is cut short, a line is damaged or two figures
    contradict each other: nothing is guessed.
    """
    lines = _lines(stdout)
    _refuse_a_cut_end(stdout, lines)
    stats = [line for line in lines if line.startswith("count=")]
    found = _Found.of(lines)
    if len(stats) < 2 or found.summary is None:  # noqa: PLR2004 - warm-up and timed
        raise _incomplete(stdout, lines, stats=len(stats))
    if len(stats) > 2:  # noqa: PLR2004 - likewise
        raise _contradiction(
            "one warm-up and one timed block", f"{len(stats)} lines of statistics"
        )
    warmup, inference = (parse_stats(line) for line in stats)
    if inference is None:
        raise FirmwareFault(
            "benchmark_model timed no run", where=_WHERE, found=stats[1]
        )
    _check_summary(found.summary, warmup=warmup, inference=inference)
    _check_init(found)
    _check_phases(found.phases, (warmup, inference))
    both = [*lines, *_lines(stderr)]
    first = found.summary.groupdict().get("first")
    return BenchmarkOutput(
        warmup=warmup,
        inference=inference,
        init_us=float(found.summary["init"]),
        first_inference_us=None if first is None else float(first),
        memory=found.memory(),
        delegates=tuple(v for v in map(_verdict, both) if v is not None),
        unconsumed_flags=unconsumed_flags(stdout, stderr),
        unknown_lines=tuple(line for line in both if not _is_known(line)),
    )


def unconsumed_flags(stdout: str, stderr: str) -> tuple[str, ...]:
    """Return the flags that this build of the tool does not know and passed over."""
    return tuple(
        flag
        for line in [*_lines(stdout), *_lines(stderr)]
        if line.startswith(_UNCONSUMED)
        for flag in line.removeprefix(_UNCONSUMED).split()
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """The lines with figures, each read whole and said once."""

    session: re.Match[str] | None
    phases: list[re.Match[str]]
    summary: re.Match[str] | None
    footprint: re.Match[str] | None
    peak: re.Match[str] | None
    rss: re.Match[str] | None

    @classmethod
    def of(cls, lines: list[str]) -> _Found:
        found: dict[re.Pattern[str], list[re.Match[str]]] = {}
        for line in lines:
            pattern = next((p for head, p in _HEADS if line.startswith(head)), None)
            if pattern is None:
                continue
            match = pattern.fullmatch(line)
            if match is None:
                raise FirmwareFault(
                    "a line of benchmark_model's output is damaged",
                    where=_WHERE,
                    found=printable(line),
                )
            found.setdefault(pattern, []).append(match)
        return cls(
            session=_once(found.get(_SESSION, [])),
            phases=found.get(_PHASE, []),
            summary=_once(found.get(_SUMMARY, []) + found.get(_SUMMARY_2018, [])),
            footprint=_once(found.get(_FOOTPRINT, [])),
            peak=_once(found.get(_PEAK, [])),
            rss=_once(found.get(_RSS, [])),
        )

    def memory(self) -> MemoryFootprint:
        memory = MemoryFootprint(
            init_mb=float(self.footprint["init"]) if self.footprint else None,
            overall_mb=float(self.footprint["overall"]) if self.footprint else None,
            peak_mb=float(self.peak[1]) if self.peak else None,
            rss_mb=float(self.rss[1]) if self.rss else None,
        )
        # Both come from ru_maxrss, a high-water mark, so the later one is not smaller.
        if (
            memory.init_mb is not None
            and memory.overall_mb is not None
            and memory.overall_mb < memory.init_mb
        ):
            raise _contradiction("init= at most overall=", self.footprint)
        return memory


def _lines(text: str) -> list[str]:
    """Return the lines that are not empty, without the prefixes of the loggers."""
    lines = []
    for raw in text.replace("\r\n", "\n").split("\n"):
        line = _LOGCAT.sub("", raw.rstrip(), count=1)
        while (bare := _LEVEL.sub("", line, count=1)) != line:
            line = bare
        if line.strip():
            lines.append(line)
    return lines


def _refuse_a_cut_end(stdout: str, lines: list[str]) -> None:
    if lines and not stdout.endswith("\n"):
        raise FirmwareFault(
            "benchmark_model's output is cut in the middle of a line",
            where=_WHERE,
            found=printable(lines[-1]),
        )


def _incomplete(stdout: str, lines: list[str], *, stats: int) -> FirmwareFault:
    names = ("the warm-up block", "the timed block", "the line 'Inference timings'")
    is_v2 = any(_V2 in line for line in lines)
    return FirmwareFault(
        f"benchmark_model's output lacks {names[min(stats, 2)]}",
        where=_WHERE,
        found=f"last lines: {tail(stdout, lines=1) or 'nothing was printed'}",
        remedy="use the v1 (interpreter) benchmark_model, not the CompiledModel one"
        if is_v2
        else None,
    )


def _once(matches: list[re.Match[str]]) -> re.Match[str] | None:
    different = {match[0] for match in matches}
    if len(different) > 1:
        raise _contradiction("one such line", " / ".join(sorted(different)))
    return matches[0] if matches else None


def _contradiction(allowed: str, found: str | re.Match[str] | None) -> FirmwareFault:
    text = found[0] if isinstance(found, re.Match) else found
    return FirmwareFault(
        "benchmark_model's figures contradict each other",
        where=_WHERE,
        found=None if text is None else printable(text),
        allowed=allowed,
    )


def _check_summary(
    summary: re.Match[str], *, warmup: RunStats | None, inference: RunStats
) -> None:
    """Hold the summary's means, which are printed a second time, against the blocks."""
    if float(summary["inference"]) != inference.avg_us:
        raise _contradiction(
            f"Inference (avg) of the timed block, {inference.avg_us:g}", summary
        )
    mean = 0.0 if warmup is None else warmup.avg_us
    # The mean of no runs is a quiet NaN, which an integer type turns into 0.
    printed = float(summary["warmup"])
    if printed != mean and not (warmup is None and math.isnan(printed)):
        raise _contradiction(f"Warmup (avg) of the warm-up block, {mean:g}", summary)
    first = summary.groupdict().get("first")
    expected = 0.0 if warmup is None else warmup.first_us
    if first is not None and float(first) != expected:
        raise _contradiction(
            f"First inference of the warm-up block, {expected:g}", summary
        )


def _check_init(found: _Found) -> None:
    assert found.summary is not None
    if found.session is None:
        return
    init_us, session_us = float(found.summary["init"]), float(found.session[1]) * 1000
    if not abs(init_us - session_us) <= max(0.5, init_us * _SUM_DIGITS):
        raise _contradiction(
            f"Init of the session, {session_us:g} us",
            f"{found.session[0]} / {found.summary[0]}",
        )


def _check_phases(
    phases: list[re.Match[str]], blocks: tuple[RunStats | None, RunStats]
) -> None:
    """Hold the announced number of runs against the counted ones.

    A phase may run fewer only when its time limit ended it.
    """
    if not phases:
        return
    if len(phases) != len(blocks):
        raise _contradiction(
            "one announcement of the warm-up and one of the timed runs",
            f"{len(phases)} lines 'Running benchmark for'",
        )
    for phase, stats in zip(phases, blocks, strict=True):
        n = 0 if stats is None else stats.n
        if n >= int(phase["n"]):
            continue
        limit_us = float(phase["max"] or "inf") * 1e6
        spent_us = 0.0 if stats is None else stats.n * stats.avg_us
        # What passes between two runs counts for the limit too, but is far less.
        if spent_us < limit_us / 2:
            raise _contradiction(f"at least {phase['n']} runs", f"{n} runs")


def _verdict(line: str) -> DelegateVerdict | None:
    if match := _APPLIED.fullmatch(line):
        full = match["how"] == "completely"
        extent = Delegation.FULL if full else Delegation.PARTIAL
    elif match := _FALLBACK.fullmatch(line):
        extent = Delegation.NONE
    elif match := _REPLACED.fullmatch(line):
        nodes, total = int(match["nodes"]), int(match["total"])
        extent = (
            Delegation.NONE
            if nodes == 0
            else Delegation.FULL
            if nodes == total
            else Delegation.PARTIAL
        )
    elif line.strip() == _REFUSED_FALLBACK:
        return DelegateVerdict(extent=Delegation.NONE, name="", text=line)
    else:
        return None
    return DelegateVerdict(extent=extent, name=match["name"], text=line)


def _is_known(line: str) -> bool:
    return (
        line.startswith(("count=", _UNCONSUMED, *(head for head, _ in _HEADS)))
        or _verdict(line) is not None
        or _NOISE.fullmatch(line) is not None
    )
