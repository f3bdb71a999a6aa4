"""Results as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from hil.printable import printable
from hil.report import accuracy, figures
from hil.report.plain_table import PlainTable
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from hil.accuracy.rating import Rating
    from hil.vocab import Latency, Result

    _Cells = tuple[tuple[str, ...], ...]  # of a row; each figure has up to two parts
    Ratings = Mapping[tuple[str, str, str | None], Rating]

_COLUMNS = ("variant", "device", "latency", "memory", "accuracy", "equals host")
_GAP = 2  # characters between columns, and between the two parts of a figure


def render(
    results: Sequence[Result], *, width: int, ratings: Ratings | None = None
) -> RenderableType:
    """Return a table for each model, and below it what did not run and why.

    *width* is the terminal's, in characters. *ratings* are the values of rows whose
    metric is no share of right answers, which a result does not hold.
    """
    models: dict[str, list[Result]] = {}
    for result in results:
        models.setdefault(result.model, []).append(result)
    parts: list[RenderableType] = []
    for model, rows in models.items():
        parts += [
            _table(model, rows, width, ratings or {}),
            *_problems(rows),
            *_doubts(rows),
            *_retries(rows),
        ]
    parts += _basis_notes(results)
    return Group(*parts)


def _table(
    model: str, results: Sequence[Result], width: int, ratings: Ratings
) -> PlainTable:
    table = PlainTable(title=_text(model), title_justify="left")
    for name in _COLUMNS:
        right = name in {"latency", "memory", "accuracy"}
        table.add_column(name, justify="right" if right else "left")
    rows = [_cells(result, ratings) for result in results]
    # Where a row does not fit, the second part of each figure gets a line of its own.
    joint = " " * _GAP if _one_line_width(rows) <= width else "\n"
    for result, row in zip(results, rows, strict=True):
        cells = (joint.join(part for part in cell if part) for cell in row)
        table.add_row(*(_text(cell) for cell in cells), style=_style(result))
    return table


def _one_line_width(rows: Sequence[_Cells]) -> int:
    """Return how many characters the longest row would take."""
    widths = [
        max(
            cell_len((" " * _GAP).join(filter(None, cell)))
            for cell in (*column, (name,))
        )
        for name, column in zip(_COLUMNS, zip(*rows, strict=True), strict=True)
    ]
    return sum(widths) + _GAP * (len(widths) - 1)


def _cells(result: Result, ratings: Ratings) -> _Cells:
    latency = result.latency
    rated = ratings.get((result.model, result.variant, result.place))
    judged = figures.accuracy(result.accuracy)
    if result.accuracy is None and rated is not None:
        value, interval = accuracy.rating(rated)
        judged = f"{rated.metric} {value}", interval
    return (
        (result.variant, figures.size(result.size_bytes)),
        (result.place, figures.status(result.status)),
        _latency(latency) if latency is not None else (figures.ABSENT,),
        figures.memory(result),
        judged,
        figures.agreement(result.agreement),
    )


def _latency(latency: Latency) -> tuple[str, str]:
    basis = figures.BASIS_NAMES[latency.basis]
    # Too few runs have no 90th percentile, and a dash beside the median says nothing.
    known = latency.p90 is not None or latency.p95 is not None
    head = (figures.median(latency), figures.tail(latency) if known else "")
    detail = (figures.interval(latency), f"n={latency.n}", figures.cycles(latency))
    return (
        ", ".join(part for part in head if part),
        ", ".join(part for part in (*detail, basis) if part),
    )


def _style(result: Result) -> str:
    return "" if result.status is RunStatus.OK else "yellow"


def _problems(results: Sequence[Result]) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for result in results:
        if result.status is RunStatus.OK:
            continue
        head = f"{result.variant} on {result.place}: {figures.status(result.status)}"
        lines.append(_text(f"\n{head}", style="bold yellow"))
        problem = printable(result.problem or "no reason was given", keep_lines=True)
        lines.append(Padding(Text(problem), (0, 0, 0, 2), expand=False))
    return lines


def _doubts(results: Sequence[Result]) -> list[RenderableType]:
    return [
        _text(f"{result.variant} on {result.place}: {doubt}", style="yellow")
        for result in results
        if result.latency is not None
        for doubt in result.latency.doubts
    ]


def _retries(results: Sequence[Result]) -> list[RenderableType]:
    return [
        _text(f"{result.variant} on {result.place}: tried again: {retry}")
        for result in results
        for retry in result.retries
    ]


def _basis_notes(results: Sequence[Result]) -> list[RenderableType]:
    bases = dict.fromkeys(r.latency.basis for r in results if r.latency)
    notes = [
        figures.BASIS_NOTES[basis] for basis in bases if basis in figures.BASIS_NOTES
    ]
    return [_text(f"\n{note}", style="dim") for note in notes]


def _text(text: str, style: str = "") -> Text:
    # Text, not str: names come from files, and rich would read [markup] in them.
    return Text(printable(text, keep_lines=True), style=style)
