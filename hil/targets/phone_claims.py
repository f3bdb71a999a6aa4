"""Which phones are in use by this process, so that no two targets share one."""

from __future__ import annotations

import threading

from hil.errors import BrokenSetup
from hil.printable import printable


class PhoneClaims:
    """Serial numbers and who has them; for any number of threads."""

    def __init__(self) -> None:
        """Start with no phone in use."""
        self._holders: dict[str, str] = {}
        self._lock = threading.Lock()

    def claim(self, serial: str, holder: str) -> None:
        """Take a phone; BrokenSetup where another device's profile reached it, too."""
        with self._lock:
            other = self._holders.setdefault(serial, holder)
        if other != holder:
            raise BrokenSetup(
                "two profiles reach the same phone",
                where=f"{holder} and {other}",
                found=f"serial number {printable(serial)}",
                remedy="link.adb_serial or link.host tells equal phones apart: "
                "`adb devices -l`",
            )

    def release(self, serial: str, holder: str) -> None:
        """Give a phone back; nothing happens where another has it."""
        with self._lock:
            if self._holders.get(serial) == holder:
                del self._holders[serial]


IN_USE = PhoneClaims()
