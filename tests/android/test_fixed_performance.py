from __future__ import annotations

from hil.android.fixed_performance import is_offered, refusal, set_command


def test_the_command_is_androids() -> None:
    assert set_command(enabled=True) == [
        "cmd",
        "power",
        "set-fixed-performance-mode-enabled",
        "true",
    ]
    assert set_command(enabled=False)[-1] == "false"


def test_the_help_tells_whether_the_mode_is_there() -> None:
    head = "Power manager (power) commands:\n"
    line = "  set-fixed-performance-mode-enabled [true|false]\n"
    assert is_offered(head + line) is True
    assert is_offered(head) is False
    assert is_offered("cmd: not found\n") is None


def test_any_word_is_a_refusal() -> None:
    assert refusal(0, "") is None
    text = "Failed to set FIXED_PERFORMANCE mode\n"
    assert refusal(0, text) == "Failed to set FIXED_PERFORMANCE mode"
    assert refusal(255, "") == "it ended with status 255"
