from __future__ import annotations

import pytest

from hil.android.screen import Screen, parse_screen


@pytest.mark.parametrize(
    ("text", "screen"),
    [
        (
            "  mWakefulness=Awake\nDisplay Power: state=ON\n",
            Screen(wakefulness="awake", display="on"),
        ),
        (
            "  mGlobalWakefulness=Dozing\n    mScreenState=DOZE_SUSPEND\n",
            Screen(wakefulness="dozing", display="doze_suspend"),
        ),
        ("  mGlobalDisplayState=OFF\n", Screen(display="off")),
    ],
)
def test_the_state_is_read_from_every_androids_lines(text: str, screen: Screen) -> None:
    assert parse_screen(text) == screen


def test_two_displays_that_disagree_leave_the_state_untold() -> None:
    text = "  mWakefulness=Awake\n  mScreenState=ON\n  mScreenState=OFF\n"
    assert parse_screen(text) == Screen(wakefulness="awake")


def test_what_tells_neither_is_none() -> None:
    assert parse_screen("  mWakefulness=Flying\n") is None
