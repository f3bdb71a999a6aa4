"""Axes: round ticks, and every value inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.report.plots.scale import Scale, fitted, short, tick_text
from hil.vocab import TimeBasis


def test_ticks_are_round_and_few():
    assert Scale(low=0.3, high=9.7, start=0, end=100).ticks() == [2.5, 5.0, 7.5]
    decades = Scale(low=8, high=900, start=0, end=100, is_log=True)
    assert decades.ticks() == [10.0, 30.0, 100.0, 300.0]
    wide = Scale(low=8, high=2100, start=0, end=100, is_log=True)
    assert wide.ticks() == [10.0, 100.0, 1000.0]


def test_a_scale_is_logarithmic_only_where_small_values_would_vanish():
    assert not fitted([10, 100], start=0, end=1, may_be_log=True).is_log
    assert fitted([10, 200], start=0, end=1, may_be_log=True).is_log
    assert not fitted([10, 200], start=0, end=1).is_log


@given(
    st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=9),
    st.booleans(),
    st.booleans(),
)
def test_every_value_has_its_place_and_an_axis_has_ticks(values, may_be_log, zero):
    scale = fitted(values, start=10, end=90, may_be_log=may_be_log, from_zero=zero)
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(9.999 <= place <= 90.001 for place in places)
    assert len(scale.ticks()) <= 12


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0])
def test_one_value_alone_has_room_around_it(value):
    scale = fitted([value], start=0, end=100)
    assert scale.low <= value < scale.high


def test_figures_on_an_axis_are_short():
    assert [short(v) for v in (950, 1500, 1_250_000, 2e9)] == [
        *("950", "1.5 k", "1.25 M", "2 G"),
    ]
    assert tick_text(1500, TimeBasis.HOST_CLOCK) == "1.5 ms"
    assert tick_text(2e6, TimeBasis.CPU_CYCLES) == "2 s"
    assert tick_text(2e6, TimeBasis.EMULATED_INSTRUCTIONS) == "2 M"
