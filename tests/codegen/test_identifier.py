from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.codegen.identifier import comment, identifier


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("kws_ref_model", "kws_ref_model"),
        ("my-model.v2", "my_model_v2"),
        ("2fast", "2fast"),
        ("int", "int"),
        ("__init__", "init"),
        ("_Upper", "Upper"),
        ("a  --  b", "a_b"),
        ("café", "cafe"),
        ("模型", "model"),
        ("", "model"),
        ("///", "model"),
        ("x" * 300, "x" * 40),
        ("x" * 39 + "-y", "x" * 39),
    ],
)
def test_a_name_for_any_file_name(text: str, name: str) -> None:
    assert identifier(text) == name


@given(st.text())
def test_any_text_gives_a_part_of_a_valid_identifier(text: str) -> None:
    made = f"g_{identifier(text)}_model_data"
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", made)
    assert "__" not in made
    assert len(made) <= 63
    assert identifier(identifier(text)) == identifier(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("full int8, int8 boundary", "full int8, int8 boundary"),
        ("a */ b", "a <U+002A>/ b"),
        ("a\nb", "a<U+000A>b"),
        ("ends with \\", "ends with <U+005C>"),
        ("ends with ??/", "ends with <U+003F><U+003F>/"),
        ("\x1b[2Jé", "<U+001B>[2J<U+00E9>"),
    ],
)
def test_a_comment_holds_no_way_out(text: str, shown: str) -> None:
    assert comment(text) == shown


@given(st.text())
def test_any_text_is_one_line_of_a_comment(text: str) -> None:
    shown = comment(text)
    assert shown.isascii()
    assert shown.isprintable()
    assert not set("*?\\") & set(shown)
