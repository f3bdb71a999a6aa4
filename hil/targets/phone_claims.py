"""Which phones are in use, so that no two targets share one."""

from __future__ import annotations

import contextlib
import threading

from hil.deadline import Deadline
from hil.errors import BrokenSetup
from hil.machine_lock import hold
from hil.printable import printable


class PhoneClaims:
    """Serial numbers and who has them; for any number of threads.

    Where *asks_machine*, the other processes of this machine count, too.
    """

    def __init__(self, *, asks_machine: bool = False) -> None:
        """Start with no phone in use."""
        self._asks_machine = asks_machine
        self._holders: dict[str, tuple[str, contextlib.ExitStack]] = {}
        self._lock = threading.Lock()

    def claim(self, serial: str, holder: str) -> None:
        """Take a phone.

        BrokenSetup where another device's profile reached it, too; TargetError where
        another process has it: both would measure a phone that is busy otherwise, and
        one would end the other's fixed-performance mode.
        """
        with self._lock:
            if serial not in self._holders:
                self._holders[serial] = holder, self._held(serial, holder)
            other, _ = self._holders[serial]
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
            other, lock = self._holders.get(serial, (None, None))
            if lock is not None and other == holder:
                del self._holders[serial]
                lock.close()

    def _held(self, serial: str, holder: str) -> contextlib.ExitStack:
        stack = contextlib.ExitStack()
        if self._asks_machine:
            name = f"phone with serial number {printable(serial)}"
            stack.enter_context(hold(name, deadline=Deadline(0), who=f"hil, {holder}"))
        return stack


IN_USE = PhoneClaims(asks_machine=True)
