"""The memory of a phone: /proc/meminfo."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hil.android.dump import whole, whole_lines

_LINE = re.compile(r"(?P<key>\w+): +(?P<kib>[0-9]{1,15}) kB")
_KIB = 1024
_LEAST_KIB = 64 * 1024
_MOST_KIB = 1 << 30  # 1 TiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Ram:
    """Sizes in bytes; None for what the kernel does not tell."""

    total_bytes: int
    available_bytes: int | None = None
    free_bytes: int | None = None
    swap_total_bytes: int | None = None
    swap_free_bytes: int | None = None


def parse_ram(text: str) -> Ram | None:
    """Return the memory; None where *text* names no plausible total."""
    found: dict[str, int] = {}
    for line in whole_lines(text):
        match = _LINE.fullmatch(line.rstrip())
        if match is not None:
            found.setdefault(match["key"], int(match["kib"]))
    total = whole(str(found.get("MemTotal", "")), low=_LEAST_KIB, high=_MOST_KIB)
    if total is None:
        return None

    def part(key: str, limit_kib: int) -> int | None:
        kib = found.get(key)
        return kib * _KIB if kib is not None and kib <= limit_kib else None

    swap = found.get("SwapTotal", 0)
    return Ram(
        total_bytes=total * _KIB,
        available_bytes=part("MemAvailable", total),
        free_bytes=part("MemFree", total),
        swap_total_bytes=part("SwapTotal", _MOST_KIB),
        swap_free_bytes=part("SwapFree", swap),
    )
