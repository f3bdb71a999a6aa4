from __future__ import annotations

import pytest

from hil.android.thermal_service import parse_thermal_service, status_name

DUMP = """\
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 1
Thermal Status: 2
Cached temperatures:
\tTemperature{mValue=33.0, mType=3, mName=skin, mStatus=2}
HAL Ready: true
HAL connection:
\tThermalHAL AIDL 1  connected: yes
Current temperatures from HAL:
\tTemperature{mValue=41.5, mType=0, mName=BIG, mStatus=0}
\tTemperature{mValue=NaN, mType=3, mName=skin, mStatus=2}
\tTemperature{mValue=0.0, mType=4, mName=USB, mStatus=0}
\tTemperature{mValue=4212.0, mType=6, mName=vbat, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=3, mType=2, mName=thermal-cpufreq-0}
Temperature static thresholds from HAL:
\tTemperatureThreshold{mType=3, mName=skin, mHotThrottlingThresholds=[NaN, 39.0, \
43.0, 45.0, 46.5, 52.0, 55.0], mColdThrottlingThresholds=[NaN, NaN]}
"""


def test_status_sensors_and_thresholds_are_read() -> None:
    thermal = parse_thermal_service(DUMP)
    assert thermal is not None
    assert (thermal.status, thermal.is_overridden) == (2, False)
    assert thermal.hal == "AIDL 1"
    named = {s.name: (s.kind, s.temperature_c) for s in thermal.sensors}
    assert named == {
        "BIG": ("cpu", 41.5),
        "skin": ("skin", None),
        "USB": ("usb_port", None),
        "vbat": ("bcl_voltage", None),
    }
    (threshold,) = thermal.thresholds
    assert threshold.hot_c == (None, 39.0, 43.0, 45.0, 46.5, 52.0, 55.0)
    assert status_name(2) == "moderate"


def test_without_readings_of_the_hal_the_cached_ones_count() -> None:
    cached = DUMP[: DUMP.index("HAL Ready")]
    thermal = parse_thermal_service(cached)
    assert thermal is not None
    assert [s.name for s in thermal.sensors] == ["skin"]


@pytest.mark.parametrize(
    "line",
    [
        "\t{.type = SKIN, .name = skin, .hotThrottlingThresholds = [%s], .vr = nan}",
        "\tTemperatureThreshold{type: 3, name: skin, hotThrottlingThresholds: [%s]}",
    ],
)
def test_the_thresholds_of_every_hal_are_read(line: str) -> None:
    line %= "NaN, 40.0, 43.0, 46.0, 55.0, nan, 95.0"
    thermal = parse_thermal_service(f"Thermal Status: 0\nThresholds:\n{line}\n")
    assert thermal is not None
    (threshold,) = thermal.thresholds
    assert threshold.name == "skin"
    assert threshold.hot_c[3] == 46.0


def test_a_sensor_is_what_its_name_says_where_the_vendor_counts_otherwise() -> None:
    thermal = parse_thermal_service(
        "Thermal Status: 0\n"
        "HAL connection:\n"
        "\tSdhms connected: yes\n"
        "Current temperatures from HAL:\n"
        "\tTemperature{mValue=35.0, mType=1, mName=TYPE_CPU, mStatus=0}\n"
        "\tTemperature{mValue=30.5, mType=3, mName=TYPE_BATTERY, mStatus=0}\n"
        "\tTemperature{mValue=33.0, mType=4, mName=TYPE_SKIN, mStatus=0}\n"
        "\tTemperature{mValue=-99.9, mType=6, mName=TYPE_POWER_AMPLIFIER, mStatus=0}\n"
        "\tTemperature{mValue=31.0, mType=3, mName=TYPE_VENDOR, mStatus=0}\n"
    )
    assert thermal is not None
    assert thermal.hal == "Sdhms"
    assert [(s.kind, s.temperature_c) for s in thermal.sensors] == [
        ("cpu", 35.0),
        ("battery", 30.5),
        ("skin", 33.0),
        ("power_amplifier", None),
        ("skin", 31.0),
    ]
    assert thermal.implausible == ("TYPE_POWER_AMPLIFIER: -99.9",)


def test_a_sensor_that_is_off_is_kept_as_implausible() -> None:
    thermal = parse_thermal_service(DUMP.replace("41.5", "-274000.0"))
    assert thermal is not None
    assert thermal.implausible == ("BIG: -274000.0",)


def test_a_status_that_android_does_not_know_is_not_believed() -> None:
    thermal = parse_thermal_service(DUMP.replace("Status: 2", "Status: 7"))
    assert thermal is not None
    assert thermal.status is None


def test_an_overridden_status_is_marked() -> None:
    thermal = parse_thermal_service(DUMP.replace("Override: false", "Override: true"))
    assert thermal is not None
    assert thermal.is_overridden is True


def test_what_is_no_dump_of_the_service_is_none() -> None:
    assert parse_thermal_service("Can't find service: thermalservice\n") is None
