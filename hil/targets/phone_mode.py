"""Fixed-performance mode on a phone: on for a session, and off again in any case.

Android does not tell whether the mode is on. A note on the phone does: it is written
before the mode is set and deleted after it was reset, so that a session whose link
broke leaves word for the next one.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hil.android.fixed_performance import refusal, set_command
from hil.targets.phone_folder import FOLDER

if TYPE_CHECKING:
    from hil import vocab
    from hil.links.phone import Phone

NOTE = f"{FOLDER}/fixed-performance-is-on"
_LEFT_ON = "left on by an earlier session, now off"


class FixedPerformance:
    """The mode of one phone during one session."""

    def __init__(self, link: Phone) -> None:
        """Take the link; nothing is asked of the phone yet."""
        self._link = link
        self._told: str | None = None
        self.is_on = False

    @property
    def told(self) -> str | None:
        """What became of it, for the evidence; None where nothing was done."""
        return self._told

    def recover(self, deadline: vocab.Deadline) -> None:
        """Turn the mode off where an earlier session could not."""
        off = shlex.join(set_command(enabled=False))
        script = f"[ -e {NOTE} ] || exit 3; {off} && rm -f {NOTE}"
        if self._link.shell(script, deadline).exit_code == 0:
            self._told = _LEFT_ON

    def turn_on(self, deadline: vocab.Deadline) -> None:
        """Set the mode; what the phone says against it is kept in `told`."""
        command = shlex.join(set_command(enabled=True))
        script = f"mkdir -p {FOLDER} && : > {NOTE} && {command}"
        self.is_on = True  # whatever happens from here on, it is turned off again
        result = self._link.shell(script, deadline)
        said = (result.stdout + result.stderr).decode(errors="replace")
        why = refusal(result.exit_code, said)
        self._told = "on" if why is None else f"refused: {why}"
        if why is not None:
            self.turn_off(deadline)

    def turn_off(self, deadline: vocab.Deadline) -> None:
        """Reset the mode and delete the note."""
        if self.is_on:
            off = shlex.join(set_command(enabled=False))
            self._link.shell(f"{off}; rm -f {NOTE}", deadline)
            self.is_on = False
