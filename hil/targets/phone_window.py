"""One window of a model on a phone: run under watch between two sentinels, judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.benchmark_command import phase_limit, timed_run
from hil.printable import printable
from hil.targets.phone_run import read_output, require_pinning, worst
from hil.targets.phone_watch import WatchedRun, interval_seconds, watched_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from hil import vocab
    from hil.android.benchmark_output import BenchmarkOutput
    from hil.android.tool_model import ToolModel
    from hil.links.phone import Phone
    from hil.targets.phone_folder import PhoneFolder
    from hil.targets.phone_run import Placement, Sentinel, WindowJudge
    from hil.vocab import Job

_EVIDENCE_CHARACTERS = 32 * 1024  # of each stream: a window's text is 2 KiB
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One timed run: what was said, the probe's answer, and what is recorded."""

    output: BenchmarkOutput
    answer: npt.NDArray[np.generic]
    memory: Mapping[str, int]
    evidence: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRunner:
    """Runs windows in one session; *mode* tells of fixed performance."""

    link: Phone
    binary: str
    folder: PhoneFolder
    judge: WindowJudge
    sentinel: Sentinel | None
    mode: str | None

    def run(
        self,
        model: ToolModel,
        job: Job,
        *,
        graph: str,
        placement: Placement,
        where: str,
        deadline: vocab.Deadline,
    ) -> Window:
        """Run *job* once for its times; *graph* is the model's path on the phone.

        Raises what `read_output` does, FirmwareFault where the answer has the wrong
        size or the program ran on other cores than it was pinned to.
        """
        answer = f"{self.folder.path}/probe.out"
        probe = self.folder.put(job.probe.tobytes(), deadline)
        longest = _longest_phase(self.link.seconds_left(deadline))
        argv = [
            *timed_run(
                self.binary,
                graph,
                warmup=job.warmup,
                min_runs=job.min_runs,
                min_seconds=job.min_seconds,
                max_seconds=longest,
                settings=placement.run,
            ),
            *model.input_flags,
            f"{model.value_prefix}{probe}",
            f"--output_filepath={answer}",
        ]
        # An answer of an earlier window must not stand for this one's.
        self.link.shell(["rm", "-f", answer], deadline)
        before = self.sentinel.run(placement, deadline) if self.sentinel else None
        run = watched_run(
            self.link,
            argv,
            folder=self.folder.path,
            interval=interval_seconds(job.min_seconds),
            asks_gpu=placement.asks_gpu,
            where=where,
            deadline=deadline,
        )
        output = read_output(run.result, asked=placement.asked, where=where)
        require_pinning(run, placement, where=where)
        told = {
            **self._verdict(run, placement, before, deadline),
            "short": _short(job, output.inference.n, longest),
        }
        data = self.link.pull(answer, deadline)
        return Window(
            output=output,
            answer=model.rows(data, 1, where=where),
            memory=_memory(run, output),
            evidence={
                "argv": argv,
                "stdout": _bounded(run.result.stdout),
                "stderr": _bounded(run.result.stderr),
                "init_us": output.init_us,
                "pid": run.result.pid,
                "window": told,
            },
        )

    def _verdict(
        self,
        run: WatchedRun,
        placement: Placement,
        before_us: float | None,
        deadline: vocab.Deadline,
    ) -> Mapping[str, object]:
        report, told = self.judge.judge(run, placement)
        told["fixed_performance"] = self.mode
        if self.sentinel is None or before_us is None:
            return told
        after_us = self.sentinel.run(placement, deadline)
        drift, reasons = self.sentinel.drift(before_us, after_us, placement.setting)
        return {
            **told,
            "verdict": worst(report.verdict, reasons),
            "reasons": [*report.reasons, *reasons],
            "sentinel": drift,
        }


def _memory(run: WatchedRun, output: BenchmarkOutput) -> dict[str, int]:
    """Return the most that the process held: by VmHWM, and as the tool says it.

    Both are high-water marks of one figure, the process's own start included, and the
    last look at VmHWM comes before the end: the larger one is nearer to the truth.
    """
    memory: dict[str, int] = {}
    # ru_maxrss counts KiB on Linux and the tool divides it by 1024, so its "MB" is
    # 2**20 bytes.
    peak_mb = output.memory.peak_mb
    if peak_mb is not None:
        memory["tool_peak_bytes"] = round(peak_mb * _MIB)
    seen = [size for size in (run.peak_bytes, memory.get("tool_peak_bytes")) if size]
    if seen:
        memory["peak_rss_bytes"] = max(seen)
    gpu = run.gpu_bytes()
    if gpu is not None:
        memory["gpu_bytes"] = gpu
    return memory


def _longest_phase(seconds_left: float) -> float:
    """Return the seconds that the warm-up and the timed runs may take each."""
    # A tenth is left for loading the model and for pulling the answer.
    return max(0.1, math.floor(seconds_left * 0.45 * 10) / 10)


def _short(job: Job, n: int, longest: float) -> str | None:
    """Return what was asked and not done where the time limit ended the window."""
    limit = phase_limit(job.min_seconds, longest)
    if n >= job.min_runs and limit >= job.min_seconds:
        return None
    return (
        f"{n:,} runs in {limit:g} s, of at least {job.min_runs:,} runs and "
        f"{job.min_seconds:g} s"
    )


def _bounded(text: bytes) -> str:
    return printable(text, keep_lines=True)[-_EVIDENCE_CHARACTERS:]
