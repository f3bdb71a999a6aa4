"""The time of an emulated phone: the machine's own, or moved by a test."""

from __future__ import annotations

import time
from typing import Protocol


class PhoneClock(Protocol):
    """Tells the phone's time; nothing of the phone asks the machine for it."""

    goes_by_itself: bool

    def now(self) -> float:
        """Return the seconds since some moment; they never go back."""

    def skip(self, seconds: float) -> bool:
        """Let *seconds* pass at once; false where they must be waited for."""


class RunningClock:
    """Goes with this machine's time."""

    goes_by_itself = True

    def __init__(self) -> None:
        """Start at zero."""
        self._start = time.monotonic()

    def now(self) -> float:
        """Return the phone's seconds since this clock was made."""
        return time.monotonic() - self._start

    def skip(self, seconds: float) -> bool:
        """Time cannot be skipped."""
        del seconds
        return False


class SkippingClock(RunningClock):
    """Goes with this machine's time, and skips what the phone would sleep."""

    def __init__(self) -> None:
        """Start at zero."""
        super().__init__()
        self._skipped = 0.0

    def now(self) -> float:
        """Return the seconds that passed or were skipped."""
        return super().now() + self._skipped

    def skip(self, seconds: float) -> bool:
        """Let *seconds* pass at once."""
        self._skipped += seconds
        return True


class VirtualClock:
    """Stands still until somebody moves it: an hour passes in no time."""

    goes_by_itself = False

    def __init__(self) -> None:
        """Start at zero."""
        self._now = 0.0

    def now(self) -> float:
        """Return the seconds by which the clock was moved."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass; can stand where a `sleep` is expected."""
        assert seconds >= 0
        self._now += seconds

    def skip(self, seconds: float) -> bool:
        """Let *seconds* pass at once."""
        self.advance(seconds)
        return True
