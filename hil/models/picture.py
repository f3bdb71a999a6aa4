"""A picture of a model's graph, coloured by what each operator computes in (SVG)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from hil.models.facts import operator_macs
from hil.models.label import label
from hil.models.layout import lay_out
from hil.models.weights import FLOATS
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hil.models.graph import Graph, Operator, SubGraph, Tensor
    from hil.models.layout import Layout

_BOX, _BOX_HEIGHT = 190, 46
_STEP_X, _STEP_Y = _BOX + 24, _BOX_HEIGHT + 34
_MARGIN, _HEAD = 24, 104
_LEAST_WIDTH = 480
_TITLE_LIMIT, _LINE_LIMIT = 64, 30

# Okabe and Ito's palette, which colour-blind people can tell apart; light and dark.
_CLASSES = (
    ("int8", "8-bit integers", "#cfe8f7", "#0072b2", "#0c3a57", "#56b4e9"),
    ("int16", "16-bit integers", "#d2efe4", "#009e73", "#0b3f31", "#2bd0a0"),
    ("float", "float", "#fbdcc8", "#d55e00", "#542a0d", "#ff9a4d"),
    ("mixed", "converts, or several types", "#f6e3f0", "#b0578d", "#47233a", "#e08fc0"),
    ("other", "other", "#e8e8e8", "#6b6b6b", "#333333", "#a5a5a5"),
)
_BYTES = frozenset({"int8", "uint8", "int4", "uint4", "int2"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """One operator, input or output: its class, two lines and a longer text."""

    kind: str
    first: str
    second: str
    hint: str
    is_end: bool = False


def draw(graph: Graph, *, title: str) -> str:
    """Return an SVG of the subgraphs, one below the other, with a legend.

    It follows the light or dark scheme of whoever shows it. All text is escaped.
    """
    parts: list[str] = []
    drawings = [_boxes(subgraph) for subgraph in graph.subgraphs]
    layouts = [
        lay_out(list(boxes), _edges(subgraph))
        for subgraph, boxes in zip(graph.subgraphs, drawings, strict=True)
    ]
    used = {box.kind for boxes in drawings for box in boxes.values()}
    legend, width = _legend(used)
    width = max(width, _LEAST_WIDTH, *(_width(layout) for layout in layouts))
    top = _HEAD
    for index, (layout, boxes) in enumerate(zip(layouts, drawings, strict=True)):
        if len(layouts) > 1:
            parts.append(_text(_MARGIN, top + 14, f"subgraph {index}", "t"))
            top += 28
        left = (width - _width(layout)) // 2 + _MARGIN
        parts += _drawn(layout, boxes, left=left, top=top)
        top += layout.rows * _STEP_Y
    height = top + _MARGIN - (_STEP_Y - _BOX_HEIGHT)
    return "\n".join(
        [
            _opening(width, height),
            f"<title>{_safe(title)}</title>",
            f"<style>{_style()}</style>",
            f'<rect class="page" width="{width}" height="{height}"/>',
            _text(_MARGIN, 34, _short(title, _TITLE_LIMIT), "h"),
            _text(_MARGIN, 56, _short(label(graph).text, _TITLE_LIMIT), "t"),
            *legend,
            *parts,
            "</svg>",
            "",
        ]
    )


def _boxes(subgraph: SubGraph) -> dict[int, _Box]:
    """Return the boxes by number: inputs, operators, outputs, in an order of flow."""
    count = len(subgraph.operators)
    boxes = {
        count + position: _end(subgraph.tensors[index], "input")
        for position, index in enumerate(subgraph.inputs)
    }
    for operator in subgraph.operators:
        boxes[operator.index] = _operator(subgraph, operator)
    base = count + len(subgraph.inputs)
    for position, index in enumerate(subgraph.outputs):
        boxes[base + position] = _end(subgraph.tensors[index], "output")
    return boxes


def _edges(subgraph: SubGraph) -> list[tuple[int, int]]:
    count = len(subgraph.operators)
    makers = {index: count + place for place, index in enumerate(subgraph.inputs)}
    edges = []
    for operator in subgraph.operators:
        edges += [(makers[i], operator.index) for i in operator.inputs if i in makers]
        makers.update((index, operator.index) for index in operator.outputs)
    base = count + len(subgraph.inputs)
    for place, index in enumerate(subgraph.outputs):
        if index in makers:
            edges.append((makers[index], base + place))
    return edges


def _operator(subgraph: SubGraph, operator: Operator) -> _Box:
    tensors = [t for t in subgraph.inputs_of(operator) if t is not None]
    outputs = subgraph.outputs_of(operator)
    kinds = {_kind(t) for t in (*tensors, *outputs) if not t.is_constant}
    kinds.discard("other")
    macs = operator_macs(subgraph, operator)
    weights = [t.type for t in tensors if t.is_constant and len(t.shape) > 1]
    second = ", ".join(_shaped(t) for t in outputs)
    hint = [
        f"operator {operator.index}: {operator.name}, version {operator.version}",
        *[f"in {t.name} {_shaped(t)}" for t in tensors],
        *[f"out {t.name} {_shaped(t)}" for t in outputs],
        *([f"{macs:,} MACs"] if macs else []),
    ]
    suffix = (
        f" · {weights[0]} weights" if weights and _hybrid(kinds, weights[0]) else ""
    )
    return _Box(
        kind=kinds.pop() if len(kinds) == 1 else ("mixed" if kinds else "other"),
        first=f"{operator.index}  {operator.name}",
        second=f"{second}{suffix}",
        hint="\n".join(hint),
    )


def _hybrid(kinds: set[str], weight: str) -> bool:
    return kinds == {"float"} and weight in _BYTES


def _end(tensor: Tensor, word: str) -> _Box:
    return _Box(
        kind=_kind(tensor),
        first=word,
        second=_shaped(tensor),
        hint=f"{word} {tensor.name} {_shaped(tensor)}",
        is_end=True,
    )


def _kind(tensor: Tensor) -> str:
    if tensor.type in FLOATS:
        return "float"
    if tensor.type in _BYTES and tensor.quantization is not None:
        return "int8"
    if tensor.type == "int16" and tensor.quantization is not None:
        return "int16"
    return "other"


def _shaped(tensor: Tensor) -> str:
    return f"{tensor.type}[{','.join(str(size) for size in tensor.shape)}]"


def _opening(width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">'
    )


def _width(layout: Layout) -> int:
    return round(layout.columns * _STEP_X) - (_STEP_X - _BOX) + 2 * _MARGIN


def _drawn(
    layout: Layout, boxes: Mapping[int, _Box], *, left: int, top: int
) -> Iterator[str]:
    for (a, b), path in layout.paths.items():
        points = [(layout.column[a], layout.row[a], _BOX_HEIGHT)]
        points += [(column, row, 0) for column, row in path]
        points.append((layout.column[b], layout.row[b], 0))
        yield _line(points, left=left, top=top)
    for number, box in boxes.items():
        x = left + layout.column[number] * _STEP_X
        y = top + layout.row[number] * _STEP_Y
        radius = _BOX_HEIGHT / 2 if box.is_end else 6
        middle = x + _BOX / 2
        yield (
            f'<g class="{box.kind}"><title>{_safe(box.hint)}</title>'
            f'<rect x="{x:.1f}" y="{y}" width="{_BOX}" height="{_BOX_HEIGHT}" '
            f'rx="{radius:g}"/>'
            + _text(middle, y + 20, _short(box.first, _LINE_LIMIT), "n")
            + _text(middle, y + 36, _short(box.second, _LINE_LIMIT), "s")
            + "</g>"
        )


def _line(points: list[tuple[float, int, int]], *, left: int, top: int) -> str:
    """Return a smooth line through the places, downward all the way."""
    spots = [
        (left + column * _STEP_X + _BOX / 2, top + row * _STEP_Y + below)
        for column, row, below in points
    ]
    x, y = spots[0]
    commands = [f"M{x:.1f} {y:.0f}"]
    for next_x, next_y in spots[1:]:
        middle = (y + next_y) / 2
        commands.append(
            f"C{x:.1f} {middle:.0f} {next_x:.1f} {middle:.0f} {next_x:.1f} {next_y:.0f}"
        )
        x, y = next_x, next_y
        if (next_x, next_y) != spots[-1]:
            y = next_y + _BOX_HEIGHT
            commands.append(f"L{x:.1f} {y:.0f}")
    return f'<path class="e" d="{"".join(commands)}"/>'


def _legend(used: set[str]) -> tuple[list[str], int]:
    """Return the classes that are there, and the width that they take."""
    x = float(_MARGIN)
    parts = []
    for name, words, *_ in _CLASSES:
        if name in used:
            parts.append(
                f'<g class="{name}"><rect x="{x:.0f}" y="72" width="14" height="14" '
                f'rx="3"/>{_text(x + 20, 84, words, "l")}</g>'
            )
            x += 40 + 6.6 * len(words)
    return parts, round(x) + _MARGIN


def _style() -> str:
    light = [
        f".{name} rect{{fill:{fill};stroke:{line}}}"
        for name, _, fill, line, *_ in _CLASSES
    ]
    dark = [
        f".{name} rect{{fill:{fill};stroke:{line}}}"
        for name, *_, fill, line in _CLASSES
    ]
    return (
        "text{font-family:system-ui,sans-serif;fill:#1c1c1c}"
        ".page{fill:#ffffff}.h{font-size:18px;font-weight:600}.t{font-size:13px}"
        ".n{font-size:12px;font-weight:600;text-anchor:middle}"
        ".s{font-size:10.5px;text-anchor:middle}.l{font-size:12px}"
        ".e{fill:none;stroke:#8a8a8a;stroke-width:1.4}"
        + "".join(light)
        + "@media (prefers-color-scheme:dark){text{fill:#ececec}.page{fill:#161616}"
        + ".e{stroke:#8f8f8f}"
        + "".join(dark)
        + "}"
    )


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:g}">{_safe(text)}</text>'


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _safe(text: str) -> str:
    """Return text for XML, which has no way to write most control characters."""
    return escape(printable(text, keep_lines=True))
