"""What a `benchmark_model` of any generation since 2018 said: the one parser of it all.

Read are the lines of the interpreter's tool, the block of the CompiledModel tool,
lines of Android's log, op profiles (tables and CSV) and the result file. Whatever is
told twice is compared, and where two figures differ or a line is damaged the output is
refused.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android import result_file as results
from hil.android.benchmark_checks import check_figures, memory_of
from hil.android.compiled_output import (
    RESOLUTION_US,
    CompiledResults,
    check_against,
    is_of_block,
    results_of,
)
from hil.android.delegation import DelegateVerdict, fallback, verdict, verdicts
from hil.android.op_profile import (
    OpProfile,
    ProfilePhase,
    parse_profile_file,
    take_profile,
)
from hil.android.output_figures import (
    COUNT,
    HEADS,
    SESSION,
    SUMMARY,
    SUMMARY_2018,
    figures_of,
)
from hil.android.output_lines import decoded, has_cut_end, is_logcat, output_lines
from hil.android.printed_number import is_surely_whole
from hil.android.refusal import WHERE, contradiction
from hil.android.run_stats import RunStats, parse_stats
from hil.errors import FirmwareFault
from hil.printable import printable, tail

if TYPE_CHECKING:
    from hil.android.benchmark_checks import MemoryFootprint
    from hil.android.output_figures import Figures

_UNCONSUMED = re.compile(r".*cmdline flags: *(?P<flags>.*)")
_NOISE = re.compile(
    r"STARTING!|Duplicate flags: .*|Loaded model .*|Loading model from: .*"
    r"|Loaded OpenCL library .*|Initialized TensorFlow Lite runtime\."
    r"|Initialized OpenCL-based API\.|Created TensorFlow Lite .*"
    r"|Note: as the benchmark tool itself .*|[A-Za-z#][^\[\]]*: \[.*\]"
    r"|Failed to get the input model file size\."
    r"|(?:Saving|Saved) benchmark result to: .*"
    r"|Memory status at the end of exeution:|(?:dispatch|compiler)_\w+: .*"
)
_PREFIXED = re.compile(r"INFO: Inference timings in us: ")
_LINE_US = 1.0  # the statistics lines count whole microseconds
_BLOCKS = 2  # of statistics: the warm-up's and the timed runs'


class Generation(enum.Enum):
    """Which tool printed it; the year is that of builds which print like this."""

    Y2018 = "2018"  # "Average inference timings in us"
    Y2021 = "2021"  # "Inference timings in us", and a limit of seconds
    Y2023 = "2023"  # the same with "INFO: " before each line
    Y2025 = "2025"  # percentiles, and a result file
    COMPILED = "compiled-model"  # the v2 tool


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkOutput:
    """Everything that one run of benchmark_model said; times in microseconds.

    `avg_us`, `init_us` and `warmup_avg_us` are always there; `first_inference_us`,
    which is the first WARM-UP run, is absent from 2018's. `timed` and `warmup` are the
    statistics lines: `timed` is absent where only a block of the v2 tool, a result
    file or the last line of a log was given, `warmup` there and where none was asked
    for. Figures are multiples of `resolution_us`, but for the mean. `unknown_lines` are
    kept, so that a new generation of the tool is noticed.
    """

    generation: Generation
    avg_us: float
    init_us: float
    warmup_avg_us: float
    first_inference_us: float | None
    resolution_us: float
    memory: MemoryFootprint
    timed: RunStats | None = None
    warmup: RunStats | None = None
    compiled: CompiledResults | None = None
    result_file: results.ResultFile | None = None
    profile: OpProfile | None = None
    delegates: tuple[DelegateVerdict, ...] = ()
    unknown_lines: tuple[str, ...] = ()

    @property
    def inference(self) -> RunStats:
        """The timed runs; FirmwareFault where nothing tells more than their mean."""
        if self.timed is None:
            raise FirmwareFault(
                "benchmark_model's output lacks the statistics of the timed runs",
                where=WHERE,
                found=f"only their mean, {self.avg_us:g} us",
                remedy="keep both streams of the tool: the line count=.. is on stdout",
            )
        return self.timed


def parse(
    stdout: str | bytes = "",
    stderr: str | bytes = "",
    *,
    result_file: bytes | None = None,
    profile_file: str | bytes | None = None,
    asked: str | None = None,
) -> BenchmarkOutput:
    """Return what one run of the tool said, all of it checked against itself.

    *stdout* may be lines of Android's log, or both streams in one. *result_file* is
    what `--result_file_path` wrote, *profile_file* what `--op_profiling_output_file`
    did, as tables or CSV. *asked* names the delegate that the run was to use (GPU,
    NNAPI, XNNPACK, NPU, ... as the tool prints it).

    FirmwareFault where something is cut, damaged or contradicts something else; where
    the tool passed over a flag; where *asked* did not take the whole model (the error
    says how many nodes fell back). Nothing is guessed.
    """
    refuse_unconsumed(stdout, stderr)
    _refuse_a_cut_end(stdout)
    profile, lines = take_profile(output_lines(stdout))
    errors = output_lines(stderr)
    found = figures_of(lines)
    block = results_of([*lines, *errors])
    file = None if result_file is None else results.parse_result_file(result_file)
    if profile_file is not None:
        if profile is not None:
            raise contradiction("two op profiles", allowed="one, printed or in a file")
        profile = parse_profile_file(profile_file)
    told = verdicts([*lines, *errors])
    if asked is not None:
        refused = fallback(told, asked, where=WHERE)
        if refused is not None:
            raise refused
    source = _Source(found=found, block=block, file=file, text=decoded(stdout))
    return source.output(
        profile=profile,
        delegates=told,
        unknown=tuple(line for line in [*lines, *errors] if not _is_known(line)),
    )


def unconsumed_flags(stdout: str | bytes, stderr: str | bytes) -> tuple[str, ...]:
    """Return the flags that this build of the tool does not know and passed over."""
    return tuple(
        flag
        for line in [*output_lines(stdout), *output_lines(stderr)]
        if (match := _UNCONSUMED.fullmatch(line)) is not None
        for flag in match["flags"].split() or ["(not named)"]
    )


def refuse_unconsumed(stdout: str | bytes, stderr: str | bytes) -> None:
    """Raise FirmwareFault where the tool passed over a flag: it ran something else."""
    flags = unconsumed_flags(stdout, stderr)
    if flags:
        raise FirmwareFault(
            "benchmark_model does not know a flag and passed over it",
            where=WHERE,
            found=printable(" ".join(flags)),
            remedy="use a build of it that has the flag, or leave the flag out",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What the figures can be taken from."""

    found: Figures
    block: CompiledResults | None
    file: results.ResultFile | None
    text: str

    def output(
        self,
        *,
        profile: OpProfile | None,
        delegates: tuple[DelegateVerdict, ...],
        unknown: tuple[str, ...],
    ) -> BenchmarkOutput:
        warmup, timed = self._statistics()
        generation = self._generation(timed)
        _check_profile(profile, timed, generation)
        means = self._means(warmup, timed)
        if self.file is not None and timed is not None:
            results.check_against(
                self.file, warmup=warmup, timed=timed, init_us=self._init_us()
            )
        if self.file is not None and self.block is not None:
            results.check_block(self.file, self.block)
        return BenchmarkOutput(
            generation=generation,
            avg_us=means["avg"],
            init_us=means["init"],
            warmup_avg_us=means["warmup"],
            first_inference_us=means.get("first"),
            resolution_us=RESOLUTION_US
            if timed is None and self.file is None and self.block is not None
            else _LINE_US,
            memory=memory_of(self.found, block=self.block, file=self.file),
            timed=timed,
            warmup=warmup,
            compiled=self.block,
            result_file=self.file,
            profile=profile,
            delegates=delegates,
            unknown_lines=unknown,
        )

    def _statistics(self) -> tuple[RunStats | None, RunStats | None]:
        """Return the warm-up's and the timed runs' statistics, checked."""
        lines = self.found.all(COUNT)
        summary = self.found.one(SUMMARY, SUMMARY_2018)
        if not lines and self._is_enough_without_lines():
            return None, None
        if len(lines) < _BLOCKS or (summary is None and self.block is None):
            raise _incomplete(self.text, n=len(lines))
        if summary is not None and self.block is not None:
            raise contradiction(
                f"the line '{summary[0]}' and a block of results",
                allowed="one of them: the v2 tool prints no such line",
            )
        self.found.refuse_disorder()
        warmup, timed = (parse_stats(line[0]) for line in lines[:_BLOCKS])
        if timed is None:
            raise FirmwareFault(
                "benchmark_model timed no run", where=WHERE, found=lines[1][0]
            )
        check_figures(self.found, warmup=warmup, timed=timed, block=self.block)
        if self.block is not None:
            check_against(self.block, warmup=warmup, inference=timed)
        return warmup, timed

    def _is_enough_without_lines(self) -> bool:
        if self.block is not None or self.file is not None:
            return all(is_of_block(line) for line in output_lines(self.text))
        # The app writes nothing but this line, and to the log.
        summary = self.found.one(SUMMARY, SUMMARY_2018)
        if summary is None or self.found.order != "T" or not is_logcat(self.text):
            return False
        if not all(is_surely_whole(summary[k]) for k in ("warmup", "inference")):
            raise FirmwareFault(
                "the only line of benchmark_model's log may be cut",
                where=WHERE,
                found=summary[0],
                allowed="means with six digits, as the tool prints most of them",
                remedy="run benchmark_model from a shell: it prints each figure twice",
            )
        return True

    def _generation(self, timed: RunStats | None) -> Generation:
        if self.block is not None:
            return Generation.COMPILED
        if timed is None and self.file is not None:
            return Generation.Y2025
        if timed is not None and timed.median_us is not None:
            return Generation.Y2025
        if self.found.one(SUMMARY_2018) is not None:
            return Generation.Y2018
        is_prefixed = _PREFIXED.search(self.text) is not None
        return Generation.Y2023 if is_prefixed else Generation.Y2021

    def _means(
        self, warmup: RunStats | None, timed: RunStats | None
    ) -> dict[str, float]:
        summary = self.found.one(SUMMARY, SUMMARY_2018)
        if summary is not None:
            means = {
                "avg": float(summary["inference"]),
                "init": float(summary["init"]),
                # The mean of no runs is no number.
                "warmup": float(summary["warmup"]) if warmup or timed is None else 0.0,
            }
            if "first" in summary.groupdict():
                means["first"] = float(summary["first"])
            return means
        if self.block is not None and timed is not None:
            return {
                "avg": timed.avg_us,
                "init": self.block.init_ms * 1000
                if (session := self.found.one(SESSION)) is None
                else float(session["session"]) * 1000,
                "warmup": 0.0 if warmup is None else warmup.avg_us,
                "first": 0.0 if warmup is None else warmup.first_us,
            }
        if self.file is not None:
            return {
                "avg": self.file.avg_ms * 1000,
                "init": self.file.init_ms * 1000,
                "warmup": self.file.average_warm_up_ms * 1000,
                "first": self.file.first_inference_ms * 1000,
            }
        assert self.block is not None
        return {
            "avg": self.block.avg_ms * 1000,
            "init": self.block.init_ms * 1000,
            "warmup": self.block.warmup_avg_ms * 1000,
            "first": self.block.warmup_first_ms * 1000,
        }

    def _init_us(self) -> float | None:
        """Return the exact time of the start, None where only digits of it are told."""
        summary = self.found.one(SUMMARY, SUMMARY_2018)
        return None if summary is None else float(summary["init"])


