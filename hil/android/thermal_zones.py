"""Heat as the kernel tells it: /sys/class/thermal/thermal_zone*/{type,temp}."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.dump import whole
from hil.android.temperature import from_zone

if TYPE_CHECKING:
    from hil.android.sysfs_files import SysfsFiles

_PATH = re.compile(r"(?:.*/)?thermal_zone(?P<zone>[0-9]{1,4})/type")
# Zones of Qualcomm's current limiter and charge meter: mA, mV and percent. A zone of
# another vendor that is called `soc` is a temperature, and then in thousandths.
_NO_TEMPERATURE = re.compile(
    r"ibat|vbat|bcl|-lvl[0-9]|current|voltage|^vph", re.IGNORECASE
)
_CHARGE = "soc"
_LIMIT = 10**12
_THOUSAND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalZone:
    """One zone; its temperature is None where it tells none that can be believed."""

    zone: int
    name: str
    temperature_c: float | None
    raw: str | None  # `temp` as it stands; None where it may not be read


def thermal_zones(files: SysfsFiles) -> tuple[ThermalZone, ...]:
    """Return the zones that tell their type, by number."""
    found: dict[int, ThermalZone] = {}
    for path, name in files.values.items():
        match = _PATH.fullmatch(path)
        if match is None or not name:
            continue
        zone = int(match["zone"])
        raw = files.values.get(path.removesuffix("type") + "temp")
        found[zone] = ThermalZone(
            zone=zone, name=name, temperature_c=_celsius(name, raw), raw=raw
        )
    return tuple(found[zone] for zone in sorted(found))


def _celsius(name: str, raw: str | None) -> float | None:
    value = whole(raw or "", low=-_LIMIT, high=_LIMIT)
    if value is None or _NO_TEMPERATURE.search(name):
        return None
    if name.lower() == _CHARGE and value < _THOUSAND:
        return None  # it is the state of charge in percent
    return from_zone(value)
