"""One moment by which a whole chain of calls must be done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """The moment by which a whole operation must be done, on a monotonic clock."""

    def __init__(
        self,
        seconds: float,
        *,
        now: Callable[[], float] = time.monotonic,
        is_cut: Callable[[], bool] = lambda: False,
    ) -> None:
        """Set the moment *seconds* from now; ValueError if negative.

        It is over at once when *is_cut*, and so are all that came from it: another
        thread may break the operation off.
        """
        if not seconds >= 0:
            message = f"a deadline lies ahead; got {seconds} s"
            raise ValueError(message)
        self._now = now
        self._is_cut = is_cut
        self._at = now() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below 0.0."""
        return 0.0 if self._is_cut() else max(0.0, self._at - self._now())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.remaining == 0.0

    def sooner(self, seconds: float) -> Deadline:
        """Return a deadline *seconds* from now, but not after this one."""
        least = min(max(0.0, seconds), self.remaining)
        return Deadline(least, now=self._now, is_cut=self._is_cut)
