from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.emulators.phone.phone_clock import VirtualClock
from hil.emulators.phone.thermal import Heat, ThermalSettings, Trip

BODY = ThermalSettings(
    rise_c=50.0,
    time_constant_seconds=100.0,
    hysteresis_c=2.0,
    trips=(
        Trip(above_c=45.0, clock=0.8, status=1),
        Trip(above_c=60.0, clock=0.5, status=3),
    ),
    fixed_clock=0.6,
)
NO_TRIPS = ThermalSettings(rise_c=50.0, time_constant_seconds=100.0)


def test_the_temperature_gets_to_its_end_by_the_time_constant() -> None:
    clock = VirtualClock()
    heat = Heat(NO_TRIPS, clock)
    heat.put_load(1.0)
    clock.advance(100.0)
    assert heat.celsius == pytest.approx(25 + 50 * (1 - math.exp(-1)))
    clock.advance(2000.0)
    assert heat.celsius == pytest.approx(75.0)
    heat.put_load(0.0)
    clock.advance(100.0)
    assert heat.celsius == pytest.approx(25 + 50 * math.exp(-1))


@given(st.lists(st.floats(min_value=0, max_value=300), min_size=1, max_size=12))
def test_how_often_it_is_asked_does_not_change_it(steps: list[float]) -> None:
    asked, unasked = VirtualClock(), VirtualClock()
    often, once = Heat(BODY, asked), Heat(BODY, unasked)
    often.put_load(1.0)
    once.put_load(1.0)
    for step in steps:
        asked.advance(step)
        assert 25 <= often.celsius <= 75
    unasked.advance(sum(steps))
    assert once.celsius == pytest.approx(often.celsius, abs=1e-5)


def test_above_a_trip_the_clock_falls_and_below_it_it_comes_back() -> None:
    clock = VirtualClock()
    heat = Heat(BODY, clock)
    assert (heat.clock_share, heat.status) == (1.0, 0)
    heat.put_load(1.0)
    clock.advance(52.0)
    assert heat.celsius > 45
    assert (heat.clock_share, heat.status) == (0.8, 1)
    heat.put_load(0.0)
    clock.advance(3.0)
    assert 43 < heat.celsius < 45
    assert heat.clock_share == 0.8  # the hysteresis
    clock.advance(20.0)
    assert (heat.clock_share, heat.status) == (1.0, 0)


def test_a_lower_clock_puts_in_less_heat() -> None:
    clock = VirtualClock()
    heat = Heat(BODY, clock)
    heat.put_load(1.0)
    clock.advance(1000.0)
    assert heat.celsius == pytest.approx(25 + 50 * 0.8**2, abs=0.1)


@settings(max_examples=20)
@given(st.floats(min_value=0.0, max_value=1e9))
def test_any_time_may_pass(seconds: float) -> None:
    clock = VirtualClock()
    # It swings between the trip and the hysteresis below it, for ever.
    swinging = ThermalSettings(
        rise_c=400.0,
        time_constant_seconds=1.0,
        trips=(Trip(above_c=45.0, clock=0.1, status=3),),
    )
    heat = Heat(swinging, clock)
    heat.put_load(1.0)
    clock.advance(seconds)
    assert 25 <= heat.celsius <= 45 + 1e-9


def test_the_mode_of_fixed_performance_holds_the_clock_down() -> None:
    clock = VirtualClock()
    heat = Heat(BODY, clock)
    assert heat.hold_clock(enabled=True)
    assert heat.clock_share == 0.6
    assert heat.hold_clock(enabled=False)
    assert heat.clock_share == 1.0
    assert not Heat(NO_TRIPS, clock).hold_clock(enabled=True)


def test_a_body_that_starts_hot_is_throttled_at_once() -> None:
    hot = ThermalSettings(start_c=61.0, trips=BODY.trips)
    assert Heat(hot, VirtualClock()).clock_share == 0.5


def test_a_copy_goes_on_where_the_body_stands() -> None:
    clock, other = VirtualClock(), VirtualClock()
    heat = Heat(BODY, clock)
    heat.put_load(1.0)
    clock.advance(60.0)
    copy = Heat(BODY, other, state=heat.state)
    clock.advance(40.0)
    other.advance(40.0)
    assert copy.celsius == pytest.approx(heat.celsius)
    assert copy.clock_share == heat.clock_share
