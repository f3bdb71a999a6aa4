"""Control characters are shown, not obeyed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil.printable import printable


def test_escape_sequences_are_shown():
    assert printable("\x1b[2Jboo\x07") == "\\x1b[2Jboo\\x07"


def test_text_that_reorders_what_is_read_is_shown():
    assert printable("a\u202eb") == "a\\u202eb"


def test_line_ends_stay_only_where_they_are_wanted():
    assert printable("a\nb") == "a\\nb"
    assert printable("a\nb\r", keep_lines=True) == "a\nb\\r"


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text):
    assert printable(text).isprintable()
