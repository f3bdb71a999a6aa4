from __future__ import annotations

from hil.android.sysfs_files import SysfsFiles
from hil.android.thermal_zones import ThermalZone, thermal_zones


def _zone(name: str, temp: str | None) -> ThermalZone:
    values = {"thermal_zone7/type": name}
    if temp is not None:
        values["thermal_zone7/temp"] = temp
    (zone,) = thermal_zones(SysfsFiles(values))
    return zone


def test_degrees_and_thousandths_are_read() -> None:
    assert _zone("tsens_tz_sensor0", "38").temperature_c == 38.0
    assert _zone("cpu-0-0-usr", "29100").temperature_c == 29.1


def test_limits_and_charge_are_no_temperatures() -> None:
    assert _zone("pm8150-ibat-lvl0", "21300").temperature_c is None
    assert _zone("vbat-lvl0", "39100").temperature_c is None
    assert _zone("soc", "77").temperature_c is None
    assert _zone("soc", "41000").temperature_c == 41.0


def test_a_zone_that_may_not_be_read_is_there_without_a_temperature() -> None:
    assert _zone("skin", None) == ThermalZone(
        zone=7, name="skin", temperature_c=None, raw=None
    )


def test_zones_stand_by_number() -> None:
    files = SysfsFiles({"thermal_zone10/type": "b", "thermal_zone9/type": "a"})
    assert [zone.zone for zone in thermal_zones(files)] == [9, 10]
