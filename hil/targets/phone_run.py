"""What a window on a phone means: its setting there, its sentinel, its verdict."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.android.benchmark_command import Delegate, RunSettings, timed_run
from hil.android.benchmark_output import BenchmarkOutput, parse, unconsumed_flags
from hil.android.cpu_load import busy_share
from hil.android.cpu_mask import choose_cores, cores_in_mask, taskset_mask
from hil.android.failure import failure
from hil.android.warmth import choose_thermometer, read_thermometer
from hil.android.window_watch import WindowReport, WindowVerdict, judge_window
from hil.errors import ConfigError, FirmwareFault, nearest
from hil.printable import printable
from hil.targets.phone_binary import NIGHTLY
from hil.targets.phone_conditions import DRIFT_SHARE
from hil.vocab import Setting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil import vocab
    from hil.android.phone_facts import PhoneFacts
    from hil.links.adb_output import ShellResult
    from hil.links.phone import Phone
    from hil.targets.phone_watch import WatchedRun

_DELEGATES = {delegate.value.lower(): delegate for delegate in Delegate}
_MAX_SAMPLES = 60  # in the evidence: a reading each second of a minute
_SENTINEL_RUNS = 20
_SENTINEL_SECONDS = 0.05
_BUSY = 0.5
_CUT_US = 1.0  # the tool cuts its figures to whole microseconds
_LEADING_ZEROS = re.compile(r"^[0,]+(?=.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A setting on one phone: the cores that it means there, and the tool's flags."""

    setting: Setting
    pinned: tuple[int, ...]  # all cores where none were chosen
    run: RunSettings

    @property
    def asked(self) -> str | None:
        """The delegate that must take the whole model, as the tool calls it."""
        return self.run.delegate.asked if self.run.delegate else None

    @property
    def asks_gpu(self) -> bool:
        """Whether memory may lie where the processor's does not count."""
        return self.asked not in {None, Delegate.XNNPACK.value}


def place(setting: Setting | None, facts: PhoneFacts) -> Placement:
    """Return what *setting* means on the phone of *facts*.

    ConfigError where it has no such cores, or tells of none, or the delegate is none.
    """
    setting = setting or Setting()
    delegate = None
    if setting.delegate is not None:
        if setting.delegate not in _DELEGATES:
            raise ConfigError(
                "benchmark_model has no such delegate",
                found=setting.delegate,
                allowed=", ".join(_DELEGATES),
                remedy=nearest(setting.delegate, _DELEGATES),
            )
        delegate = _DELEGATES[setting.delegate]
    pinned = facts.cores.possible if facts.cores else ()
    mask = None
    if setting.cores is not None:
        if facts.cores is None:
            raise ConfigError(
                "the phone tells of no cores to choose from",
                found=setting.cores,
                remedy="leave the choice of cores out",
            )
        pinned = choose_cores(facts.cores, setting.cores)
        mask = taskset_mask(pinned)
    settings = RunSettings(threads=setting.threads, delegate=delegate, mask=mask)
    return Placement(setting=setting, pinned=pinned, run=settings)


def read_output(
    result: ShellResult, *, asked: str | None, where: str
) -> BenchmarkOutput:
    """Return what the tool said, or raise the reason why it is no measurement."""
    stdout = result.stdout.decode(errors="replace")
    stderr = result.stderr.decode(errors="replace")
    flags = unconsumed_flags(stdout, stderr)
    if flags:
        # The tool goes on with its defaults, so its figures are of another run.
        raise FirmwareFault(
            "benchmark_model does not know a flag and passed over it",
            where=where,
            found=printable(" ".join(flags)),
            remedy=f"use a newer build of it: {NIGHTLY}/",
        )
    if result.exit_code != 0:
        raise failure(result.exit_code, stdout, stderr=stderr, where=where, asked=asked)
    return parse(stdout, stderr, asked=asked)


def require_pinning(run: WatchedRun, placement: Placement, *, where: str) -> None:
    """Raise FirmwareFault where the program ran on other cores than it was told to."""
    told = run.cpus_allowed
    if placement.run.mask is None or told is None:
        return
    if cores_in_mask(told) != placement.pinned:
        raise FirmwareFault(
            "benchmark_model did not run on the cores that it was pinned to",
            where=where,
            found=f"Cpus_allowed {_LEADING_ZEROS.sub('', told)}",
            allowed=f"Cpus_allowed {placement.run.mask}",
            remedy="the phone's cpusets keep the shell off these cores: choose others",
        )


