"""How busy a phone is: /proc/loadavg, /proc/stat and /proc/uptime."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.dump import decimal, whole_lines

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_AVERAGES = re.compile(
    r"(?P<one>[0-9]+\.[0-9]{2}) (?P<five>[0-9]+\.[0-9]{2}) "
    r"(?P<fifteen>[0-9]+\.[0-9]{2}) "
    r"(?P<running>[0-9]{1,7})/(?P<threads>[0-9]{1,7}) [0-9]+\s*"
)
_CORE = re.compile(r"cpu(?P<core>[0-9]{1,3})(?P<times>(?: [0-9]{1,18}){4,10})\s*")
_UPTIME = re.compile(r"(?P<up>[0-9]+\.[0-9]{2}) [0-9]+\.[0-9]{2}\s*")
_TICKS = re.compile(r"[0-9]{1,18}")
_USER_TIME, _SYSTEM_TIME = 11, 12  # of /proc/PID/stat, counted from the state
_MOST_LOAD = 100_000.0
_MOST_SECONDS = 50 * 365 * 86_400.0
_IDLE, _WAITING = 3, 4  # idle and iowait; steal and guest come after softirq
_COUNTED = 8  # guest times are counted in user and nice already


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The kernel's load averages; threads that wait for a disk count as running."""

    one_minute: float
    five_minutes: float
    fifteen_minutes: float
    running: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreTime:
    """What a core has done since the start, in the kernel's ticks."""

    busy: int
    total: int


def parse_load(text: str) -> Load | None:
    """Return /proc/loadavg; None where *text* is another."""
    found = next((m for m in map(_AVERAGES.fullmatch, whole_lines(text)) if m), None)
    if found is None:
        return None
    one, five, fifteen = (
        decimal(found[name], low=0, high=_MOST_LOAD)
        for name in ("one", "five", "fifteen")
    )
    if one is None or five is None or fifteen is None:
        return None
    return Load(
        one_minute=one,
        five_minutes=five,
        fifteen_minutes=fifteen,
        running=int(found["running"]),
        threads=int(found["threads"]),
    )


def parse_uptime(text: str) -> float | None:
    """Return the seconds since the start of the phone, of /proc/uptime."""
    found = next((m for m in map(_UPTIME.fullmatch, whole_lines(text)) if m), None)
    return decimal(found["up"], low=0, high=_MOST_SECONDS) if found else None


def parse_core_times(text: str) -> dict[int, CoreTime]:
    """Return the times of each core that is online, of /proc/stat."""
    found: dict[int, CoreTime] = {}
    for match in filter(None, map(_CORE.fullmatch, whole_lines(text))):
        times = [int(word) for word in match["times"].split()][:_COUNTED]
        idle = sum(times[_IDLE : _WAITING + 1])
        total = sum(times)
        found.setdefault(int(match["core"]), CoreTime(busy=total - idle, total=total))
    return found


def busy_share(
    before: Mapping[int, CoreTime], after: Mapping[int, CoreTime]
) -> dict[int, float]:
    """Return each core's busy share (0..1) between two readings.

    A core that was off at one of them, or whose counters ran backwards, is left out.
    """
    return {core: busy / total for core, (busy, total) in _spent(before, after).items()}


def spent(
    before: Mapping[int, CoreTime],
    after: Mapping[int, CoreTime],
    cores: Container[int],
) -> tuple[int, int]:
    """Return the ticks that *cores* were busy between two readings, and all ticks."""
    some = [t for core, t in _spent(before, after).items() if core in cores]
    return sum(busy for busy, _ in some), sum(total for _, total in some)


def parse_own_ticks(stat: str) -> int | None:
    """Return the ticks that a process has run, all its threads, of /proc/PID/stat.

    None where *stat* is another. The name in brackets may hold anything. proc(5).
    """
    fields = stat.rpartition(")")[2].split()
    times = fields[_USER_TIME : _SYSTEM_TIME + 1]
    if len(times) <= _SYSTEM_TIME - _USER_TIME or not all(map(_is_ticks, times)):
        return None
    return sum(map(int, times))


def _is_ticks(word: str) -> bool:
    return _TICKS.fullmatch(word) is not None


def _spent(
    before: Mapping[int, CoreTime], after: Mapping[int, CoreTime]
) -> dict[int, tuple[int, int]]:
    """Return each core's busy ticks and all its ticks between two readings."""
    found: dict[int, tuple[int, int]] = {}
    for core, now in after.items():
        then = before.get(core)
        if then is None:
            continue
        busy, total = now.busy - then.busy, now.total - then.total
        if total > 0 and 0 <= busy <= total:
            found[core] = busy, total
    return found
