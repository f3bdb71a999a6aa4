"""Android's fixed-performance mode: sustainable clocks, asked for without root.

`cmd power set-fixed-performance-mode-enabled` is there from Android 11; whether the
phone has a point to hold is the vendor's affair. The mode stops neither throttling nor
the wandering between cores, and Android does not tell whether it is on.
"""

from __future__ import annotations

from hil.android.dump import whole_lines
from hil.printable import tail

_VERB = "set-fixed-performance-mode-enabled"


def set_command(*, enabled: bool) -> list[str]:
    """Return the command that turns the mode on or off."""
    return ["cmd", "power", _VERB, "true" if enabled else "false"]


def is_offered(help_text: str) -> bool | None:
    """Whether `cmd power help` lists the mode; None where it is no such help."""
    lines = whole_lines(help_text)
    if any(line.strip().startswith(_VERB) for line in lines):
        return True
    return False if any("Power manager" in line for line in lines) else None


def refusal(exit_code: int, output: str) -> str | None:
    """Return why the mode was not set, None where it was.

    Android prints "Failed to set FIXED_PERFORMANCE mode" where the vendor has none; an
    older one prints its help for a verb that it does not know, and ends with 0 or 255.
    """
    if exit_code == 0 and not output.strip():
        return None
    return tail(output, lines=2) or f"it ended with status {exit_code}"
