"""Runs as one HTML file that needs no network: table, plots, history, evidence.

The page's policy allows its own script and style only, by their hashes, so that no
text of a model or device could run even if it were not escaped.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.printable import printable
from hil.report import figures, html_evidence, html_table
from hil.report.page import asset, content_hash, environment
from hil.report.plots import bars, courses, pareto, spread
from hil.vocab import RunStatus, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hil.report.html_evidence import RowEvidence
    from hil.report.html_table import Cell
    from hil.report.plots.drawing import Plot
    from hil.report.rows import Row, Run

# A browser is slow to lay out more; the other formats hold every row.
MOST_ROWS: Final = 1000
MOST_DETAILS: Final = 300
MOST_COURSES: Final = 60
_MOST_PROFILES: Final = 12
_MOST_NAMES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    id: str
    title: str
    note: str
    plots: tuple[Plot, ...] = ()
    flat: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Detail:
    anchor: str
    title: str
    status: str
    problem: str
    doubts: tuple[str, ...]
    retries: tuple[str, ...]
    histogram: Plot | None
    evidence: RowEvidence


def render(runs: Sequence[Run]) -> str:
    """Return the page of the last of *runs*; earlier ones are its history."""
    run = runs[-1]
    names = (f"plot-{number}" for number in itertools.count(1))
    rows = run.rows[:MOST_ROWS]
    template = environment().get_template("report.html.j2")
    script, style = (asset(name) for name in ("report.js", "report.css"))
    return template.render(
        title=printable(run.name),
        policy=f"default-src 'none'; script-src {content_hash(script)}; style-src "
        f"{content_hash(style)}; base-uri 'none'; form-action 'none'",
        script=script,
        style=style,
        overview=_overview(run),
        environment=html_evidence.facts(run.environment),
        problems=[
            (anchor, row) for anchor, row in _anchored(rows) if _has_problem(row)
        ],
        heads=html_table.HEADS,
        rows=[(anchor, row, _cells(row)) for anchor, row in _anchored(rows)],
        filters=_filters(rows),
        left_out=len(run.rows) - len(rows),
        basis_notes=_basis_notes(rows),
        sections=[s for s in _sections(runs, rows, names) if s.plots or s.flat],
        details=[
            _detail(anchor, row, names)
            for anchor, row in _anchored(rows[:MOST_DETAILS])
        ],
        detailed=min(len(rows), MOST_DETAILS),
        state=figures.status,
    )


def _sections(
    runs: Sequence[Run], rows: Sequence[Row], names: Iterator[str]
) -> list[_Section]:
    return [
        _Section(
            id="latency",
            title="Latency distributions",
            note="Hill: the single runs, where they are known. Bar: the 95 % interval "
            "of the median. Long tick: the median. Short tick: the 90th percentile, or "
            "the 95th where only that was printed. Each time basis has its own plot.",
            plots=_spreads(rows, names),
        ),
        _Section(
            id="pareto",
            title="What accuracy costs",
            note="Each mark is a variant on a device, with the 95 % interval of its "
            "accuracy. Latencies of different time bases never share a plot.",
            plots=_fronts(rows, names),
        ),
        _Section(
            id="memory",
            title="Memory maps",
            note="Flash and RAM by part, read from the image that ran.",
            plots=_memories(rows, names),
        ),
        _Section(
            id="layers",
            title="Operators",
            note="What each operator took, by the profile in the evidence. Timing each "
            "one slows the whole down, so their sum is no latency.",
            plots=tuple(
                bars.layers(row, layers, name=next(names))
                for row, layers in bars.profiled(rows)[:_MOST_PROFILES]
            ),
        ),
        _Section(
            id="temperature",
            title="Temperature",
            note="By the device's own thermometer.",
            plots=_temperatures(rows, names),
        ),
        _history(runs, names),
    ]


def _history(runs: Sequence[Run], names: Iterator[str]) -> _Section:
    found = courses.history(runs) if len(runs) > 1 else []
    moved = [one for one in found if not one.is_flat]
    left = len(moved) - MOST_COURSES
    more = f"; {left} more figures that changed are not drawn." if left > 0 else "."
    return _Section(
        id="history",
        title="History",
        note=f"{len(runs)} runs, the newest last{more}",
        plots=tuple(
            courses.course(one, name=next(names)) for one in moved[:MOST_COURSES]
        ),
        flat=tuple((one.title, one.moments[-1].text) for one in found if one.is_flat)[
            :MOST_ROWS
        ],
    )


def _spreads(rows: Sequence[Row], names: Iterator[str]) -> tuple[Plot, ...]:
    timed = [row for row in rows if row.result.latency is not None]
    groups = _grouped(timed, lambda row: (row.result.model, _basis(row)))
    return tuple(
        spread.plot(group[0].result.model, _basis(group[0]), group, name=next(names))
        for group in groups
    )


def _fronts(rows: Sequence[Row], names: Iterator[str]) -> tuple[Plot, ...]:
    judged = [
        row
        for row in rows
        if row.score is not None and row.result.status is RunStatus.OK
    ]
    plots: list[Plot | None] = []
    for group in _grouped(judged, lambda row: (row.result.model, _metric(row))):
        model = group[0].result.model
        plots.append(pareto.by_size(model, group, name=next(names)))
        timed = [row for row in group if row.result.latency is not None]
        plots += [
            pareto.by_latency(model, _basis(own[0]), own, name=next(names))
            for own in _grouped(timed, _basis)
        ]
    return tuple(plot for plot in plots if plot is not None)


def _memories(rows: Sequence[Row], names: Iterator[str]) -> tuple[Plot, ...]:
    plots = [
        bars.memory(region, group[0].result.model, group, name=next(names))
        for group in _grouped(rows, lambda row: row.result.model)
        for region in bars.MAPS
    ]
    return tuple(plot for plot in plots if plot is not None)


def _temperatures(rows: Sequence[Row], names: Iterator[str]) -> tuple[Plot, ...]:
    plots = [
        courses.temperature(group[0].result.device, group, name=next(names))
        for group in _grouped(rows, lambda row: row.result.device)
    ]
    return tuple(plot for plot in plots if plot is not None)


def _grouped(rows: Iterable[Row], group: Callable[[Row], object]) -> list[list[Row]]:
    found: dict[object, list[Row]] = {}
    for row in rows:
        found.setdefault(group(row), []).append(row)
    return list(found.values())


def _overview(run: Run) -> list[tuple[str, str, str]]:
    """Return what the page opens with: a name, a figure, and what it is of."""
    results = [row.result for row in run.rows]
    well = sum(result.status is RunStatus.OK for result in results)
    day, _, hour = run.started_utc.partition("+")[0].partition(".")[0].partition("T")
    records = sum(len(row.records) for row in run.rows)
    runs = sum(result.latency.n for result in results if result.latency)
    devices = list(dict.fromkeys(result.device for result in results))
    variants = list(dict.fromkeys((r.model, r.variant) for r in results))
    models = list(dict.fromkeys(result.model for result in results))
    return [
        ("Rows that are ok", f"{well} of {len(results)}", _states(run)),
        ("Models", str(len(models)), f"{len(variants)} variants"),
        ("Devices", str(len(devices)), _some(devices)),
        ("Timed runs", f"{runs:,}", f"{records:,} records"),
        ("Began", day or figures.ABSENT, f"{hour} UTC"),
    ]


def _some(names: Sequence[str]) -> str:
    told = ", ".join(names[:_MOST_NAMES])
    left = len(names) - _MOST_NAMES
    return printable(f"{told} and {left} more" if left > 0 else told)


def _states(run: Run) -> str:
    states = [row.result.status for row in run.rows]
    bad = [
        state for state in RunStatus if state in states and state is not RunStatus.OK
    ]
    return (
        ", ".join(f"{states.count(s)} {figures.status(s)}" for s in bad) or "all well"
    )


def _has_problem(row: Row) -> bool:
    result = row.result
    doubts = result.latency.doubts if result.latency else ()
    return result.status is not RunStatus.OK or bool(doubts or result.retries)


def _detail(anchor: str, row: Row, names: Iterator[str]) -> _Detail:
    result = row.result
    is_well = result.status is RunStatus.OK
    problem = "" if is_well else (result.problem or "no reason was given")
    return _Detail(
        anchor=anchor,
        title=printable(f"{result.model}, {result.variant} on {result.place}"),
        status="" if is_well else figures.status(result.status),
        problem=html_evidence.shown(problem),
        doubts=result.latency.doubts if result.latency else (),
        retries=tuple(html_evidence.shown(retry) for retry in result.retries),
        histogram=spread.histogram(row, name=next(names)),
        evidence=html_evidence.evidence(row),
    )


def _anchored(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    return [(f"row-{number}", row) for number, row in enumerate(rows, 1)]


def _cells(row: Row) -> list[tuple[str, Cell]]:
    return list(zip(html_table.HEADS, html_table.cells(row), strict=True))


def _filters(rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    """Return the columns that have a list to choose from, where there is a choice."""
    columns = [
        ("model", sorted({row.result.model for row in rows})),
        ("device", sorted({row.result.place for row in rows})),
        ("status", sorted({figures.status(row.result.status) for row in rows})),
    ]
    return [(name, values) for name, values in columns if len(values) > 1]


def _basis_notes(rows: Sequence[Row]) -> list[str]:
    bases = dict.fromkeys(
        row.result.latency.basis for row in rows if row.result.latency
    )
    return [figures.BASIS_NOTES[b] for b in bases if b in figures.BASIS_NOTES]


def _basis(row: Row) -> TimeBasis:
    assert row.result.latency is not None
    return row.result.latency.basis


def _metric(row: Row) -> str:
    assert row.score is not None
    return row.score.metric
