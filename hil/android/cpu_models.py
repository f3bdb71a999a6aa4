"""Which designs of core a phone has: /proc/cpuinfo."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.android.dump import whole, whole_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINE = re.compile(r"(?P<key>[A-Za-z][A-Za-z ]*?)\s*: ?(?P<value>.*)")
_CODE = re.compile(r"0x[0-9a-fA-F]{1,4}")
_MAX_CORE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuModels:
    """The chip's name where the kernel says one, and each online core's design.

    A design is `0x41:0xd05`: implementer and part of Arm's MIDR (0x41 is Arm, 0xd05 a
    Cortex-A55). Cores of x86 tell none.
    """

    hardware: str | None = None
    design: Mapping[int, str] = field(default_factory=dict)


def parse_cpu_models(text: str) -> CpuModels | None:
    """Return what is told; None where *text* is no /proc/cpuinfo."""
    hardware: str | None = None
    design: dict[int, str] = {}
    core: int | None = None
    implementer: str | None = None
    for line in whole_lines(text):
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        key, value = found["key"], found["value"].strip()
        if key == "processor":
            core, implementer = whole(value, low=0, high=_MAX_CORE), None
        elif key == "CPU implementer":
            implementer = value if _CODE.fullmatch(value) else None
        elif key == "CPU part" and core is not None and implementer is not None:
            if _CODE.fullmatch(value):
                design.setdefault(core, f"{implementer}:{value}")
        elif key == "Hardware":
            hardware = value or hardware
    models = CpuModels(hardware=hardware, design=design)
    return None if models == CpuModels() else models
