"""What the emulated phone is, as data: its files below /proc and /sys, its services.

Everything that describes the phone and is no file of its user comes from here. A
profile without a personality is the host's: real cores, real memory, no sensors. One
whose property `ro.hil.personality` names a file of this package has the cores, the heat
and the formats that stand there.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.emulators.phone.dump_texts import FIXED_HELP, POWER_HELP, dump_texts
from hil.emulators.phone.host_files import host_files, meminfo
from hil.emulators.phone.personality_file import (
    PROPERTY,
    HeatTable,
    PersonalityTable,
    SensorTable,
    find_personality,
)
from hil.emulators.phone.phone_clock import RunningClock
from hil.emulators.phone.processes import FILES, Processes
from hil.emulators.phone.silicon_files import activity_files, silicon_files
from hil.emulators.phone.thermal import Heat, ThermalSettings, Trip
from hil.emulators.phone.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.emulators.phone.phone_clock import PhoneClock
    from hil.vocab import DeviceProfile

KERNEL = "6.1.0-emulated"
# This machine has no sensors that a phone's could stand for: it says 25 degrees.
_HOST_HEAT = HeatTable(
    rise_c=0.0,
    time_constant_seconds=60.0,
    hal="2.0",
    sensors=[SensorTable(name="CPU", type=0), SensorTable(name="skin", type=3)],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """One phone as data. `cpus[i]` is the processor of this machine behind core i."""

    properties: Mapping[str, str]
    features: tuple[str, ...]
    files: Mapping[str, bytes | Callable[[], bytes]]
    services: Mapping[str, Callable[[], str]]  # dumpsys NAME -> what it prints
    cpus: tuple[int, ...]
    machine: str
    heat: Heat
    workload: Workload
    power_help: str | None  # of `cmd power help`; None: no command `cmd`
    kernel: str = KERNEL


def host_cpus() -> tuple[int, ...]:
    """Return the processors of this machine that we may use."""
    return tuple(sorted(os.sched_getaffinity(0)))


def personality_of(
    profile: DeviceProfile, cpus: tuple[int, ...], *, clock: PhoneClock | None = None
) -> Personality:
    """Return the personality of *profile* on the processors *cpus*.

    The host's has a core for each of them; one of a file has its own cores, which share
    them. Time is this machine's where no *clock* is given. ConfigError for a name that
    no personality has.
    """
    clock = clock or RunningClock()
    name = profile.emulator.properties.get(PROPERTY)
    if name is None:
        return _built(profile, None, cpus=cpus, clock=clock)
    table = find_personality(name, where=str(profile.source or profile.name))
    cores = sum(cluster.cores for cluster in table.clusters)
    shared = tuple(cpus[core % len(cpus)] for core in range(cores))
    return _built(profile, table, cpus=shared, clock=clock)


def _built(
    profile: DeviceProfile,
    table: PersonalityTable | None,
    *,
    cpus: tuple[int, ...],
    clock: PhoneClock,
) -> Personality:
    heat_table = table.heat if table else _HOST_HEAT
    settings = _settings(heat_table)
    heat = Heat(settings, clock)
    workload = Workload(
        clock=clock,
        heat=heat,
        thermal=settings,
        capacities=_capacities(table, len(cpus)),
        background=table.background if table else 0.0,
    )
    kernel = table.kernel if table else KERNEL
    version = f"Linux version {kernel} (hil) #1 SMP PREEMPT emulated\n"
    own = silicon_files(table, heat, workload) if table else host_files(profile, cpus)
    texts = dict(table.files) if table else {}
    spoken = dict(table.services) if table else {}
    return Personality(
        properties=profile.emulator.properties,
        features=profile.emulator.features,
        files={
            "/proc/version": version.encode(),
            "/proc/meminfo": lambda: meminfo(profile.ram_bytes),
            **own,
            **activity_files(workload, len(cpus)),
            **{path: text.encode() for path, text in texts.items()},
        },
        services={
            **dump_texts(heat_table, heat),
            **{service: _said(text) for service, text in spoken.items()},
        },
        cpus=cpus,
        machine=profile.arch,
        heat=heat,
        workload=workload,
        power_help=_power_help(table),
        kernel=kernel,
    )


def _settings(table: HeatTable) -> ThermalSettings:
    return ThermalSettings(
        ambient_c=table.ambient_c,
        start_c=table.start_c,
        rise_c=table.rise_c,
        time_constant_seconds=table.time_constant_seconds,
        hysteresis_c=table.hysteresis_c,
        trips=tuple(
            Trip(above_c=trip.above_c, clock=trip.clock, status=trip.status)
            for trip in table.trips
        ),
        fixed_clock=table.fixed_clock,
    )


def _capacities(table: PersonalityTable | None, cores: int) -> tuple[int, ...]:
    if table is None:
        return (1024,) * cores
    return tuple(c.capacity for c in table.clusters for _ in range(c.cores))


def _power_help(table: PersonalityTable | None) -> str | None:
    if table is not None and not table.has_cmd:
        return None
    offers = table is not None and table.heat.fixed_clock is not None
    return POWER_HELP + (FIXED_HELP if offers else "")


def _said(text: str) -> Callable[[], str]:
    return lambda: text


class PhoneTree:
    """The read-only files of a personality and of the process table, by path."""

    def __init__(self, personality: Personality, processes: Processes) -> None:
        self._files = personality.files
        self._processes = processes
        self._folders: dict[str, set[str]] = {"/system": {"bin"}, "/system/bin": set()}
        for path in [*personality.files, "/system/bin"]:
            above, _, name = path.rpartition("/")
            while above:
                self._folders.setdefault(above, set()).add(name)
                above, _, name = above.rpartition("/")
            self._folders.setdefault("/", set()).add(name)

    def content(self, path: str) -> bytes | None:
        """Return the bytes of the file *path*, None where there is none.

        OSError where the shell of a phone may not read it.
        """
        if found := _PROCESS_FILE.fullmatch(path):
            return self._processes.content(int(found[1]), found[2])
        content = self._files.get(path)
        return content() if callable(content) else content

    def names(self, path: str) -> set[str] | None:
        """Return the names in the folder *path*, None where there is none."""
        if found := _PROCESS_FOLDER.fullmatch(path):
            known = self._processes.find(int(found[1])) is not None
            return set(FILES) if known else None
        names = self._folders.get(path)
        if path == "/proc" and names is not None:
            return names | {str(process.pid) for process in self._processes}
        return names


_PROCESS_FOLDER = re.compile(r"/proc/([1-9][0-9]{0,6})")
_PROCESS_FILE = re.compile(r"/proc/([1-9][0-9]{0,6})/([a-z]+)")
