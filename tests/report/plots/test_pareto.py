"""Which variants no other beats."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from hil.report.plots import pareto
from hil.vocab import AccuracyCount, TimeBasis

small = st.integers(0, 6)


@given(st.lists(st.tuples(small, small), max_size=12))
def test_the_front_is_what_no_other_point_beats(points):
    beaten = {
        one
        for one, (cost, value) in enumerate(points)
        for other_cost, other in points
        if other_cost <= cost
        and other >= value
        and (other_cost < cost or other > value)
    }
    assert set(pareto.front(points)) == set(range(len(points))) - beaten


def test_each_device_has_its_own_front(record, run_of):
    def one(device, variant, size, correct):
        count = AccuracyCount(metric="top1", n=100, correct=correct, wrong=())
        return record(device=device, variant=variant, size_bytes=size, accuracy=count)

    run = run_of(
        one("a", "small", 10, 90),
        one("a", "large", 20, 95),
        one("a", "bad", 30, 80),
        one("b", "bad", 30, 80),
    )
    plot = pareto.by_size("digits", run.rows, name="p")
    assert [(row[0], row[1], row[-1]) for row in plot.rows] == [
        ("small", "a", "no"),
        ("large", "a", "no"),
        ("bad", "a", "yes"),
        ("bad", "b", "no"),
    ]
    assert plot.rows[0][3] == "90.0 %, 82.6 .. 94.5 %, top1, n=100"
    assert [text for _, text in plot.legend] == ["a", "b"]
    drawing = ET.fromstring(plot.drawing)
    fronts = [p for p in drawing.iter("path") if "front" in p.get("class")]
    assert len(fronts) == 1


def test_one_point_is_no_plot(record, run_of):
    rows = run_of(record()).rows
    assert pareto.by_size("digits", rows, name="p") is None
    assert pareto.by_latency("digits", TimeBasis.HOST_CLOCK, rows, name="p") is None