def _check_profile(
    profile: OpProfile | None, timed: RunStats | None, generation: Generation
) -> None:
    if profile is None:
        return
    if not profile.names_phase and generation is not Generation.Y2018:
        raise FirmwareFault(
            "benchmark_model's op profile lacks its title",
            where=WHERE,
            found=f"a profile of the generation {generation.value}",
        )
    runs = profile.main(ProfilePhase.RUNS)
    if runs is not None and timed is not None and runs.total.n != timed.n:
        raise contradiction(
            f"an op profile of {runs.total.n} runs", allowed=f"{timed.n} timed runs"
        )


def _refuse_a_cut_end(stdout: str | bytes) -> None:
    if has_cut_end(stdout):
        raise FirmwareFault(
            "benchmark_model's output is cut in the middle of a line",
            where=WHERE,
            found=tail(stdout, lines=1),
        )


def _incomplete(text: str, *, n: int) -> FirmwareFault:
    names = ("the warm-up block", "the timed block", "the line 'Inference timings'")
    return FirmwareFault(
        f"benchmark_model's output lacks {names[min(n, _BLOCKS)]}",
        where=WHERE,
        found=f"last lines: {tail(text, lines=1) or 'nothing was printed'}",
    )


def _is_known(line: str) -> bool:
    return (
        any(line.startswith(head) for head, _, _ in HEADS)
        or is_of_block(line)
        or verdict(line) is not None
        or _NOISE.fullmatch(line) is not None
    )
