"""Short ways to an item: passed or failed, or why nothing can be said; pure."""

from __future__ import annotations

from hil.results.certificate import Item, Outcome


def outcome(*, passed: bool) -> Outcome:
    """Return what an item is that was decided."""
    return Outcome.PASSED if passed else Outcome.FAILED


def unmeasured(name: str, part: str, why: str, *, limit: str = "-") -> Item:
    """Return an item of which nothing could be measured, for no fault of the device."""
    return Item(
        name=name, part=part, outcome=Outcome.NOT_MEASURABLE, figure=why, limit=limit
    )


def failed(name: str, part: str, why: str, *, limit: str = "an answer") -> Item:
    """Return an item at which the device itself failed."""
    return Item(name=name, part=part, outcome=Outcome.FAILED, figure=why, limit=limit)
