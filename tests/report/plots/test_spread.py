"""Latency distributions."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hil.report.plots import spread
from hil.vocab import TimeBasis, Timing


def test_rows_of_which_only_statistics_are_known_have_a_lane_without_a_hill(
    record, summary, run_of
):
    run = run_of(record(), summary(11.0, device="phone"))
    plot = spread.plot("digits", TimeBasis.HOST_CLOCK, run.rows, name="p")
    root = ET.fromstring(plot.drawing)
    assert sum(p.get("class") == "hill" for p in root.iter("path")) == 1
    assert sum(p.get("class") == "median" for p in root.iter("line")) == 2
    assert plot.rows[0][2:] == (
        *("40", "238 us", "240 us", "239 .. 241 us, 40 runs", "p90 242 us", "242 us"),
    )
    assert plot.rows[1][2:] == ("3,000", "9 us", "11 us", "-", "p95 13 us", "8.04 ms")


def test_rows_above_what_a_plot_holds_are_in_its_table(record, run_of):
    most = spread.MOST_LANES
    run = run_of(*(record(variant=f"v{i}") for i in range(most + 3)))
    plot = spread.plot("digits", TimeBasis.HOST_CLOCK, run.rows, name="p")
    assert plot.note == "3 further rows are in the table only."
    assert len(plot.rows) == most + 3


def test_a_histogram_leaves_the_slowest_hundredth_out_and_says_so(record, run_of):
    ticks = tuple([200_000 + i for i in range(199)] + [9_000_000])
    timing = Timing(
        basis=TimeBasis.HOST_CLOCK, invoke_ticks=ticks, tick_hz=1_000_000_000
    )
    plot = spread.histogram(run_of(record(timing=timing)).rows[0], name="p")
    assert plot.note == "1 slower runs, up to 9 ms, are not drawn."


def test_counts_that_are_all_the_same_and_statistics_have_no_histogram(
    instructions, summary, failed, run_of
):
    run = run_of(instructions(5), summary(9.0, variant="b"), failed(variant="c"))
    assert [spread.histogram(row, name="p") for row in run.rows] == [None] * 3


def test_a_time_of_zero_has_a_place_on_a_logarithmic_axis(record, run_of):
    timing = Timing(
        basis=TimeBasis.HOST_CLOCK, invoke_ticks=(0, 0, 5, 900), tick_hz=1_000_000
    )
    run = run_of(record(timing=timing))
    plot = spread.plot("digits", TimeBasis.HOST_CLOCK, run.rows, name="p")
    assert "logarithmic" in plot.drawing
