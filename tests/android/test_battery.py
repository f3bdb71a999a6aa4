from __future__ import annotations

import pytest

from hil.android.battery import parse_battery

DUMP = """\
Current Battery Service state:
  AC powered: false
  USB powered: true
  Charge counter: 4000000
  status: 2
  health: 2
  present: true
  level: 42
  scale: 50
  voltage: 4212
  temperature: 294
  charge counter: 0
"""


def test_the_state_is_read_with_its_units() -> None:
    battery = parse_battery(DUMP)
    assert battery is not None
    assert battery.level_percent == 84.0
    assert battery.temperature_c == 29.4
    assert battery.voltage_mv == 4212
    assert battery.status == "charging"
    assert battery.health == "good"
    assert battery.powered_by == ("usb",)
    assert battery.is_present is True
    assert not battery.is_forced
    assert battery.implausible == ()


def test_a_vendors_line_in_another_case_does_not_replace_androids() -> None:
    battery = parse_battery(DUMP)
    assert battery is not None
    assert battery.charge_uah == 4_000_000


def test_a_forced_state_is_marked() -> None:
    head, _, rest = DUMP.partition("\n")
    forced = parse_battery(
        f"{head}\n  (UPDATES STOPPED -- use 'reset' to restart)\n{rest}"
    )
    assert forced is not None
    assert forced.is_forced


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("temperature: 294", "temperature: 29"),
        ("temperature: 294", "temperature: 29400"),
        ("voltage: 4212", "voltage: 4"),
        ("status: 2", "status: 9"),
        ("scale: 50", "scale: 0"),
        ("level: 42", "level: 51"),
    ],
)
def test_a_figure_out_of_bounds_is_kept_but_not_believed(line: str, other: str) -> None:
    battery = parse_battery(DUMP.replace(line, other))
    assert battery is not None
    assert battery.implausible == (other,)


def test_on_its_own_is_not_the_same_as_untold() -> None:
    alone = parse_battery(DUMP.replace("USB powered: true", "USB powered: false"))
    assert alone is not None
    assert alone.powered_by == ()
    untold = parse_battery("Current Battery Service state:\n  level: 1\n")
    assert untold is not None
    assert untold.powered_by is None


def test_what_is_no_dump_of_a_battery_is_none() -> None:
    assert parse_battery("Can't find service: battery\n") is None
    assert parse_battery("temperature: 294\n") is None
