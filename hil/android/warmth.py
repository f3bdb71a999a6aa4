"""The one reading that tells how warm a phone is: chosen once, then always the same.

A skin sensor is best, because Android throttles by it; then the hottest sensor of the
processor, then a zone of the kernel for it, and where nothing else tells, the battery,
which is slow. Readings of two sensors are never compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.android.phone_facts import PhoneFacts

# Names of the processor's zones: Qualcomm, MediaTek, Samsung, Google.
_CPU_ZONE = re.compile(r"cpu|tsens|^big$|^mid$|^little$|^soc$|^ap$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thermometer:
    """What is read: skin, cpu, zone or battery, and the sensors' names in order."""

    kind: str
    names: tuple[str, ...] = ()


def choose_thermometer(facts: PhoneFacts) -> Thermometer | None:
    """Return the best reading that this phone gives now; None where it gives none.

    A battery whose state is forced (`dumpsys battery set`) tells nothing.
    """
    for kind in ("skin", "cpu", "zone", "battery"):
        found = _readings(kind, facts)
        if found:
            return Thermometer(kind=kind, names=tuple(sorted(found)))
    return None


def read_thermometer(thermometer: Thermometer, facts: PhoneFacts) -> float | None:
    """Return the hottest of the chosen sensors; None where one of them is silent.

    One that falls silent may have been the hottest: the rest would pretend that the
    phone has cooled.
    """
    found = _readings(thermometer.kind, facts)
    if not all(name in found for name in thermometer.names):
        return None
    return max(found[name] for name in thermometer.names)


def _readings(kind: str, facts: PhoneFacts) -> dict[str, float]:
    if kind == "battery":
        battery = facts.battery
        if battery is None or battery.is_forced or battery.temperature_c is None:
            return {}
        return {"battery": battery.temperature_c}
    if kind == "zone":
        return {
            f"{zone.name} ({zone.zone})": zone.temperature_c
            for zone in facts.zones
            if zone.temperature_c is not None and _CPU_ZONE.search(zone.name)
        }
    sensors = facts.thermal.sensors if facts.thermal else ()
    return {
        sensor.name: sensor.temperature_c
        for sensor in sensors
        if sensor.kind == kind and sensor.temperature_c is not None
    }
