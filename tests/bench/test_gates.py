"""The grammar of gates, and errors that point at the character."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bench.gates import parse_gate
from hil.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "figure", "limit", "relative"),
    [
        ("latency<+5%", "latency", Fraction(5, 100), True),
        ("insn<+0.1%", "insn", Fraction(1, 1000), True),
        ("arena<=24000", "arena", Fraction(24000), False),
        ("accuracy>=-1pt", "accuracy", Fraction(-1, 100), True),
        ("accuracy >= 95%", "accuracy", Fraction(95, 100), False),
        ("latency < 1.5ms", "latency", Fraction(1500), False),
        ("latency<-10 %", "latency", Fraction(-1, 10), True),
        ("arena<=+200B", "arena", Fraction(200), True),
        ("flash<=32KiB", "flash", Fraction(32768), False),
        ("arena_bytes<1", "arena", Fraction(1), False),
        ("arena_persistent_bytes<=4kB", "arena_persistent_bytes", 4000, False),
        ("insn<=1200000", "insn", Fraction(1_200_000), False),
    ],
)
def test_a_gate_says_which_figure_and_which_limit(text, figure, limit, relative):
    gate = parse_gate(text)
    assert (gate.figure, gate.limit, gate.relative) == (figure, limit, relative)
    assert gate.text == text


@pytest.mark.parametrize(
    ("text", "allowed", "refused"),
    [("arena<10", 9, 10), ("arena<=10", 10, 11), ("accuracy>90%", 0.91, 0.9)],
)
def test_a_gate_allows_what_keeps_to_it(text, allowed, refused):
    gate = parse_gate(text)
    assert gate.allows(Fraction(str(allowed)))
    assert not gate.allows(Fraction(str(refused)))


@pytest.mark.parametrize(
    ("text", "character", "problem", "allowed"),
    [
        ("latancy<+5%", 1, "no such figure", "latency, insn, accuracy, size, arena"),
        ("", 1, "a figure's name is missing", "latency, insn"),
        ("latency 5", 9, "an operator is missing", "<, <="),
        ("latency=<5ms", 8, "an operator is missing", "<, <="),
        ("latency<==5ms", 10, "no such operator", "<, <="),
        ("latency>+5%", 8, "latency is limited from above", "<, <="),
        ("accuracy<=-1pt", 9, "accuracy is limited from below", ">, >="),
        ("insn<", 6, "a number is missing", r"12, 0.1, \+5"),
        ("insn<+", 7, "a number is missing", r"12, 0.1, \+5"),
        ("latency<5%", 9, "a change needs its sign", r"\+ or -, such as \+5%"),
        ("accuracy>=1pt", 11, "a change needs its sign", r"\+ or -, such as \+5pt"),
        ("latency<5", 10, "a unit is missing for a limit of latency", "us, ms, s"),
        ("latency<+5", 11, "a unit is missing for a change of latency", "%, us, ms, s"),
        ("accuracy>=-1%", 13, "no such unit for a change of accuracy", "pt"),
        ("arena<=24GB", 10, "no such unit for a limit of arena", "no unit, B, kB"),
        ("arena<=24 000", 11, "nothing may follow the limit", "one gate a text"),
        ("insn<+1e5", 8, "no such unit for a change of insn", "%, no unit"),
        ("latency<+5%,insn<3", 12, "nothing may follow the limit", "one gate"),
    ],
)
def test_an_error_points_at_the_character(text, character, problem, allowed):
    with pytest.raises(ConfigError, match=f"allowed: {allowed}") as caught:
        parse_gate(text)
    lines = str(caught.value).split("\n")
    assert lines[0] == "the gate cannot be read"
    assert lines[1] == f"  where:   --gate, character {character}"
    found, mark = lines[2], lines[3]
    assert found == f"  found:   {text}"
    column = mark.index("^")
    assert mark[column:] == f"^ {problem}"
    assert found[column:] == text[character - 1 :]


def test_the_nearest_figure_is_named():
    with pytest.raises(ConfigError, match="did you mean 'latency'"):
        parse_gate("latancy<+5%")


def test_characters_that_do_not_show_do_not_move_the_mark():
    with pytest.raises(ConfigError) as caught:
        parse_gate("insn<+5%\x1b[2J")
    found, mark = str(caught.value).split("\n")[2:4]
    assert found.endswith(r"insn<+5%\x1b[2J")
    assert found[mark.index("^") :] == r"\x1b[2J"


@given(st.text(max_size=30))
def test_any_text_is_a_gate_or_an_error(text):
    try:
        gate = parse_gate(text)
    except ConfigError as exc:
        assert "character" in str(exc)  # noqa: PT017 - either end is right
    else:
        assert gate.text == text.strip()
