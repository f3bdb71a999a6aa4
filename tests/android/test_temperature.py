from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil.android.temperature import from_tenths, from_zone, plausible


def test_each_unit_of_a_zone_is_told_from_the_others() -> None:
    assert from_zone(38) == 38.0
    assert from_zone(38_500) == 38.5
    assert from_zone(385) is None  # tenths are no unit of the kernel


def test_a_sensor_that_is_off_has_no_temperature() -> None:
    assert from_zone(0) is None
    assert from_zone(-127_000) is None
    assert plausible(-273_000.0) is None


def test_a_batterys_temperature_is_in_tenths_and_in_no_other_unit() -> None:
    assert from_tenths(294) == 29.4
    assert from_tenths(29) is None
    assert from_tenths(29_400) is None


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_no_value_of_a_zone_is_believed_outside_of_the_bounds(value: int) -> None:
    celsius = from_zone(value)
    assert celsius is None or 15 <= celsius <= 150
