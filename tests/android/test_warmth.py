from __future__ import annotations

from hil.android.battery import Battery
from hil.android.phone_facts import PhoneFacts
from hil.android.thermal_service import Sensor, ThermalService
from hil.android.thermal_zones import ThermalZone
from hil.android.warmth import Thermometer, choose_thermometer, read_thermometer


def _sensor(name: str, kind: str, celsius: float | None) -> Sensor:
    return Sensor(name=name, kind=kind, temperature_c=celsius, status=0)


SKIN = (_sensor("front", "skin", 30.0), _sensor("back", "skin", 32.0))
CPU = (_sensor("BIG", "cpu", 50.0),)
ZONES = (
    ThermalZone(zone=0, name="tsens_tz_sensor0", temperature_c=41.0, raw="41"),
    ThermalZone(zone=1, name="pm8916_tz", temperature_c=60.0, raw="60000"),
)
WARM = Battery(temperature_c=29.0)


def test_the_best_reading_is_chosen() -> None:
    hal = ThermalService(status=0, current=SKIN + CPU)
    facts = PhoneFacts(thermal=hal, zones=ZONES, battery=WARM)
    skin = choose_thermometer(facts)
    assert skin == Thermometer(kind="skin", names=("back", "front"))
    assert read_thermometer(skin, facts) == 32.0
    for facts, kind in (
        (PhoneFacts(thermal=ThermalService(status=0, current=CPU)), "cpu"),
        (PhoneFacts(zones=ZONES, battery=WARM), "zone"),
        (PhoneFacts(zones=ZONES[1:], battery=WARM), "battery"),
    ):
        chosen = choose_thermometer(facts)
        assert chosen is not None
        assert chosen.kind == kind


def test_a_forced_battery_tells_nothing() -> None:
    forced = Battery(temperature_c=29.0, is_forced=True)
    assert choose_thermometer(PhoneFacts(battery=forced)) is None


def test_one_sensor_that_falls_silent_silences_the_reading() -> None:
    thermometer = Thermometer(kind="skin", names=("back", "front"))
    less = ThermalService(status=0, current=(SKIN[0], _sensor("back", "skin", None)))
    assert read_thermometer(thermometer, PhoneFacts(thermal=less)) is None
