"""Figures over runs, and temperatures over time."""

from __future__ import annotations

from hil.report.plots import courses


def test_a_latency_of_another_basis_is_no_part_of_a_course(
    record, instructions, run_of
):
    runs = [
        run_of(instructions(5_000), name="counted"),
        run_of(record(), name="timed"),
        run_of(record(), name="again"),
    ]
    found = {one.title: one for one in courses.history(runs)}
    latency = found["Latency of digits int8 on board"]
    assert [moment.run for moment in latency.moments] == ["timed", "again"]


def test_a_row_that_only_one_run_has_has_no_history(record, run_of):
    runs = [run_of(record(variant="old")), run_of(record())]
    assert courses.history(runs) == []


def test_a_course_is_flat_where_neither_value_nor_interval_moved(instructions, run_of):
    runs = [run_of(instructions(n, size_bytes=n)) for n in (70, 70, 71)]
    flat = {one.title: one.is_flat for one in courses.history(runs)}
    assert flat == {
        "Latency of digits int8 on board": False,
        "top1 of digits int8 on board": True,
        "Memory of digits int8 on board": True,
    }


def test_windows_of_all_variants_share_one_clock(record, run_of):
    warm = {"window": {"hottest_c": 30.0}}
    run = run_of(
        record(evidence=warm),
        record(variant="b", evidence=warm, started_utc="2026-11-21T10:00:09.500+00:00"),
    )
    plot = courses.temperature("board", run.rows, name="p")
    assert plot.rows == (("0.5", "int8", "0", "30.0"), ("10.0", "b", "0", "30.0"))


def test_a_device_without_a_thermometer_has_no_plot(record, run_of):
    assert courses.temperature("board", run_of(record()).rows, name="p") is None
