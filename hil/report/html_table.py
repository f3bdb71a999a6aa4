"""The cells of the page's table: what a reader sees, and what the column sorts by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.report import figures
from hil.report.plots.pareto import accuracy_text
from hil.vocab import RunStatus, TimeBasis

if TYPE_CHECKING:
    from hil.report.rows import Row
    from hil.vocab import Latency

HEADS: Final = (
    *("model", "variant", "device", "status", "latency", "memory", "accuracy"),
    "equals host",
)
# Figures of one basis stand together in every order; they are never ranked as one.
_BASES: Final = tuple(TimeBasis)
_MEMORIES: Final = ("arena_bytes", "peak_rss_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The figure, the line below it, and the key of the order.

    `group` parts cells that cannot be ranked against each other; `sort` is None where
    nothing was measured, which comes last in every order.
    """

    text: str
    detail: str = ""
    sort: float | str | None = None
    group: int = 0


def cells(row: Row) -> tuple[Cell, ...]:
    """Return the cells of a row, in the order of HEADS."""
    result = row.result
    state = figures.status(result.status)
    return (
        _words(result.model),
        Cell(
            text=result.variant,
            detail=figures.size(result.size_bytes),
            sort=result.variant.casefold(),
        ),
        Cell(
            text=result.place, detail=result.engine or "", sort=result.place.casefold()
        ),
        Cell(
            text=state,
            detail=f"{result.windows} windows",
            sort=list(RunStatus).index(result.status),
        ),
        _latency(row),
        _memory(row),
        _score(row),
        _agreement(row),
    )


def _words(text: str) -> Cell:
    return Cell(text=text, sort=text.casefold())


def _latency(row: Row) -> Cell:
    latency = row.result.latency
    if latency is None:
        return Cell(text=figures.ABSENT)
    known = latency.p90 is not None or latency.p95 is not None
    parts = (
        figures.interval(latency),
        figures.tail(latency) if known else "",
        f"n={latency.n:,}",
        figures.cycles(latency),
        _basis(latency),
    )
    return Cell(
        text=figures.median(latency),
        detail=", ".join(filter(None, parts)),
        sort=latency.median,
        group=_BASES.index(latency.basis),
    )


def _memory(row: Row) -> Cell:
    text, detail = figures.memory(row.result)
    name = next((name for name in _MEMORIES if name in row.result.memory), None)
    if name is None:
        return Cell(text=text)
    sort = row.result.memory[name]
    return Cell(text=text, detail=detail, sort=sort, group=_MEMORIES.index(name))


def _score(row: Row) -> Cell:
    if row.score is None:
        return Cell(text=figures.ABSENT)
    value, interval, metric = accuracy_text(row.score)
    return Cell(text=value, detail=f"{interval}, {metric}", sort=row.score.value)


def _agreement(row: Row) -> Cell:
    found = row.result.agreement
    if found is None:
        return Cell(text=figures.ABSENT)
    text, detail = figures.agreement(found)
    same, _, reference = text.partition(" = ")
    told = ", ".join(filter(None, (f"= {reference}" if reference else "", detail)))
    return Cell(text=same, detail=told, sort=found.identical / found.n)


def _basis(latency: Latency) -> str:
    """Return the basis; empty where the unit of each figure tells it."""
    counted = latency.basis is TimeBasis.EMULATED_INSTRUCTIONS
    return "" if counted else figures.BASIS_NAMES[latency.basis]
