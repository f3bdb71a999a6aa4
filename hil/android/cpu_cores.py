"""The cores of a phone and their clusters: files below /sys/devices/system/cpu."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from hil.android.dump import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.android.sysfs_files import SysfsFiles

_MAX_CORES = 256
_KHZ = (10_000, 10_000_000)
_MAX_CAPACITY = 1024
_WITH_MID = 4
_WITH_THIRD = 3
_ITEM = re.compile(r"(?P<first>[0-9]{1,3})(?:-(?P<last>[0-9]{1,3}))?")
_CORE_FILE = re.compile(r"(?:.*/)?cpu(?P<core>[0-9]{1,3})/(?P<name>.+)")
_POLICY_FILE = re.compile(
    r"(?:.*/)?cpufreq/policy(?P<core>[0-9]{1,3})/(?P<name>[a-z_]+)"
)
_GOVERNOR = re.compile(r"[A-Za-z0-9_-]{1,32}")

_Value = TypeVar("_Value", int, str)
_Key = tuple[int | None, int | None]  # capacity, kHz at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Cores of equal capacity and clock; None for what they do not tell."""

    name: str  # little, mid, big, prime; all where there is one
    cores: tuple[int, ...]
    max_khz: int | None
    min_khz: int | None
    capacity: int | None  # the kernel's cpu_capacity: 1024 is the fastest core
    governor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """All cores; clusters stand slowest first."""

    possible: tuple[int, ...]
    online: tuple[int, ...] | None
    clusters: tuple[Cluster, ...]
    unclassified: tuple[int, ...] = ()  # cores that tell neither clock nor capacity
    now_khz: Mapping[int, int] = field(default_factory=dict)


def parse_core_list(text: str) -> tuple[int, ...] | None:
    """Return the cores of a kernel list, `0-3,6` or `0 1 2 3`; None for any other."""
    cores: set[int] = set()
    for word in re.split(r"[,\s]+", text.strip()):
        found = _ITEM.fullmatch(word)
        if found is None:
            return None
        first, last = int(found["first"]), int(found["last"] or found["first"])
        if not first <= last < _MAX_CORES:
            return None
        cores.update(range(first, last + 1))
    return tuple(sorted(cores))


def cores_of(files: SysfsFiles) -> Cores | None:
    """Return the cores that the files tell of; None where they tell of none.

    A core's own `cpufreq` folder goes away with the core on some kernels; its policy's
    folder, whose `related_cpus` name also the cores that are off, stays.
    """
    told = _by_core(files)
    lists = {
        path.rpartition("/")[2]: parse_core_list(value)
        for path, value in files.values.items()
        if path.rpartition("/")[2] in {"possible", "present", "online"}
    }
    possible = lists.get("possible") or lists.get("present") or tuple(sorted(told))
    if not possible:
        return None
    known = {core: told.get(core, {}) for core in possible}
    keys = _keys(known)
    groups: defaultdict[_Key, list[int]] = defaultdict(list)
    for core, key in keys.items():
        groups[key].append(core)
    now = {core: _khz(values.get("scaling_cur_freq")) for core, values in known.items()}
    return Cores(
        possible=possible,
        online=lists.get("online"),
        clusters=_clusters(groups, known),
        unclassified=tuple(core for core in possible if core not in keys),
        now_khz={core: khz for core, khz in now.items() if khz is not None},
    )


def _by_core(files: SysfsFiles) -> dict[int, dict[str, str]]:
    """Return each core's values by file name, its own before its policy's."""
    policies: defaultdict[int, dict[str, str]] = defaultdict(dict)
    own: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for path, value in files.values.items():
        if found := _POLICY_FILE.fullmatch(path):
            policies[int(found["core"])][found["name"]] = value
        elif found := _CORE_FILE.fullmatch(path):
            own[int(found["core"])][found["name"].removeprefix("cpufreq/")] = value
    cores: dict[int, dict[str, str]] = {}
    for first, values in policies.items():
        for core in parse_core_list(values.get("related_cpus", "")) or (first,):
            cores[core] = dict(values)
    for core, values in own.items():
        cores.setdefault(core, {}).update(values)
    return {core: values for core, values in cores.items() if core < _MAX_CORES}


def _keys(known: Mapping[int, Mapping[str, str]]) -> dict[int, _Key]:
    """Return (capacity, clock) of each core that tells one of them.

    A core that tells one only, because it is off, joins the one cluster that it fits.
    """
    keys: dict[int, _Key] = {}
    for core, values in known.items():
        capacity = whole(values.get("cpu_capacity", ""), low=1, high=_MAX_CAPACITY)
        key = (capacity, _khz(values.get("cpuinfo_max_freq")))
        if key != (None, None):
            keys[core] = key
    full = {key for key in keys.values() if None not in key}
    if not full:
        halves = (all(key[i] is not None for key in keys.values()) for i in (0, 1))
        return keys if any(halves) else {}
    for core, key in list(keys.items()):
        if key in full:
            continue
        fitting = [k for k in full if key[0] in {None, k[0]} and key[1] in {None, k[1]}]
        if len(fitting) == 1:
            keys[core] = fitting[0]
        else:
            del keys[core]
    return keys


def _clusters(
    groups: Mapping[_Key, Sequence[int]], known: Mapping[int, Mapping[str, str]]
) -> tuple[Cluster, ...]:
    has_capacity = all(capacity is not None for capacity, _ in groups)
    order = sorted(
        groups, key=lambda key: (key[0] or 0 if has_capacity else 0, key[1] or 0)
    )
    fastest_is_one = bool(order) and len(groups[order[-1]]) == 1
    names = _names(len(order), fastest_is_one=fastest_is_one)
    return tuple(
        Cluster(
            name=name,
            cores=tuple(sorted(groups[key])),
            max_khz=key[1],
            min_khz=_common(groups[key], known, "cpuinfo_min_freq", _khz),
            capacity=key[0],
            governor=_common(groups[key], known, "scaling_governor", _governor),
        )
        for name, key in zip(names, order, strict=True)
    )


def _names(count: int, *, fastest_is_one: bool) -> list[str]:
    """Return the usual words: of 1+3+4 the one is prime, of 2+2+4 the first two big."""
    if count <= 1:
        return ["all"] * count
    if count < _WITH_THIRD:
        return ["little", "big"]
    if count == _WITH_THIRD:
        return (
            ["little", "big", "prime"] if fastest_is_one else ["little", "mid", "big"]
        )
    if count == _WITH_MID:
        return ["little", "mid", "big", "prime"]
    mids = [f"mid-{index}" for index in range(1, count - 2)]
    return ["little", *mids, "big", "prime"]


def _common(
    cores: Sequence[int],
    known: Mapping[int, Mapping[str, str]],
    name: str,
    read: Callable[[str | None], _Value | None],
) -> _Value | None:
    """Return the value that all cores which tell one agree on."""
    values = {read(known[core].get(name)) for core in cores} - {None}
    return values.pop() if len(values) == 1 else None


def _khz(text: str | None) -> int | None:
    return whole(text or "", low=_KHZ[0], high=_KHZ[1])


def _governor(text: str | None) -> str | None:
    return text if text is not None and _GOVERNOR.fullmatch(text) else None
