"""Memory maps and operators."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hil.report.evidence import Layer
from hil.report.plots import bars

MEMORY = {
    "arena_bytes": 4000,
    "ram_bytes": 16000,
    "ram_stack_bytes": 8000,
    "ram_static_bytes": 4000,
}


def test_parts_have_the_widths_of_their_sizes(record, run_of):
    run = run_of(record(memory=MEMORY), record(variant="none", memory={}))
    plot = bars.memory("RAM", "digits", run.rows, name="p")
    assert plot.rows == (
        ("int8", "board", "4,000 B", "8,000 B", "4,000 B", "16,000 B"),
    )
    assert plot.head[2:] == ("arena", "stack", "static data", "together")
    widths = [
        float(bar.get("width"))
        for bar in ET.fromstring(plot.drawing).iter("rect")
        if "part" in bar.get("class")
    ]
    assert [round(width / widths[0], 1) for width in widths] == [1.0, 2.0, 1.0]


def test_rows_without_an_image_have_no_memory_map(record, run_of):
    rows = run_of(record()).rows
    assert bars.memory("flash", "digits", rows, name="p") is None
    assert bars.memory("RAM", "digits", rows, name="p") is None


def test_operators_have_their_share_and_the_ones_left_out_are_told(record, run_of):
    found = [
        Layer(index=i, name=f"CONV_2D c{i}", value=2.0, unit="us")
        for i in range(bars.MOST_LAYERS + 10)
    ]
    plot = bars.layers(run_of(record()).rows[0], found, name="p")
    assert plot.rows[0] == ("0", "CONV_2D c0", "2", "2.0%")
    assert plot.note == "10 further operators are in the table only."


def test_operators_that_took_no_time_have_no_share(record, run_of):
    found = [Layer(index=0, name="ADD", value=0.0, unit="us")]
    plot = bars.layers(run_of(record()).rows[0], found, name="p")
    assert plot.rows == (("0", "ADD", "0", "-"),)
