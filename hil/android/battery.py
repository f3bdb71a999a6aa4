"""The battery of a phone: what `dumpsys battery` prints."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hil.android.dump import whole, whole_lines
from hil.android.temperature import from_tenths

_LINE = re.compile(r"\s+(?P<key>[A-Za-z][A-Za-z ]*): ?(?P<value>\S.*)")
_HEAD = "Current Battery Service state:"
_FORCED = "UPDATES STOPPED"
# android.os.BatteryManager
_STATUS = ("unknown", "charging", "discharging", "not charging", "full")
_HEALTH = ("unknown", "good", "overheat", "dead", "over voltage", "failure", "cold")
_SOURCES = {
    "AC powered": "ac",
    "USB powered": "usb",
    "Wireless powered": "wireless",
    "Dock powered": "dock",
}
_TRUTH = {"true": True, "false": False}
_MAX_SCALE = 10_000
_VOLTAGES_MV = (2_500, 20_000)  # two or four cells in a row in some phones
_MAX_CHARGE_UAH = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """Its state; None for what the phone does not tell, or tells implausibly."""

    level_percent: float | None = None
    temperature_c: float | None = None
    voltage_mv: int | None = None
    charge_uah: int | None = None
    status: str | None = None
    health: str | None = None
    is_present: bool | None = None
    powered_by: tuple[str, ...] | None = None  # (): on its own
    is_forced: bool = False  # `dumpsys battery set`: none of this need be true
    implausible: tuple[str, ...] = ()  # lines that were read and not believed


def parse_battery(text: str) -> Battery | None:
    """Return the state; None where *text* is no dump of the battery service.

    Keys count as they are spelt: vendors add lines of their own such as
    `charge counter: 0` beside `Charge counter: 4000000`. The first of two counts.
    """
    lines = whole_lines(text)
    if _HEAD not in (line.strip() for line in lines):
        return None
    told: dict[str, str] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is not None:
            told.setdefault(match["key"], match["value"].strip())
    readings = _Readings(told)
    powered = {name: _TRUTH.get(told.get(key, "")) for key, name in _SOURCES.items()}
    known = [name for name, value in powered.items() if value is not None]
    return Battery(
        level_percent=readings.level(),
        temperature_c=readings.temperature(),
        voltage_mv=readings.within("voltage", *_VOLTAGES_MV),
        charge_uah=readings.within("Charge counter", 1, _MAX_CHARGE_UAH),
        status=readings.named("status", _STATUS),
        health=readings.named("health", _HEALTH),
        is_present=_TRUTH.get(told.get("present", "")),
        powered_by=tuple(name for name in known if powered[name]) if known else None,
        is_forced=any(_FORCED in line for line in lines),
        implausible=tuple(readings.implausible),
    )


class _Readings:
    """The told values with their checks; what fails one is kept for the record."""

    def __init__(self, told: dict[str, str]) -> None:
        self._told = told
        self.implausible: list[str] = []

    def level(self) -> float | None:
        scale = self.within("scale", 1, _MAX_SCALE)
        if scale is None:
            return None
        level = self.within("level", 0, scale)
        return None if level is None else 100 * level / scale

    def temperature(self) -> float | None:
        tenths = whole(self._told.get("temperature", ""), low=-(10**9), high=10**9)
        celsius = None if tenths is None else from_tenths(tenths)
        if celsius is None:
            self._refuse("temperature")
        return celsius

    def within(self, key: str, low: int, high: int) -> int | None:
        value = whole(self._told.get(key, ""), low=low, high=high)
        if value is None:
            self._refuse(key)
        return value

    def named(self, key: str, names: tuple[str, ...]) -> str | None:
        number = self.within(key, 1, len(names))
        return None if number is None else names[number - 1]

    def _refuse(self, key: str) -> None:
        if key in self._told:
            self.implausible.append(f"{key}: {self._told[key]}")
