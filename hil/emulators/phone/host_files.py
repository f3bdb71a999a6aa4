"""Files of an emulated phone that tell what this machine really has."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.vocab import DeviceProfile

_FALLBACK_KHZ = 1_000_000
_CPU = "/sys/devices/system/cpu"


def host_files(
    profile: DeviceProfile, cpus: tuple[int, ...]
) -> Mapping[str, bytes | Callable[[], bytes]]:
    """Return the files about cores; `cpus[i]` is the processor behind core i."""
    return {"/proc/cpuinfo": _cpuinfo(profile, len(cpus)), **_cpu_files(cpus)}


def meminfo(ram_bytes: int) -> bytes:
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


def _cpuinfo(profile: DeviceProfile, cores: int) -> bytes:
    blocks = [
        f"processor\t: {core}\nmodel name\t: {profile.core}\n" for core in range(cores)
    ]
    hardware = profile.emulator.properties.get("ro.hardware", "hil")
    return "\n".join([*blocks, f"Hardware\t: {hardware}\n"]).encode()


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
