"""Attributes of objects that take any attribute and look at the ones they know."""

from __future__ import annotations

from hil.errors import ModelError, nearest


def set_option(target: object, name: str, value: object) -> None:
    """Set an attribute that is there, or raise ModelError: a new one does nothing."""
    if not hasattr(target, name):
        known = [each for each in dir(target) if not each.startswith("__")]
        raise ModelError(
            "this TensorFlow's converter has no such option",
            where=type(target).__name__,
            found=name,
            remedy=nearest(name, known),
        )
    setattr(target, name, value)
