from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.emulators.phone.pattern import glob, literal, regex

LETTERS = st.text("ab.", max_size=12)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("*.tflite", "m.tflite", True),
        ("*.tflite", "m.tflite.bak", False),
        ("?", "", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        (r"\*", "*", True),
        (r"\*", "a", False),
        ("[", "[", True),
    ],
)
def test_globs_match_whole_names(pattern: str, text: str, *, found: bool) -> None:
    assert glob(pattern).search(text) is found


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("count=", "INFO: count=1", True),
        ("^count", "INFO: count=1", False),
        ("[0-9]*ms.$", "in 12ms.", True),
        ("a.*c", "xabbcx", True),
        ("a.*c$", "xabbcx", False),
        (r"a\.b", "acb", False),
        ("*a", "*a", True),
        ("^$", "", True),
        ("", "anything", True),
    ],
)
def test_regular_expressions_match_anywhere(
    pattern: str, text: str, *, found: bool
) -> None:
    assert regex(pattern).search(text) is found


@given(st.text("ab*?", max_size=8), LETTERS)
def test_globs_agree_with_pythons(pattern: str, text: str) -> None:
    assert glob(pattern).search(text) is fnmatch.fnmatchcase(text, pattern)


@given(st.from_regex(r"\A\^?([ab.]\*?){0,6}\$?\Z"), LETTERS)
def test_regular_expressions_agree_with_pythons(pattern: str, text: str) -> None:
    assert regex(pattern).search(text) is bool(re.search(pattern, text))


@given(st.text(max_size=8), st.text(max_size=30))
def test_literals_are_found_as_they_stand(pattern: str, text: str) -> None:
    assert literal(pattern).search(text) is (pattern in text)


def test_a_pattern_that_hangs_a_backtracking_engine_is_answered() -> None:
    assert not regex("a*" * 40 + "b").search("a" * 2000)
