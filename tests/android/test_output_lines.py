from __future__ import annotations

import pytest

from hil.android.output_lines import has_cut_end, is_logcat, output_lines


@pytest.mark.parametrize(
    "text",
    [
        "count=1 curr=3\n",
        "INFO: count=1 curr=3\r\r\n",
        "11-20 10:01:02.345  712  712 I tflite  : count=1 curr=3\n",
        "I/tflite  ( 712): count=1 curr=3\n",
        "INFO: [benchmark_litert_model.h:84] count=1 curr=3  \n",
    ],
)
def test_prefixes_and_blanks_at_the_end_are_taken_off(text: str) -> None:
    assert output_lines(text.encode()) == ["count=1 curr=3"]


def test_empty_lines_are_left_out_and_wrong_bytes_are_shown() -> None:
    assert output_lines(b"\n \na\xff\n") == ["a\ufffd"]


@pytest.mark.parametrize(
    ("text", "is_cut"), [("a\n", False), ("a", True), ("", False), ("a\n  \r", False)]
)
def test_a_last_line_without_its_end_is_cut(text: str, *, is_cut: bool) -> None:
    assert has_cut_end(text) is is_cut


def test_a_log_has_the_prefix_on_each_line() -> None:
    assert is_logcat("I/tflite: a\n\nI/tflite: b\n")
    assert not is_logcat("I/tflite: a\nb\n")
    assert not is_logcat("")
