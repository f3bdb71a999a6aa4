"""One SVG drawing: shapes by class, so that the page's style sheet colours them."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Narrow enough that text can still be read where a phone's width shrinks it.
WIDTH: Final = 380.0
SHAPES: Final = ("circle", "square", "diamond", "triangle", "cross", "ring")
COLOURS: Final = 6
_MARGIN: Final = 14.0
_CHARACTER: Final = 6.9  # the mean width of one, on the safe side
_MARK = 4.5
_PATHS: Final = {
    "square": "M-4 -4H4V4H-4Z",
    "diamond": "M0 -5.5L5.5 0L0 5.5L-5.5 0Z",
    "triangle": "M0 -5.5L5 4H-5Z",
    "cross": "M-4 -4L4 4M4 -4L-4 4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawing with its names, its legend and the figures in it as a table."""

    title: str
    description: str
    drawing: Markup
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    legend: tuple[tuple[Markup, str], ...] = ()
    note: str = ""


class Drawing:
    """Collects shapes; coordinates are those of a box WIDTH wide."""

    def __init__(self, *, height: float) -> None:
        """Begin an empty drawing of that height."""
        box = f"0 0 {_short(WIDTH)} {_short(height)}"
        self._root = ET.Element("svg", {"viewBox": box, "role": "img"})
        self.height = height

    def line(
        self, start: tuple[float, float], end: tuple[float, float], cls: str
    ) -> None:
        """Draw a straight line."""
        (x1, y1), (x2, y2) = start, end
        self._add("line", cls, x1=x1, y1=y1, x2=x2, y2=y2)

    def rect(
        self,
        corner: tuple[float, float],
        *,
        width: float,
        height: float,
        cls: str,
        tip: str = "",
    ) -> None:
        """Draw a box from its upper left *corner*; *tip* is told on hovering."""
        x, y = corner
        element = self._add("rect", cls, x=x, y=y, width=max(width, 0.0), height=height)
        _tell(element, tip)

    def text(
        self,
        place: tuple[float, float],
        text: str,
        cls: str = "",
        *,
        anchor: str = "start",
        most: int = 60,
    ) -> None:
        """Write one line of text; of more than *most* characters, the middle is cut."""
        x, y = place
        element = self._add("text", cls, x=x, y=y)
        element.set("text-anchor", anchor)
        shown = printable(text)
        if len(shown) > most:
            # Settings stand at the end of a name, and tell rows apart too.
            front = most // 2
            shown = f"{shown[:front]}\u2026{shown[front + 1 - most :]}"
        element.text = shown

    def heading(self, y: float, text: str, figure: str) -> None:
        """Write what a lane shows at its left, and its figure at its right."""
        room = WIDTH - 2 * _MARGIN - _CHARACTER * (len(figure) + 1)
        self.text((_MARGIN, y), text, "label", most=int(room / _CHARACTER))
        self.text((WIDTH - _MARGIN, y), figure, "value", anchor="end")

    def path(self, points: Sequence[tuple[float, float]], cls: str) -> None:
        """Join *points* by lines."""
        joined = "L".join(f"{_short(x)} {_short(y)}" for x, y in points)
        self._add("path", cls).set("d", f"M{joined}")

    def mark(self, place: tuple[float, float], series: int, tip: str) -> None:
        """Draw the mark of a *series*, which has its own shape and colour."""
        x, y = place
        element = _mark(series)
        element.set("transform", f"translate({_short(x)} {_short(y)})")
        _tell(element, tip)
        self._root.append(element)

    def finish(self, *, title: str, description: str, name: str) -> Markup:
        """Return the SVG; *name* makes its ids unique in the page."""
        self._root.set("aria-labelledby", f"{name}-title {name}-desc")
        for index, (tag, text) in enumerate((("title", title), ("desc", description))):
            element = ET.Element(tag, {"id": f"{name}-{tag}"})
            element.text = printable(text)
            self._root.insert(index, element)
        # ElementTree escapes every text and attribute.
        return Markup(ET.tostring(self._root, encoding="unicode"))  # noqa: S704

    def _add(self, tag: str, cls: str, **numbers: float) -> ET.Element:
        attributes = {name: _short(value) for name, value in numbers.items()}
        return ET.SubElement(self._root, tag, {"class": cls, **attributes})


def key(series: int) -> Markup:
    """Return the mark of a series for a legend."""
    root = ET.Element(
        "svg", {"viewBox": "-7 -7 14 14", "class": "key", "aria-hidden": "true"}
    )
    root.append(_mark(series))
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - as above


def swatch(series: int) -> Markup:
    """Return a filled box in the colour of a part of a bar, for a legend."""
    root = ET.Element(
        "svg", {"viewBox": "-7 -7 14 14", "class": "key", "aria-hidden": "true"}
    )
    box = {"x": "-6", "y": "-6", "width": "12", "height": "12"}
    ET.SubElement(root, "rect", {"class": f"bar c{series % COLOURS}", **box})
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - as above


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Return a number for each distinct name, in order: its series."""
    return dict(zip(dict.fromkeys(names), itertools.count()))


def _mark(series: int) -> ET.Element:
    # Six colours and six shapes: the shape moves on when the colours come round.
    colour = series % COLOURS
    shape = SHAPES[(series + series // COLOURS) % len(SHAPES)]
    attributes = {"class": f"mark {shape} c{colour}"}
    if shape in _PATHS:
        return ET.Element("path", {**attributes, "d": _PATHS[shape]})
    return ET.Element("circle", {**attributes, "r": _short(_MARK)})


def _tell(element: ET.Element, tip: str) -> None:
    if tip:
        ET.SubElement(element, "title").text = printable(tip)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
