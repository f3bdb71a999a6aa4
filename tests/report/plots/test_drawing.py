"""Shapes and texts of a drawing."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hil.report.plots.drawing import Drawing, key, numbered


def texts(drawing):
    done = drawing.finish(title="t", description="d", name="p")
    return [element.text for element in ET.fromstring(done).iter("text")]


def test_a_long_name_loses_its_middle_so_that_settings_tell_rows_apart():
    drawing = Drawing(height=10)
    drawing.text((0, 0), "as-is on a-phone-of-a-very-long-name (2 threads)", most=24)
    drawing.text((0, 0), "short", most=24)
    cut, whole = texts(drawing)
    assert (cut, len(cut), whole) == ("as-is on a-p\u2026(2 threads)", 24, "short")


def test_text_is_escaped_and_control_characters_are_shown():
    drawing = Drawing(height=10)
    drawing.text((0, 0), '</text><script>"&\x1b')
    assert texts(drawing) == ['</text><script>"&\\x1b']


def test_series_differ_in_shape_when_the_colours_come_round():
    assert numbered(["a", "b", "a"]) == {"a": 0, "b": 1}
    marks = {str(key(series)) for series in range(36)}
    assert len(marks) == 36
