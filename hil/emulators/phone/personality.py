"""What the emulated phone is, as data: its files below /proc and /sys, its services.

Everything that describes the phone and is no file of its user comes from here. The
personality of a profile is the host's: real cores, real memory, no sensors.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hil.emulators.phone.processes import FILES, Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.vocab import DeviceProfile

KERNEL = "6.1.0-emulated"
_FALLBACK_KHZ = 1_000_000
_CPU = "/sys/devices/system/cpu"

# The formats are those of Android 10 and later. An emulated phone has no battery and
# no sensors: it says full, charging and 25 degrees, for ever.
_BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  Max charging voltage: 5000000
  Charge counter: 4000000
  status: 5
  health: 2
  present: true
  level: 100
  scale: 100
  voltage: 4300
  temperature: 250
  technology: Li-ion
"""
_TEMPERATURES = """\
\tTemperature{mValue=25.0, mType=0, mName=CPU, mStatus=0}
\tTemperature{mValue=25.0, mType=3, mName=skin, mStatus=0}
"""
_THERMAL = f"""\
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 0
ThermalStatusListeners:
\tcallbacks: 0
Thermal Status: 0
Cached temperatures:
{_TEMPERATURES}HAL Ready: true
Current temperatures from HAL:
{_TEMPERATURES}Current cooling devices from HAL:
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """One phone as data. `cpus[i]` is the processor of this machine behind core i."""

    properties: Mapping[str, str]
    features: tuple[str, ...]
    files: Mapping[str, bytes | Callable[[], bytes]]
    services: Mapping[str, str]  # dumpsys NAME -> what it prints
    cpus: tuple[int, ...]
    machine: str
    kernel: str = KERNEL


def host_cpus() -> tuple[int, ...]:
    """Return the processors of this machine that we may use."""
    return tuple(sorted(os.sched_getaffinity(0)))


def personality_of(profile: DeviceProfile, cpus: tuple[int, ...]) -> Personality:
    """Return the personality of *profile* with a core for each of *cpus*."""
    version = f"Linux version {KERNEL} (hil) #1 SMP PREEMPT emulated\n"
    return Personality(
        properties=profile.emulator.properties,
        features=profile.emulator.features,
        files={
            "/proc/version": version.encode(),
            "/proc/cpuinfo": _cpuinfo(profile, len(cpus)),
            "/proc/meminfo": lambda: _meminfo(profile.ram_bytes),
            **_cpu_files(cpus),
        },
        services={"battery": _BATTERY, "thermalservice": _THERMAL},
        cpus=cpus,
        machine=profile.arch,
    )


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
        """Return the bytes of the file *path*, None where there is none."""
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


def _cpuinfo(profile: DeviceProfile, cores: int) -> bytes:
    blocks = [
        f"processor\t: {core}\nmodel name\t: {profile.core}\n" for core in range(cores)
    ]
    hardware = profile.emulator.properties.get("ro.hardware", "hil")
    return "\n".join([*blocks, f"Hardware\t: {hardware}\n"]).encode()


def _meminfo(ram_bytes: int) -> bytes:
    """Say the profile's memory, and of it what this machine can really give."""
    host = Path("/proc/meminfo").read_text(encoding="ascii")
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", host, re.MULTILINE)
    total_kb = ram_bytes // 1024
    available_kb = min(total_kb, int(found[1]) if found else total_kb)
    lines = [
        f"MemTotal:       {total_kb:>8} kB",
        f"MemFree:        {available_kb:>8} kB",
        f"MemAvailable:   {available_kb:>8} kB",
        f"SwapTotal:      {0:>8} kB",
        f"SwapFree:       {0:>8} kB",
    ]
    return ("\n".join(lines) + "\n").encode()


def _cpu_files(cpus: tuple[int, ...]) -> dict[str, bytes | Callable[[], bytes]]:
    every = f"0-{len(cpus) - 1}\n" if len(cpus) > 1 else "0\n"
    files: dict[str, bytes | Callable[[], bytes]] = {
        f"{_CPU}/{name}": every.encode() for name in ("online", "possible", "present")
    }
    related = (" ".join(str(core) for core in range(len(cpus))) + "\n").encode()
    for core, cpu in enumerate(cpus):
        folder = f"{_CPU}/cpu{core}/cpufreq"
        files[f"{folder}/cpuinfo_max_freq"] = _max_khz(cpu)
        files[f"{folder}/scaling_cur_freq"] = partial(_khz_now, cpu)
        files[f"{folder}/scaling_governor"] = b"schedutil\n"
        files[f"{folder}/related_cpus"] = related
    return files


def _max_khz(cpu: int) -> bytes:
    """The host's own figure; in a virtual machine, which has none, the clock now."""
    return _host_khz(cpu, "cpuinfo_max_freq") or _clock_khz(cpu)


def _khz_now(cpu: int) -> bytes:
    return _host_khz(cpu, "scaling_cur_freq") or _clock_khz(cpu)


def _host_khz(cpu: int, name: str) -> bytes | None:
    try:
        return Path(f"{_CPU}/cpu{cpu}/cpufreq/{name}").read_bytes()
    except OSError:
        return None


def _clock_khz(cpu: int) -> bytes:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    clocks = re.findall(r"^cpu MHz\s*: ([0-9.]+)$", text, re.MULTILINE)
    khz = int(float(clocks[cpu]) * 1000) if cpu < len(clocks) else _FALLBACK_KHZ
    return f"{khz}\n".encode()
