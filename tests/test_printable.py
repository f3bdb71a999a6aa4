"""Control characters are shown, not obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from hil.printable import printable, tail


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äé", "plain äé"),
        ("\x1b[2Jboo\x07", "\\x1b[2Jboo\\x07"),
        ("a\u202eb", "a\\u202eb"),
        ("a\nb", "a\\nb"),
        (b"\xff\x00", "\\xff\\x00"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_are_shown(text, shown):
    assert printable(text) == shown


def test_line_ends_and_tabs_stay_where_they_are_wanted():
    assert printable("a\tb\nc\r\nd\re", keep_lines=True) == "a\tb\nc\nd\\re"


@given(st.one_of(st.text(), st.binary()))
def test_nothing_that_a_terminal_obeys_is_left(text):
    assert printable(text).isprintable()
    kept = printable(text, keep_lines=True)
    assert all(c.isprintable() or c in "\n\t" for c in kept)


def test_text_that_calls_itself_markup_is_plain_text_again():
    assert type(printable(Markup("<b>plain</b>"))) is str


def test_the_tail_is_the_last_lines_that_say_something():
    assert tail("one\n\ntwo\n\x1b\nthree\n\n", lines=2) == "\\x1b\nthree"