@dataclass(slots=True)
class Sentinel:
    """A small model whose time shows what the phone's state does to any time."""

    link: Phone
    binary: str
    graph: str
    _first_us: dict[Setting, float] = field(default_factory=dict)

    def run(self, placement: Placement, deadline: vocab.Deadline) -> float:
        """Return the sentinel's time in microseconds: its median, or else its mean."""
        argv = timed_run(
            self.binary,
            self.graph,
            warmup=1,
            min_runs=_SENTINEL_RUNS,
            min_seconds=_SENTINEL_SECONDS,
            max_seconds=max(1.0, self.link.seconds_left(deadline) / 4),
            settings=RunSettings(
                threads=placement.run.threads, mask=placement.run.mask
            ),
        )
        result = self.link.shell(argv, deadline)
        output = read_output(result, asked=None, where="the sentinel")
        median = output.timed.median_us if output.timed else None
        return output.avg_us if median is None else median

    def drift(
        self, before_us: float, after_us: float, setting: Setting
    ) -> tuple[dict[str, object], list[str]]:
        """Return the evidence of one window's two runs, and what speaks against it."""
        first = self._first_us.setdefault(setting, before_us)
        within = after_us / before_us - 1 if before_us else 0.0
        since = before_us / first - 1 if first else 0.0
        evidence: dict[str, object] = {
            "before_us": before_us,
            "after_us": after_us,
            "drift_share": round(within, 4),
            "drift_since_first_share": round(since, 4),
        }
        reasons = [
            f"the sentinel {told} by {share:+.0%}, more than {DRIFT_SHARE:.0%}"
            for told, share, of_us in (
                ("changed during the window", within, before_us),
                ("changed since the first window", since, first),
            )
            if abs(share) * of_us > DRIFT_SHARE * of_us + _CUT_US
        ]
        return evidence, reasons


@dataclass(slots=True)
class WindowJudge:
    """Judges windows of one phone; knows which clocks its cores have reached so far."""

    holds_clock: bool  # in fixed-performance mode a core's maximum is not known
    _reached: dict[int, int] = field(default_factory=dict)

    def judge(
        self, run: WatchedRun, placement: Placement
    ) -> tuple[WindowReport, dict[str, object]]:
        """Return the verdict on a window, and its evidence for the record."""
        samples = run.judged
        self._learn(samples)
        report = judge_window(
            samples,
            placement.pinned,
            own_ticks=[sample.own_ticks for sample in run.samples],
            reached_khz=self._reached if self.holds_clock else None,
        )
        allowed = run.cpus_allowed
        record = report.record()
        # Neither the cores' clocks nor the sentinel, which has none, tell of a GPU's.
        beside = ("clock of the delegate's unit",) if placement.asks_gpu else ()
        return report, {
            **record,
            "unwatched": [*report.unwatched, *beside],
            "sample_count": record["samples"],
            "samples": _trace(samples, placement.pinned),
            "pinned_cores": list(placement.pinned) if placement.run.mask else None,
            "cpus_allowed": allowed and _LEADING_ZEROS.sub("", allowed),
        }

    def _learn(self, samples: Sequence[PhoneFacts]) -> None:
        for before, after in itertools.pairwise(samples):
            if after.cores is None:
                continue
            busy = busy_share(before.core_times, after.core_times)
            for core, khz in after.cores.now_khz.items():
                if busy.get(core, 0.0) >= _BUSY:
                    self._reached[core] = max(khz, self._reached.get(core, 0))


def worst(verdict: WindowVerdict, reasons: Sequence[str]) -> str:
    """Return the verdict with further *reasons*, which at most make it unstable."""
    if verdict is WindowVerdict.VALID and reasons:
        return WindowVerdict.UNSTABLE.value
    return verdict.value


def _trace(
    samples: Sequence[PhoneFacts], pinned: Sequence[int]
) -> list[Mapping[str, object]]:
    """Return degrees, status and clocks over time, thinned out to what a plot needs."""
    thermometer = choose_thermometer(samples[0])
    start = samples[0].uptime_seconds
    step = -(-len(samples) // _MAX_SAMPLES)
    return [
        {
            "seconds": None
            if start is None or facts.uptime_seconds is None
            else round(facts.uptime_seconds - start, 2),
            "celsius": thermometer and read_thermometer(thermometer, facts),
            "status": facts.thermal.status if facts.thermal else None,
            "khz": {
                str(core): khz
                for core, khz in (facts.cores.now_khz if facts.cores else {}).items()
                if core in pinned
            },
        }
        for facts in samples[::step]
    ]
