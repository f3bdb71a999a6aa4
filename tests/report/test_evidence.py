"""What is drawn from evidence: what has another shape is passed over."""

from __future__ import annotations

import pytest

from hil.report.evidence import layers, temperatures, thermometer


def test_operators_are_read_in_their_order_with_their_unit(record):
    ops = [
        {"type": "CONV_2D", "name": "stem", "avg_ms": 0.5, "times_called": 2},
        {"name": "add", "avg_ms": 0.25, "times_called": 1},
    ]
    found = layers([record(), record(evidence={"profile": {"ops": ops}})])
    assert [(one.index, one.name, one.value, one.unit) for one in found] == [
        (0, "CONV_2D stem", 1000.0, "us"),
        (1, "add", 250.0, "us"),
    ]


@pytest.mark.parametrize(
    "profile",
    [
        None,
        "text",
        7,
        [],
        [1],
        [{"type": "ADD"}],
        [{"us": 3}],
        [{"type": "ADD", "us": "3"}],
        [{"type": "ADD", "us": -1}],
        [{"type": "ADD", "us": True}],
        [{"type": "ADD", "us": float("nan")}],
        [{"type": "ADD", "us": 1}, {"type": "ADD", "insn": 1}],
        [{"type": "ADD", "us": 1}, {}],
    ],
)
def test_a_profile_of_another_shape_is_passed_over(record, profile):
    assert layers([record(evidence={"profile": profile})]) == []


def test_temperatures_stand_at_their_time_since_the_first_window(record):
    samples = [{"seconds": 0.5, "celsius": 31}, {"seconds": 0, "celsius": 30}]
    later = "2026-11-21T10:00:07+00:00"
    records = [
        record(window=1, started_utc=later, evidence={"window": {"hottest_c": 40.0}}),
        record(evidence={"window": {"samples": samples, "thermometer": "skin"}}),
    ]
    found = [(one.seconds, one.celsius, one.window) for one in temperatures(records)]
    # The hottest of a window is told at its end, for want of a time.
    assert found == [(0.0, 30.0, 0), (0.5, 31.0, 0), (7.5, 40.0, 1)]
    assert thermometer(records) == "skin"


@pytest.mark.parametrize(
    "window",
    [
        None,
        [],
        "hot",
        {"samples": 5},
        {"samples": ["x", {"seconds": 1}]},
        {"hottest_c": None},
    ],
)
def test_a_window_of_another_shape_is_passed_over(record, window):
    assert temperatures([record(evidence={"window": window})]) == []


def test_a_record_without_a_readable_time_has_no_temperatures(record):
    given = {"window": {"hottest_c": 40.0}}
    assert temperatures([record(started_utc="yesterday", evidence=given)]) == []
