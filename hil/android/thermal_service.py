"""Heat as Android tells it: what `dumpsys thermalservice` prints (Android 10+)."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from hil.android.dump import decimal, whole, whole_lines
from hil.android.temperature import plausible

STATUS_NAMES = (
    "none",
    "light",
    "moderate",
    "severe",
    "critical",
    "emergency",
    "shutdown",
)
# android.os.Temperature; the thermal HAL's TemperatureType has the same numbers.
_KINDS = {
    -1: "unknown",
    0: "cpu",
    1: "gpu",
    2: "battery",
    3: "skin",
    4: "usb_port",
    5: "power_amplifier",
    6: "bcl_voltage",
    7: "bcl_current",
    8: "bcl_percentage",
    9: "npu",
    10: "tpu",
    11: "display",
    12: "modem",
    13: "soc",
    14: "wifi",
    15: "camera",
    16: "flashlight",
    17: "speaker",
    18: "ambient",
    19: "pogo",
}
_KIND_NAMES = frozenset(_KINDS.values())
# The battery's current limiter shares the list: millivolts, milliamperes and percent.
_NO_TEMPERATURES = {"bcl_voltage", "bcl_current", "bcl_percentage"}
_SECTION = re.compile(r"\S.*:\s*")
_CACHED = "Cached temperatures:"
_CURRENT = "Current temperatures from HAL:"
_TEMPERATURE = re.compile(r"\s*Temperature\{(?P<body>[^{}]*)\}\s*")
# HIDL prints `{.type = SKIN, .name = skin, .hotThrottlingThresholds = [..`, AIDL
# `TemperatureThreshold{type: 3, name: skin, hotThrottlingThresholds: [..`, and the
# framework's own class `mType=`.
_HOT = re.compile(r"[hH]otThrottlingThresholds ?[=:] ?\[(?P<values>[^\]]*)\]")
_NAME = re.compile(r"(?:[{ .]|\bm)[nN]ame ?[=:] ?(?P<name>[^,}]*)[,}]")
_STATUS = re.compile(r"Thermal Status: (?P<value>\S+)\s*")
_OVERRIDE = re.compile(r"IsStatusOverride: (?P<value>true|false)\s*")
# "ThermalHAL 2.0 connected: yes"; Samsung's service in its place is called Sdhms.
_HAL = re.compile(r"\s*(?:ThermalHAL )?(?P<version>\S[^:]{0,15}?)\s+connected: yes\s*")
_VALUES_END = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One sensor of the thermal HAL; its temperature is None where it tells none."""

    name: str
    kind: str
    temperature_c: float | None
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From which degrees a sensor has which status, 0 first; None: never."""

    name: str
    hot_c: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalService:
    """The whole answer; None for what this version of Android does not print."""

    status: int | None
    is_overridden: bool | None = None  # `cmd thermalservice override-status`
    hal: str | None = None  # "1.1", "2.0", "AIDL 1", "Sdhms"
    cached: tuple[Sensor, ...] = ()
    current: tuple[Sensor, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    implausible: tuple[str, ...] = ()  # sensors that were read and not believed

    @property
    def sensors(self) -> tuple[Sensor, ...]:
        """What the HAL says now, or where it says nothing, what Android last knew."""
        return self.current or self.cached


def status_name(status: int) -> str:
    """Return Android's word for a thermal status."""
    return STATUS_NAMES[status]


def parse_thermal_service(text: str) -> ThermalService | None:
    """Return the answer; None where *text* is no dump of the thermal service."""
    sections: defaultdict[str, list[str]] = defaultdict(list)
    head = ""
    lines = whole_lines(text)
    for line in lines:
        if _SECTION.fullmatch(line):
            head = line.strip()
        else:
            sections[head].append(line)
    status = _first(_STATUS, lines)
    if status is None and _CACHED not in sections and _CURRENT not in sections:
        return None
    hal = next((m["version"] for m in map(_HAL.fullmatch, lines) if m), None)
    implausible: list[str] = []
    return ThermalService(
        status=None if status is None else whole(status, low=0, high=6),
        is_overridden={"true": True, "false": False}.get(
            _first(_OVERRIDE, lines) or ""
        ),
        hal=hal,
        cached=_sensors(sections[_CACHED], implausible),
        current=_sensors(sections[_CURRENT], implausible),
        thresholds=_thresholds(lines),
        implausible=tuple(dict.fromkeys(implausible)),
    )


def _first(pattern: re.Pattern[str], lines: list[str]) -> str | None:
    return next((m["value"] for m in map(pattern.fullmatch, lines) if m), None)


def _sensors(lines: list[str], implausible: list[str]) -> tuple[Sensor, ...]:
    """Return the sensors that whole lines describe."""
    found: list[Sensor] = []
    for line in lines:
        match = _TEMPERATURE.fullmatch(line)
        if match is None:
            continue
        fields = dict(
            part.strip().split("=", 1)
            for part in match["body"].split(",")
            if "=" in part
        )
        number = whole(fields.get("mType", ""), low=-1, high=999)
        if number is None or "mName" not in fields or "mValue" not in fields:
            continue
        kind = _kind(fields["mName"], number)
        value = decimal(fields["mValue"], low=-_VALUES_END, high=_VALUES_END)
        celsius = None
        if value is not None and kind not in _NO_TEMPERATURES:
            celsius = plausible(value)
            if celsius is None and value != 0:
                implausible.append(f"{fields['mName']}: {fields['mValue']}")
        found.append(
            Sensor(
                name=fields["mName"],
                kind=kind,
                temperature_c=celsius,
                status=whole(fields.get("mStatus", ""), low=0, high=6),
            )
        )
    return tuple(found)


def _kind(name: str, number: int) -> str:
    """Return what a sensor measures: by its name where that is one of the kinds.

    Samsung's Sdhms counts from 1 where Android counts from 0, and calls its sensors
    TYPE_CPU, TYPE_SKIN ...: by the number alone its battery would be the skin.
    """
    named = name.removeprefix("TYPE_").lower()
    if name.startswith("TYPE_") and named in _KIND_NAMES:
        return named
    return _KINDS.get(number, f"type {number}")


def _thresholds(lines: list[str]) -> tuple[Threshold, ...]:
    found: list[Threshold] = []
    for line in lines:
        hot, name = _HOT.search(line), _NAME.search(line)
        if hot is None or name is None or not line.rstrip().endswith("}"):
            continue
        values = [value.strip() for value in hot["values"].split(",")]
        degrees = (
            decimal(value, low=-_VALUES_END, high=_VALUES_END) for value in values
        )
        if len(values) == len(STATUS_NAMES):
            found.append(
                Threshold(
                    name=name["name"].strip(),
                    hot_c=tuple(None if d is None else plausible(d) for d in degrees),
                )
            )
    return tuple(found)
