from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from hil.android.facts_script import (
    QUESTIONS,
    WATCHED,
    Answer,
    facts_script,
    read_answer,
)

MARK = "hil0123456789abcdef"


def _answer(*parts: tuple[str, str, int]) -> bytes:
    text = f"{MARK} facts 1\n"
    text += "".join(f"{body}\n{MARK} {name} {status}\n" for name, body, status in parts)
    return text.encode()


def test_each_script_has_a_mark_of_its_own() -> None:
    first, second = facts_script(), facts_script()
    assert first != second
    assert re.match(r"m=hil[0-9a-f]{16}\n", first)
    assert len(first) < 2048  # it must fit the 4 KiB packet of an old daemon


def test_a_token_that_was_drawn_elsewhere_is_the_mark() -> None:
    token = MARK.removeprefix("hil")
    assert facts_script(token=token).startswith(f"m={MARK}\n")
    assert facts_script(token=token) == facts_script(token=token)


def test_parts_are_cut_at_their_marks() -> None:
    answer = read_answer(_answer(("properties", "[a]: [b]\n", 0), ("kernel", "L", 1)))
    assert answer.parts["properties"].text == "[a]: [b]\n\n"
    assert answer.parts["kernel"].exit_code == 1
    assert set(answer.cut) == set(QUESTIONS) - {"properties", "kernel"}


def test_a_line_like_a_mark_of_another_run_is_text() -> None:
    body = "hilffffffffffffffff kernel 0"
    answer = read_answer(_answer(("properties", body, 0)))
    assert answer.parts["properties"].text == f"{body}\n"
    assert "kernel" in answer.cut


def test_a_part_whose_end_is_missing_takes_the_next_one_with_it() -> None:
    whole = _answer(("properties", "p", 0), ("kernel", "k", 0), ("cpu", "c", 0))
    torn = whole.replace(f"{MARK} properties 0\n".encode(), b"")
    answer = read_answer(torn)
    assert set(answer.parts) == {"cpu"}
    assert answer.parts["cpu"].text == "c\n"


def test_an_answer_without_its_first_line_has_no_part() -> None:
    assert read_answer(b"sh: syntax error\n") == Answer(cut=tuple(QUESTIONS))
    assert read_answer(f"{MARK} facts 2\n".encode()) == Answer(cut=tuple(QUESTIONS))


@given(st.integers(min_value=0, max_value=400))
def test_wherever_it_is_cut_no_part_is_believed_that_did_not_end(length: int) -> None:
    whole = _answer(*((name, f"{name} " * 3, 0) for name in QUESTIONS))
    full = read_answer(whole).parts
    answer = read_answer(whole[:length])
    assert set(answer.parts) | set(answer.cut) == set(QUESTIONS)
    assert all(full[name] == part for name, part in answer.parts.items())


def test_fewer_questions_may_be_asked() -> None:
    script = facts_script(WATCHED)
    assert "getprop" not in script
    assert "dumpsys power" not in script
    answer = read_answer(_answer(("cpu", "c", 0), ("battery", "b", 0)), WATCHED)
    assert set(answer.parts) == {"cpu", "battery"}
    assert set(answer.cut) == set(WATCHED) - {"cpu", "battery"}
