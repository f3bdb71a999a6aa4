"""Axes with ticks, grid and names around the marks of a plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.report.plots.drawing import WIDTH, Drawing

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.report.plots.scale import Scale

LEFT: Final = 58.0
RIGHT: Final = WIDTH - 12.0
TOP: Final = 26.0
HEIGHT: Final = 270.0
BOTTOM: Final = HEIGHT - 44.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A scale, what it shows, and how its ticks are written."""

    scale: Scale
    name: str
    text: Callable[[float], str]


def framed(x: Axis, y: Axis) -> Drawing:
    """Return a drawing with both axes; marks go between LEFT, RIGHT, TOP, BOTTOM."""
    drawing = Drawing(height=HEIGHT)
    for value in y.scale.ticks():
        place = y.scale.at(value)
        drawing.line((LEFT, place), (RIGHT, place), "grid")
        drawing.text((LEFT - 6, place + 4), y.text(value), "tick", anchor="end")
    drawing.text((8, 13), y.name, "axis")
    below(drawing, x, bottom=BOTTOM, top=TOP)
    return drawing


def below(drawing: Drawing, x: Axis, *, bottom: float, top: float) -> None:
    """Draw the horizontal axis at *bottom*, its grid up to *top*."""
    last = float("-inf")
    for value in x.scale.ticks():
        place, text = x.scale.at(value), x.text(value)
        drawing.line((place, top), (place, bottom), "grid")
        half = 3.4 * len(text)
        # Names that would touch their neighbour are left out; the grid stays.
        if place - half > last + 4:
            anchor = "end" if place + half > WIDTH else "middle"
            drawing.text((place, bottom + 16), text, "tick", anchor=anchor)
            last = place + half
    drawing.line((x.scale.start, bottom), (x.scale.end, bottom), "edge")
    middle = (x.scale.start + x.scale.end) / 2
    drawing.text((middle, bottom + 36), x.name, "axis", anchor="middle")
