"""What a phone is and how it is at this moment: everything that `facts_script` asks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hil.android.battery import Battery, parse_battery
from hil.android.cpu_cores import Cores, cores_of
from hil.android.cpu_load import (
    CoreTime,
    Load,
    parse_core_times,
    parse_load,
    parse_uptime,
)
from hil.android.cpu_models import CpuModels, parse_cpu_models
from hil.android.facts_script import QUESTIONS, read_answer
from hil.android.fixed_performance import is_offered
from hil.android.gpu_memory import GpuMemory, parse_gpu_memory
from hil.android.identity import Identity, identity
from hil.android.properties import parse_properties
from hil.android.ram import Ram, parse_ram
from hil.android.screen import Screen, parse_screen
from hil.android.sysfs_files import parse_files
from hil.android.thermal_service import ThermalService, parse_thermal_service
from hil.android.thermal_zones import ThermalZone, thermal_zones
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.android.facts_script import Answer

_REASON_CHARACTERS = 120
_REFUSAL = re.compile(
    r"Can't find service|[Pp]ermission [Dd]enial|Permission denied|not found"
    r"|No such file or directory|[Ff]ailed to|Unknown command"
)
_KERNEL = re.compile(r"Linux version (?P<version>\S{1,100}) .*")


_NOBODY = Identity()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneFacts:
    """One answer, read. What is None or empty stands in `not_told` with the reason."""

    identity: Identity = _NOBODY
    kernel: str | None = None
    cores: Cores | None = None
    cpu_models: CpuModels | None = None
    ram: Ram | None = None
    battery: Battery | None = None
    thermal: ThermalService | None = None
    zones: tuple[ThermalZone, ...] = ()
    screen: Screen | None = None
    gpu_memory: GpuMemory | None = None
    offers_fixed_performance: bool | None = None
    load: Load | None = None
    core_times: Mapping[int, CoreTime] = field(default_factory=dict)
    uptime_seconds: float | None = None
    not_told: Mapping[str, str] = field(default_factory=dict)  # by question


def read_facts(output: bytes, asked: Sequence[str] = tuple(QUESTIONS)) -> PhoneFacts:
    """Read what the script of `facts_script` with these questions printed; never fails.

    Whatever the phone did not answer, refused, or was cut off in is named in
    `not_told` by its question.
    """
    answer = read_answer(output, asked)
    text = {
        name: answer.parts[name].text if name in answer.parts else ""
        for name in QUESTIONS
    }
    kernel = _KERNEL.match(text["kernel"])
    facts = PhoneFacts(
        identity=identity(parse_properties(text["properties"])),
        kernel=kernel["version"] if kernel else None,
        cores=cores_of(parse_files(text["cpu"])),
        cpu_models=parse_cpu_models(text["cpuinfo"]),
        ram=parse_ram(text["memory"]),
        battery=parse_battery(text["battery"]),
        thermal=parse_thermal_service(text["thermal"]),
        zones=thermal_zones(parse_files(text["zones"])),
        screen=parse_screen(text["screen"]),
        gpu_memory=parse_gpu_memory(text["gpu"]),
        offers_fixed_performance=is_offered(text["fixed_performance"]),
        load=parse_load(text["load"]),
        core_times=parse_core_times(text["stat"]),
        uptime_seconds=parse_uptime(text["uptime"]),
    )
    return replace(facts, not_told=_not_told(facts, answer))


def _not_told(facts: PhoneFacts, answer: Answer) -> dict[str, str]:
    """Return why each question without an answer has none."""
    told = {
        "properties": facts.identity != _NOBODY,
        "kernel": facts.kernel is not None,
        "cpu": facts.cores is not None,
        "cpuinfo": facts.cpu_models is not None,
        "memory": facts.ram is not None,
        "battery": facts.battery is not None,
        "thermal": facts.thermal is not None,
        "zones": any(zone.temperature_c is not None for zone in facts.zones),
        "screen": facts.screen is not None,
        "gpu": facts.gpu_memory is not None,
        "fixed_performance": facts.offers_fixed_performance is not None,
        "load": facts.load is not None,
        "stat": bool(facts.core_times),
        "uptime": facts.uptime_seconds is not None,
    }
    assert told.keys() == QUESTIONS.keys()
    return {name: _reason(name, answer) for name in answer.asked if not told[name]}


def _reason(name: str, answer: Answer) -> str:
    if name in answer.cut:
        return "the answer was cut"
    part = answer.parts[name]
    lines = [line.strip() for line in part.text.splitlines() if line.strip()]
    if not lines:
        return f"no answer, status {part.exit_code}"
    refused = [line for line in lines if _REFUSAL.search(line)]
    if refused:
        return printable(refused[0])[:_REASON_CHARACTERS]
    return "an answer that tells it in no known form"
