from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.android.printed_number import (
    half_unit,
    is_fraction,
    is_printed,
    is_surely_whole,
)


@given(st.floats(0, 1e12, allow_nan=False))
def test_what_a_stream_prints_is_known_and_within_half_a_unit(value: float) -> None:
    text = f"{value:g}"
    assert is_printed(text)
    assert abs(float(text) - value) <= half_unit(float(text)) * 1.001 + 1e-300


@pytest.mark.parametrize("text", ["14290.90", "007", "1250810", "0.50", "14290.91"])
def test_what_no_stream_prints_is_known(text: str) -> None:
    assert not is_printed(text)


@given(st.integers(0, 10**9))
def test_kibibytes_over_1024_are_fractions(kib: int) -> None:
    assert is_fraction(f"{kib / 1024:g}", 1024)


@pytest.mark.parametrize("text", ["93.23", "93.2", "14.441"])
def test_a_cut_fraction_is_none(text: str) -> None:
    assert not is_fraction(text, 1024)


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("1687.92", True),
        ("266473", True),
        ("1.25081e+06", True),
        ("1.25081", False),
        ("1687.9", False),
        ("16", False),
    ],
)
def test_a_number_may_have_lost_its_end(text: str, *, sure: bool) -> None:
    assert is_surely_whole(text) is sure
