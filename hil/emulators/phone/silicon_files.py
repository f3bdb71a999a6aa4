"""Files of an emulated phone's own cores and zones, as a personality has them."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING

from hil.emulators.phone.paths import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.emulators.phone.personality_file import (
        ClusterTable,
        PersonalityTable,
        ZoneTable,
    )
    from hil.emulators.phone.thermal import Heat
    from hil.emulators.phone.workload import Workload

    Files = dict[str, bytes | Callable[[], bytes]]

_CPU = "/sys/devices/system/cpu"
_ZONES = "/sys/class/thermal"
_STEP_KHZ = 100


def silicon_files(
    table: PersonalityTable, heat: Heat, workload: Workload
) -> Mapping[str, bytes | Callable[[], bytes]]:
    """Return the files about cores and zones; clocks follow heat and work."""
    files: Files = {"/proc/cpuinfo": _cpuinfo(table)}
    count = sum(cluster.cores for cluster in table.clusters)
    every = f"0-{count - 1}\n" if count > 1 else "0\n"
    for name in ("online", "possible", "present"):
        files[f"{_CPU}/{name}"] = every.encode()
    first = 0
    for cluster in table.clusters:
        cores = tuple(range(first, first + cluster.cores))
        first += cluster.cores
        _add_cluster(files, cluster, cores, heat=heat, workload=workload)
        if table.tells_capacity:
            for core in cores:
                capacity = f"{cluster.capacity}\n".encode()
                files[f"{_CPU}/cpu{core}/cpu_capacity"] = capacity
    for number, zone in enumerate(table.heat.zones):
        folder = f"{_ZONES}/thermal_zone{number}"
        files[f"{folder}/type"] = f"{zone.name}\n".encode()
        files[f"{folder}/temp"] = partial(_zone, zone, heat, f"{folder}/temp")
    return files


def activity_files(workload: Workload, cores: int) -> Files:
    """Return the files that tell of load and time."""
    return {
        "/proc/stat": partial(_stat, workload, cores),
        "/proc/loadavg": partial(_loadavg, workload, cores),
        "/proc/uptime": partial(_uptime, workload, cores),
    }


def _cpuinfo(table: PersonalityTable) -> bytes:
    parts = [
        (cluster.implementer, cluster.part)
        for cluster in table.clusters
        for _ in range(cluster.cores)
    ]
    blocks = [
        f"processor\t: {core}\nCPU implementer\t: {maker}\nCPU part\t: {part}\n"
        for core, (maker, part) in enumerate(parts)
    ]
    hardware = [f"Hardware\t: {table.hardware}\n"] if table.hardware else []
    return "\n".join([*blocks, *hardware]).encode()


def _add_cluster(
    files: Files,
    cluster: ClusterTable,
    cores: tuple[int, ...],
    *,
    heat: Heat,
    workload: Workload,
) -> None:
    related = (" ".join(map(str, cores)) + "\n").encode()
    values: Files = {
        "cpuinfo_max_freq": f"{cluster.max_khz}\n".encode(),
        "cpuinfo_min_freq": f"{cluster.min_khz}\n".encode(),
        "scaling_max_freq": partial(_limit, cluster, heat),
        "scaling_cur_freq": partial(_now, cluster, cores, heat, workload),
        "scaling_governor": f"{cluster.governor}\n".encode(),
        "related_cpus": related,
    }
    folders = [f"{_CPU}/cpu{core}/cpufreq" for core in cores]
    for folder in [*folders, f"{_CPU}/cpufreq/policy{cores[0]}"]:
        files.update({f"{folder}/{name}": value for name, value in values.items()})


def _reached_khz(cluster: ClusterTable, heat: Heat) -> int:
    khz = int(cluster.max_khz * heat.clock_share) // _STEP_KHZ * _STEP_KHZ
    return max(cluster.min_khz, khz)


def _limit(cluster: ClusterTable, heat: Heat) -> bytes:
    return f"{_reached_khz(cluster, heat)}\n".encode()


def _now(
    cluster: ClusterTable, cores: tuple[int, ...], heat: Heat, workload: Workload
) -> bytes:
    if any(workload.is_busy(core) for core in cores):
        return _limit(cluster, heat)
    return f"{cluster.min_khz}\n".encode()


def _zone(zone: ZoneTable, heat: Heat, path: str) -> bytes:
    if not zone.is_readable:
        raise refusal(errno.EACCES, path)
    celsius = heat.ambient_c + zone.share * heat.rise_c
    value = round(celsius if zone.unit == "degrees" else celsius * 1000)
    return f"{value}\n".encode()


def _stat(workload: Workload, cores: int) -> bytes:
    ticks = [workload.ticks(core) for core in range(cores)]
    busy, idle = (sum(values) for values in zip(*ticks, strict=True))
    lines = [f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\n"]
    lines += [
        f"cpu{core} {busy} 0 0 {idle} 0 0 0 0 0 0\n"
        for core, (busy, idle) in enumerate(ticks)
    ]
    return "".join(lines).encode()


def _loadavg(workload: Workload, cores: int) -> bytes:
    load = workload.running + workload.background * cores
    return f"{load:.2f} {load:.2f} {load:.2f} {workload.running}/800 4000\n".encode()


def _uptime(workload: Workload, cores: int) -> bytes:
    seconds = workload.uptime_seconds
    idle = sum(workload.ticks(core)[1] for core in range(cores)) / 100
    return f"{seconds:.2f} {idle:.2f}\n".encode()
