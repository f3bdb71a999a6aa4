from __future__ import annotations

from hil.android.battery import Battery
from hil.android.phone_facts import PhoneFacts
from hil.android.temperature_gate import GateRule, GateVerdict, TemperatureGate
from hil.android.thermal_service import Sensor, ThermalService

RULE = GateRule(
    limits_c={"skin": 36.0, "battery": 35.0},
    max_slope_c_per_minute=1.0,
    over_seconds=20.0,
)


def _skin(
    celsius: float | None, *, status: int = 0, forced: bool = False
) -> PhoneFacts:
    sensor = Sensor(name="skin", kind="skin", temperature_c=celsius, status=status)
    return PhoneFacts(
        thermal=ThermalService(status=status, is_overridden=forced, current=(sensor,))
    )


def _last(*celsius: float, step: float = 10.0) -> GateVerdict:
    gate = TemperatureGate(RULE)
    verdicts = [gate.add(n * step, _skin(value)) for n, value in enumerate(celsius)]
    return verdicts[-1]


def test_a_cool_and_steady_phone_opens_it() -> None:
    verdict = _last(30.0, 30.1, 30.0)
    assert verdict.is_open
    assert verdict.record() == {
        "is_open": True,
        "reason": "cool and steady",
        "c": 30.0,
        "slope_c_per_minute": 0.0,
        "thermometer": "skin",
    }


def test_too_warm_keeps_it_shut() -> None:
    assert _last(36.5, 36.5, 36.5).reason == "36.5 C is above 36.0 C"


def test_too_short_a_watch_keeps_it_shut() -> None:
    assert _last(30.0, 30.0).reason == "not watched for 20 s yet"
    assert _last(30.0, 30.0, 30.0, step=5.0).reason == "not watched for 20 s yet"


def test_warming_and_cooling_both_keep_it_shut() -> None:
    assert _last(30.0, 30.5, 31.0).reason == (
        "it warms by 3.0 C a minute, more than 1.0"
    )
    assert _last(31.0, 30.5, 30.0).reason == (
        "it cools by 3.0 C a minute, more than 1.0"
    )


def test_what_lies_longer_ago_than_the_span_does_not_count() -> None:
    assert _last(20.0, 25.0, 30.0, 30.0, 30.0, 30.0).is_open


def test_a_thermal_status_keeps_it_shut_unless_it_is_forced() -> None:
    gate = TemperatureGate(RULE)
    verdict = gate.add(0.0, _skin(30.0, status=2))
    assert verdict.reason == "Android tells the thermal status moderate"
    assert "watched" in gate.add(1.0, _skin(30.0, status=2, forced=True)).reason


def test_a_silent_sensor_keeps_it_shut_and_starts_the_watch_again() -> None:
    gate = TemperatureGate(RULE)
    gate.add(0.0, _skin(30.0))
    gate.add(10.0, _skin(30.0))
    assert gate.add(15.0, _skin(None)).reason == (
        "a sensor that was read before is silent"
    )
    assert "not watched" in gate.add(20.0, _skin(30.0)).reason


def test_the_battery_stands_in_where_there_is_no_sensor() -> None:
    gate = TemperatureGate(RULE)
    facts = PhoneFacts(battery=Battery(temperature_c=29.0))
    verdicts = [gate.add(at, facts) for at in (0.0, 10.0, 20.0)]
    assert verdicts[-1].is_open
    assert verdicts[-1].thermometer == "battery"


def test_a_phone_without_any_reading_never_opens_it() -> None:
    verdict = TemperatureGate(RULE).add(0.0, PhoneFacts())
    assert not verdict.is_open
    assert verdict.reason == "the phone tells no temperature at all"
