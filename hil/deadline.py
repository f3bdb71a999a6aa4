"""One moment by which a whole chain of calls must be done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """The moment by which a whole operation must be done, on a monotonic clock."""

    def __init__(
        self, seconds: float, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Set the moment *seconds* from now; ValueError if negative."""
        if not seconds >= 0:
            message = f"a deadline lies ahead; got {seconds} s"
            raise ValueError(message)
        self._now = now
        self._at = now() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below 0.0."""
        return max(0.0, self._at - self._now())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.remaining == 0.0

    def sooner(self, seconds: float) -> Deadline:
        """Return a deadline *seconds* from now, but not after this one."""
        return Deadline(min(max(0.0, seconds), self.remaining), now=self._now)
