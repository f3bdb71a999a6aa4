from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.android.text import printable, tail


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äé", "plain äé"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\u202eb", "a\\u202eb"),
        ("a\tb\nc", "a\tb\nc"),
        ("one\r\ntwo\rthree", "one\ntwo\\x0dthree"),
        (b"\xff\x00", "\\xff\\x00"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_control_characters_are_shown(text: str | bytes, shown: str) -> None:
    assert printable(text) == shown


@given(st.binary())
def test_nothing_that_a_terminal_obeys_is_left(data: bytes) -> None:
    assert all(c.isprintable() or c in "\n\t" for c in printable(data))


def test_the_tail_is_the_last_lines_that_say_something() -> None:
    assert tail("one\n\ntwo\n\x1b\nthree\n\n", lines=2) == "\\x1b\nthree"
