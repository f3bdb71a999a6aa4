"""Pasted text to words."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.conversion.legacy.words import split_commands


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("toco --a=1 --b 2", [["toco", "--a=1", "--b", "2"]]),
        ("toco \\\n  --a=1 \\\n  --b", [["toco", "--a=1", "--b"]]),
        ("toco \\ \n --a=1", [["toco", "--a=1"]]),  # a blank after the backslash
        ("toco ^\r\n --a=1", [["toco", "--a=1"]]),  # Windows
        ("$ toco --a='x y'", [["toco", "--a=x y"]]),
        ('toco --a="1, 2"', [["toco", "--a=1, 2"]]),
        (
            "curl x | tar xz -C /tmp\ntoco --a",
            [["curl", "x"], ["tar", "xz", "-C", "/tmp"], ["toco", "--a"]],
        ),
        ("toco --a # why\n", [["toco", "--a"]]),
        ("toco --a 2>&1", [["toco", "--a", "2>&1"]]),
        ("cd x && toco --a;ls", [["cd", "x"], ["toco", "--a"], ["ls"]]),
        ("toco --a=“x”", [["toco", "--a=x"]]),
        ("toco --a='never closed", [["toco", "--a=never closed"]]),
        ("toco --a=", [["toco", "--a="]]),
        ("toco ''", [["toco", ""]]),
        ("", []),
    ],
)
def test_text_is_split_as_a_shell_does(text, commands):
    assert split_commands(text) == commands


@given(st.text())
def test_any_text_is_split(text):
    for words in split_commands(text):
        assert words
        assert all(isinstance(word, str) for word in words)


@given(
    st.lists(
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
        min_size=1,
    )
)
def test_what_a_shell_would_quote_comes_back(words):
    quoted = " ".join(shlex.quote(word) for word in ["toco", *words])
    assert split_commands(quoted) == [["toco", *words]]
