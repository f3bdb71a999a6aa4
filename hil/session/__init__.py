"""The framed dialogue with a microcontroller over any link."""

from hil.session.session import Session

__all__ = ["Session"]
