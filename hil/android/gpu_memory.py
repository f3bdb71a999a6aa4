"""Memory that a phone's GPU holds: `dumpsys gpu` and `dumpsys meminfo PID`.

The first is counted by the kernel and printed by Android's gpuservice (Android 11 and
later) in bytes; the second is told by the vendor's memtrack HAL, in KiB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.android.dump import whole_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOTAL = re.compile(r"Global total: (?P<size>[0-9]{1,15})\s*")
_PROCESS = re.compile(r"Proc (?P<pid>[0-9]{1,7}) total: (?P<size>[0-9]{1,15})\s*")
_TRACKED = re.compile(
    r"\s*(?P<kind>EGL|GL) mtrack\s+(?P<kib>[0-9]{1,12})(?:\s+[0-9]+)+\s*"
)
_LIMIT_BYTES = 1 << 40
_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuMemory:
    """Bytes that the first GPU holds, in all and by process."""

    total_bytes: int
    by_pid: Mapping[int, int] = field(default_factory=dict)


def parse_gpu_memory(text: str) -> GpuMemory | None:
    """Return what `dumpsys gpu` tells; None where it tells no total."""
    total: int | None = None
    by_pid: dict[int, int] = {}
    for line in whole_lines(text):
        if (found := _TOTAL.fullmatch(line)) is not None:
            if total is not None:
                break  # the next GPU's
            total = int(found["size"])
        elif (found := _PROCESS.fullmatch(line)) is not None:
            by_pid[int(found["pid"])] = int(found["size"])
    if total is None or total > _LIMIT_BYTES:
        return None
    fitting = {pid: size for pid, size in by_pid.items() if size <= total}
    return GpuMemory(total_bytes=total, by_pid=fitting)


def tracked_bytes(text: str) -> int | None:
    """Return the GPU's part of one process in `dumpsys meminfo PID`, as Pss.

    None where the vendor has no memtrack HAL, which leaves the lines out.
    """
    found: dict[str, int] = {}
    for line in whole_lines(text):
        match = _TRACKED.fullmatch(line)
        if match is not None:
            found.setdefault(match["kind"], int(match["kib"]) * _KIB)
    total = sum(found.values())
    return total if found and total <= _LIMIT_BYTES else None
