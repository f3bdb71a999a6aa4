"""Whether the screen is on: from `dumpsys power` and `dumpsys display`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hil.android.dump import whole_lines

# Android 13 and later have several groups of displays and a global state.
_WAKEFULNESS = re.compile(r"\s*m(?:Global)?Wakefulness=(?P<state>[A-Za-z]{1,20})\s*")
_DISPLAY = re.compile(
    r"\s*(?:m(?:Global)?DisplayState|mScreenState|Display Power: state)"
    r"[=:] ?(?P<state>[A-Z_]{1,20})\s*"
)
_WAKEFUL = {"awake", "asleep", "dozing", "dreaming"}
_STATES = {"on", "off", "doze", "doze_suspend", "on_suspend", "vr", "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """The phone's wakefulness and its display's state, in Android's words."""

    wakefulness: str | None = None  # awake, asleep, dozing, dreaming
    display: str | None = None  # on, off, doze, ...


def parse_screen(text: str) -> Screen | None:
    """Return what the lines of both dumps tell; None where they tell neither.

    Two displays or groups that disagree leave the state untold.
    """
    lines = whole_lines(text)
    screen = Screen(
        wakefulness=_agreed(_WAKEFULNESS, lines, _WAKEFUL),
        display=_agreed(_DISPLAY, lines, _STATES),
    )
    return None if screen == Screen() else screen


def _agreed(pattern: re.Pattern[str], lines: list[str], known: set[str]) -> str | None:
    found = {m["state"].lower() for m in map(pattern.fullmatch, lines) if m} & known
    return found.pop() if len(found) == 1 else None
