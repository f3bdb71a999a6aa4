"""What happened to a phone while a window ran: heat, clocks and foreign load.

Pure: samples in, a verdict with its evidence out. Android's thermal status alone would
not do: some phones tell 0 however hot they are, and the clock falls before it rises.
"""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.cpu_load import busy_share, spent
from hil.android.thermal_service import status_name
from hil.android.warmth import choose_thermometer, read_thermometer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.android.phone_facts import PhoneFacts

_BUSY_SHARE = 0.5  # a core that rests clocks down, and says nothing of throttling


class WindowVerdict(enum.Enum):
    """What a window's figures are worth."""

    VALID = "valid"
    THROTTLED = "throttled"
    UNSTABLE = "unstable"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRule:
    """When a window is not valid."""

    ceilings_c: Mapping[str, float]  # by the kind of the thermometer
    min_clock_share: float = 0.9  # of the highest clock that a core is known to reach
    max_status: int = 1  # Android's "light" leaves the clocks alone
    max_foreign_share: float = 0.25  # of the cores that are not pinned to, or of all
    max_foreign_beside_share: float = 0.15  # of the pinned cores, beside the run's own


DEFAULT_RULE = WatchRule(
    ceilings_c={"skin": 43.0, "cpu": 85.0, "zone": 85.0, "battery": 40.0}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReport:
    """The verdict, every reason for it, and the figures that it stands on."""

    verdict: WindowVerdict
    reasons: tuple[str, ...]
    samples: int
    thermometer: str | None
    hottest_c: float | None
    rise_c: float | None
    worst_status: int | None
    lowest_clock_share: float | None  # of the pinned cores while they were busy
    foreign_share: float | None  # of the cores that are not pinned to
    foreign_beside_share: float | None  # of the cores that the run may use
    unwatched: tuple[str, ...]  # what the phone did not let us see

    def record(self) -> dict[str, object]:
        """Return it as JSON values for the evidence of a record."""
        return {
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "samples": self.samples,
            "thermometer": self.thermometer,
            "hottest_c": self.hottest_c,
            "rise_c": self.rise_c,
            "worst_thermal_status": self.worst_status,
            "lowest_clock_share": self.lowest_clock_share,
            "foreign_share": self.foreign_share,
            "foreign_beside_share": self.foreign_beside_share,
            "unwatched": list(self.unwatched),
        }


def judge_window(
    samples: Sequence[PhoneFacts],
    pinned: Sequence[int],
    *,
    own_ticks: Sequence[int | None] = (),
    reached_khz: Mapping[int, int] | None = None,
    rule: WatchRule = DEFAULT_RULE,
) -> WindowReport:
    """Judge a window by the samples that were taken in it, the first at its start.

    *own_ticks* tells by each sample how long the program itself has run on any core, in
    the kernel's ticks; *pinned* are all cores where it is pinned to none.
    *reached_khz* tells the clock that each core is known to reach, which is less than
    its maximum in fixed-performance mode; without, it is `cpuinfo_max_freq`.
    """
    kind, temperatures, is_silent = _temperatures(samples)
    statuses = [s for facts in samples if (s := _status(facts)) is not None]
    share = _lowest_clock(samples, pinned, reached_khz)
    foreign = _foreign_share(samples, pinned)
    beside = _foreign_beside(samples, pinned, own_ticks)
    hottest = max(temperatures, default=None)
    worst = max(statuses, default=None)
    throttled = _throttling(rule, kind, hottest=hottest, status=worst, clock=share)
    unstable = _disturbance(rule, foreign=foreign, beside=beside)
    if is_silent:
        unstable.append("a sensor that was read before fell silent")
    return WindowReport(
        verdict=_verdict(throttled, unstable),
        reasons=(*throttled, *unstable),
        samples=len(samples),
        thermometer=kind,
        hottest_c=hottest,
        rise_c=temperatures[-1] - temperatures[0] if temperatures else None,
        worst_status=worst,
        lowest_clock_share=share,
        foreign_share=foreign,
        foreign_beside_share=beside,
        unwatched=tuple(
            name
            for name, value in (
                ("temperature", hottest),
                ("thermal status", worst),
                ("clocks", share),
                ("foreign load", beside),
            )
            if value is None
        ),
    )


def _throttling(
    rule: WatchRule,
    kind: str | None,
    *,
    hottest: float | None,
    status: int | None,
    clock: float | None,
) -> list[str]:
    """Return what says that the phone held the run back."""
    reasons = []
    if hottest is not None and kind is not None and hottest > rule.ceilings_c[kind]:
        reasons.append(
            f"{hottest:.1f} C ({kind}) is above the ceiling of "
            f"{rule.ceilings_c[kind]:.1f} C"
        )
    if status is not None and status > rule.max_status:
        reasons.append(f"Android's thermal status rose to {status_name(status)}")
    if clock is not None and clock < rule.min_clock_share:
        reasons.append(f"a pinned core fell to {clock:.0%} of its clock")
    return reasons


def _disturbance(
    rule: WatchRule, *, foreign: float | None, beside: float | None
) -> list[str]:
    """Return what other programs did; without other cores, the run may use all."""
    reasons = []
    if foreign is not None and foreign > rule.max_foreign_share:
        reasons.append(f"other programs kept the other cores {foreign:.0%} busy")
    most = rule.max_foreign_share if foreign is None else rule.max_foreign_beside_share
    if beside is not None and beside > most:
        reasons.append(f"other programs took {beside:.0%} of the run's own cores")
    return reasons


def _verdict(throttled: Sequence[str], unstable: Sequence[str]) -> WindowVerdict:
    if throttled:
        return WindowVerdict.THROTTLED
    return WindowVerdict.UNSTABLE if unstable else WindowVerdict.VALID


def _temperatures(
    samples: Sequence[PhoneFacts],
) -> tuple[str | None, list[float], bool]:
    """Return the kind of reading, the degrees, and whether it once was silent."""
    thermometer = choose_thermometer(samples[0]) if samples else None
    if thermometer is None:
        return None, [], False
    readings = [read_thermometer(thermometer, facts) for facts in samples]
    found = [celsius for celsius in readings if celsius is not None]
    return thermometer.kind, found, len(found) < len(readings)


def _status(facts: PhoneFacts) -> int | None:
    thermal = facts.thermal
    return None if thermal is None or thermal.is_overridden else thermal.status


def _lowest_clock(
    samples: Sequence[PhoneFacts],
    pinned: Sequence[int],
    reached_khz: Mapping[int, int] | None,
) -> float | None:
    """Return the lowest share of its clock that a pinned core had while it was busy."""
    shares: list[float] = []
    for before, after in itertools.pairwise(samples):
        if after.cores is None:
            continue
        busy = busy_share(before.core_times, after.core_times)
        top = {
            core: cluster.max_khz
            for cluster in after.cores.clusters
            for core in cluster.cores
            if cluster.max_khz is not None
        } | dict(reached_khz or {})
        shares += [
            after.cores.now_khz[core] / top[core]
            for core in pinned
            if busy.get(core, 0.0) >= _BUSY_SHARE
            and core in after.cores.now_khz
            and core in top
        ]
    return min(shares, default=None)


def _foreign_share(
    samples: Sequence[PhoneFacts], pinned: Sequence[int]
) -> float | None:
    """Return how busy the cores were that the run did not pin to."""
    if not samples:
        return None
    shares = busy_share(samples[0].core_times, samples[-1].core_times)
    others = [share for core, share in shares.items() if core not in set(pinned)]
    return sum(others) / len(others) if others else None


def _foreign_beside(
    samples: Sequence[PhoneFacts],
    cores: Sequence[int],
    own_ticks: Sequence[int | None],
) -> float | None:
    """Return how busy *cores* were with anything but the program.

    From the first sample, before the program began, to the last that saw it.
    """
    seen = [
        (facts.core_times, own)
        for facts, own in zip(samples, own_ticks, strict=False)
        if own is not None
    ]
    if not seen:
        return None
    after, own = seen[-1]
    before = samples[0].core_times
    busy, total = spent(before, after, cores)
    return max(0, busy - own) / total if total else None
