"""Where each operator stands in a picture: in rows, joined lines as straight as can be.

A layered layout: an operator stands one row below the lowest of those it reads from.
Lines that skip rows get a place in each of them, and a few sweeps order each row by
the average place of its neighbours, so that few lines cross (Sugiyama, Tagawa, Toda,
"Methods for visual understanding of hierarchical system structures", 1981).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SWEEPS = 8
_LONGEST = 60  # rows that a line is led around; beyond it goes straight
_WIDEST = 8  # boxes in a row; more go into the rows below
_GAP = 0.15  # of a box, between two places of which one is only a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Places in units of boxes: `row` from 0 down, `column` from 0 to the right.

    `paths` are the places that a line goes through between its ends.
    """

    row: Mapping[int, int]
    column: Mapping[int, float]
    paths: Mapping[tuple[int, int], tuple[tuple[float, int], ...]]
    columns: float
    rows: int


def lay_out(nodes: Sequence[int], edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out *nodes*; an edge leads from one to a later one in their order."""
    order = {node: position for position, node in enumerate(nodes)}
    edges = [(a, b) for a, b in dict.fromkeys(edges) if order[a] < order[b]]
    row = dict.fromkeys(nodes, 0)
    into: dict[int, list[int]] = {node: [] for node in nodes}
    for a, b in edges:
        into[b].append(a)
    room = _Room()
    for node in nodes:
        row[node] = room.take(max((row[a] + 1 for a in into[node]), default=0))
    chains = _chains(edges, row, first=max(nodes, default=0) + 1)
    rows = _rows(nodes, row, chains)
    _order(rows, edges, chains)
    place = _columns(rows, real=set(nodes))
    return Layout(
        row=row,
        column={node: place[node] for node in nodes},
        paths={
            edge: tuple((place[dummy], at) for dummy, at in chain)
            for edge, chain in chains.items()
        },
        columns=max(place.values(), default=0.0) + 1,
        rows=len(rows),
    )


class _Room:
    """Rows that are not full yet."""

    def __init__(self) -> None:
        self._used: dict[int, int] = {}
        self._next: dict[int, int] = {}  # of a full row: one further down

    def take(self, row: int) -> int:
        """Return the first row from *row* down with room for a box, and take it."""
        passed = []
        while row in self._next:
            passed.append(row)
            row = self._next[row]
        for full in passed:
            self._next[full] = row
        self._used[row] = self._used.get(row, 0) + 1
        if self._used[row] == _WIDEST:
            self._next[row] = row + 1
        return row


def _chains(
    edges: Sequence[tuple[int, int]], row: Mapping[int, int], *, first: int
) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Give each line a place of its own in every row that it skips."""
    chains: dict[tuple[int, int], list[tuple[int, int]]] = {}
    number = first
    for a, b in edges:
        between = range(row[a] + 1, row[b])
        if len(between) > _LONGEST:
            between = range(0)
        chains[a, b] = [(number + index, at) for index, at in enumerate(between)]
        number += len(between)
    return chains


def _rows(
    nodes: Sequence[int],
    row: Mapping[int, int],
    chains: Mapping[tuple[int, int], list[tuple[int, int]]],
) -> list[list[int]]:
    rows: list[list[int]] = [[] for _ in range(max(row.values(), default=-1) + 1)]
    for node in nodes:
        rows[row[node]].append(node)
    for chain in chains.values():
        for dummy, at in chain:
            rows[at].append(dummy)
    return rows


def _order(
    rows: list[list[int]],
    edges: Sequence[tuple[int, int]],
    chains: Mapping[tuple[int, int], list[tuple[int, int]]],
) -> None:
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for a, b in edges:
        stops = [a, *(dummy for dummy, _ in chains[a, b]), b]
        for upper, lower in pairwise(stops):
            below.setdefault(upper, []).append(lower)
            above.setdefault(lower, []).append(upper)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        sequence = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        place = _centred(rows)
        for at in sequence:
            rows[at].sort(key=lambda node: _average(node, neighbours, place))
            place.update(_centred([rows[at]]))


def _average(
    node: int, neighbours: Mapping[int, list[int]], place: Mapping[int, float]
) -> float:
    found = [place[other] for other in neighbours.get(node, ())]
    return sum(found) / len(found) if found else place[node]


def _centred(rows: Sequence[Sequence[int]]) -> dict[int, float]:
    return {
        node: index - (len(row) - 1) / 2
        for row in rows
        for index, node in enumerate(row)
    }


def _columns(rows: Sequence[Sequence[int]], *, real: set[int]) -> dict[int, float]:
    """Return each place; a line needs less room than a box, rows are centred."""
    place: dict[int, float] = {}
    widths = []
    for row in rows:
        at = 0.0
        for node in row:
            place[node] = at
            at += 1.0 if node in real else _GAP
        widths.append(at)
    widest = max(widths, default=1.0)
    for row, width in zip(rows, widths, strict=True):
        for node in row:
            place[node] += (widest - width) / 2
            if node not in real:
                place[node] -= 0.5 - _GAP / 2
    low = min(place.values(), default=0.0)
    return {node: at - low for node, at in place.items()}
