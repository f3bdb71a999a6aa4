from __future__ import annotations

import pytest

from hil.android.dump import decimal, whole, whole_lines


def test_a_last_line_without_its_end_is_not_believed() -> None:
    assert whole_lines("temperature: 250\ntemperature: 25") == ["temperature: 250"]
    assert whole_lines("a\r\nb\r\n") == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    ["", " 5", "5 ", "+5", "5.0", "0x5", "\N{ARABIC-INDIC DIGIT FIVE}", "1" * 19],
)
def test_what_is_no_plain_whole_number_is_none(text: str) -> None:
    assert whole(text, low=-100, high=100) is None


def test_a_whole_number_out_of_range_is_none() -> None:
    assert whole("100", low=0, high=100) == 100
    assert whole("101", low=0, high=100) is None


@pytest.mark.parametrize("text", ["", "nan", "NaN", "inf", "1e999", ".5", "1,5"])
def test_what_is_no_plain_decimal_is_none(text: str) -> None:
    assert decimal(text, low=-1e12, high=1e12) is None


def test_a_decimal_may_have_an_exponent() -> None:
    assert decimal("1.5e2", low=0, high=1000) == 150.0
