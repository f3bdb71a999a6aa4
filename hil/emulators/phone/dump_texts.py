"""What `dumpsys` of an emulated phone prints, in the formats of Android 8 to 14."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.emulators.phone.personality_file import HeatTable, SensorTable
    from hil.emulators.phone.thermal import Heat

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
  temperature: {tenths}
  technology: Li-ion
"""
_THERMAL = """\
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 0
\tkilled: false
\tbroadcasts count: -1
ThermalStatusListeners:
\tcallbacks: 0
\tkilled: false
\tbroadcasts count: -1
Thermal Status: {status}
Cached temperatures:
{temperatures}HAL Ready: true
HAL connection:
\tThermalHAL {hal} connected: yes
Current temperatures from HAL:
{temperatures}Current cooling devices from HAL:
Temperature static thresholds from HAL:
{thresholds}"""
_STATUSES = 7
_SKIN = 3
_POWER = "  mWakefulness=Awake\nDisplay Power: state=ON\n"
_DISPLAY = "  mScreenState=ON\n"
POWER_HELP = "Power manager (power) commands:\n  help\n    Print this help text.\n"
FIXED_HELP = "  set-fixed-performance-mode-enabled [true|false]\n"


def dump_texts(table: HeatTable, heat: Heat) -> Mapping[str, Callable[[], str]]:
    """Return each service's text, made when it is asked."""
    texts: dict[str, Callable[[], str]] = {
        "battery": partial(_battery, table.battery_share, heat),
        "power": lambda: _POWER,
        "display": lambda: _DISPLAY,
    }
    if table.hal is not None:
        texts["thermalservice"] = partial(_thermal, table, heat, table.hal)
    return texts


def _battery(share: float, heat: Heat) -> str:
    tenths = round((heat.ambient_c + share * heat.rise_c) * 10)
    return _BATTERY.format(tenths=tenths)


def _thermal(table: HeatTable, heat: Heat, hal: str) -> str:
    status = heat.status if table.tells_status else 0
    return _THERMAL.format(
        status=status,
        hal=hal,
        temperatures=_temperatures(table.sensors, heat, status=status),
        thresholds=_thresholds(table) if table.tells_status else "",
    )


def _temperatures(sensors: Sequence[SensorTable], heat: Heat, *, status: int) -> str:
    lines = []
    for sensor in sensors:
        celsius = heat.ambient_c + sensor.share * heat.rise_c
        own = status if sensor.type == _SKIN else 0
        lines.append(
            f"\tTemperature{{mValue={celsius:.1f}, mType={sensor.type}, "
            f"mName={sensor.name}, mStatus={own}}}\n"
        )
    return "".join(lines)


def _thresholds(table: HeatTable) -> str:
    """Tell the trip points in the degrees that each skin sensor shows at them."""
    lines = []
    for sensor in table.sensors:
        if sensor.type != _SKIN:
            continue
        hot = ["NaN"] * _STATUSES
        for trip in table.trips:
            shown = table.ambient_c + sensor.share * (trip.above_c - table.ambient_c)
            hot[trip.status] = f"{shown:.1f}"
        lines.append(
            f"\tTemperatureThreshold{{mType={sensor.type}, mName={sensor.name}, "
            f"mHotThrottlingThresholds=[{', '.join(hot)}], "
            f"mColdThrottlingThresholds=[{', '.join(['NaN'] * _STATUSES)}]}}\n"
        )
    return "".join(lines)
