"""What moves with time: temperatures in a run, and figures from run to run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.report import accuracy, evidence, figures
from hil.report.plots.axes import BOTTOM, LEFT, RIGHT, TOP, Axis, framed
from hil.report.plots.bars import part_name
from hil.report.plots.drawing import Plot, key, numbered
from hil.report.plots.pareto import accuracy_text
from hil.report.plots.scale import fitted, latency_axis, short, tick_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.report.rows import Row, Run
    from hil.vocab import TimeBasis

_FEWEST: Final = 2
_MOST_MARKS: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A figure of one run, with its interval where it has one."""

    run: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One figure of the rows with the same key, from run to run."""

    title: str
    axis: str
    tick: Callable[[float], str]
    moments: tuple[Moment, ...]

    @property
    def is_flat(self) -> bool:
        """Whether every run has the same value and interval: nothing to draw."""
        return len({(m.value, m.low, m.high) for m in self.moments}) == 1


def temperature(device: str, rows: Sequence[Row], *, name: str) -> Plot | None:
    """Return the readings of one device by variant; None where there are none.

    All rows share one clock, which begins with the first window of any.
    """
    first = min(row.started_utc for row in rows)
    starts = {row.key: evidence.temperatures(row.records) for row in rows}
    found = [
        (row, reading, since + reading.seconds)
        for row in rows
        for since in [_since(first, row)]
        for reading in starts[row.key]
    ]
    if not found:
        return None
    x = fitted([at for _, _, at in found], start=LEFT, end=RIGHT, from_zero=True)
    y = fitted([r.celsius for _, r, _ in found], start=BOTTOM, end=TOP)
    told_of = (evidence.thermometer(row.records) for row in rows)
    which = next(filter(None, told_of), "")
    drawing = framed(
        Axis(scale=x, name="seconds from the first window", text=short),
        Axis(
            scale=y, name=f"temperature, \u00b0C{which and f' ({which})'}", text=short
        ),
    )
    series = numbered(row.result.variant for row in rows)
    step = -(-len(found) // _MOST_MARKS)
    for row, reading, at in found[::step]:
        drawing.mark(
            (x.at(at), y.at(reading.celsius)),
            series[row.result.variant],
            f"{row.result.variant}, window {reading.window}: "
            f"{reading.celsius:.1f} \u00b0C",
        )
    title = f"Temperature of {device}"
    told = f"{len(found)} readings over the run, one mark each."
    return Plot(
        title=title,
        description=told,
        drawing=drawing.finish(title=title, description=told, name=name),
        head=("seconds", "variant", "window", "\u00b0C"),
        rows=tuple(
            (f"{at:.1f}", row.result.variant, str(r.window), f"{r.celsius:.1f}")
            for row, r, at in found[::step]
        ),
        legend=tuple((key(number), text) for text, number in series.items()),
        note=f"Every {step}. reading is shown." if step > 1 else "",
    )


def history(runs: Sequence[Run]) -> list[Course]:
    """Return what the newest run shares with earlier ones, a course a figure.

    Latencies of another basis begin another course; *runs* come with the newest last.
    """
    known: dict[tuple[str, ...], list[tuple[Run, Row]]] = {}
    for run in runs:
        for row in run.rows:
            known.setdefault(row.key, []).append((run, row))
    courses: list[Course] = []
    for row in runs[-1].rows:
        pairs = known[row.key]
        if len(pairs) >= _FEWEST:
            courses += _courses(row, pairs)
    return courses


def course(found: Course, *, name: str) -> Plot:
    """Return one figure over the runs; each run has the same room."""
    last = len(found.moments) - 1
    x = fitted([0, last], start=LEFT + 8, end=RIGHT - 8)
    ends = [
        end
        for m in found.moments
        for end in (m.value, m.low, m.high)
        if end is not None
    ]
    y = fitted(ends, start=BOTTOM, end=TOP)
    drawing = framed(
        Axis(
            scale=x,
            name="runs, the newest last",
            text=lambda value: _run_label(found.moments, value),
        ),
        Axis(scale=y, name=found.axis, text=found.tick),
    )
    places = [(x.at(i), y.at(m.value)) for i, m in enumerate(found.moments)]
    drawing.path(places, "front c0")
    for moment, here in zip(found.moments, places, strict=True):
        if moment.low is not None and moment.high is not None:
            ends_at = [(here[0], y.at(end)) for end in (moment.low, moment.high)]
            drawing.line(ends_at[0], ends_at[1], "whisker c0")
        drawing.mark(here, 0, f"{moment.run}: {moment.text}")
    told = f"{found.axis} in {len(found.moments)} runs, with its interval."
    return Plot(
        title=found.title,
        description=told,
        drawing=drawing.finish(title=found.title, description=told, name=name),
        head=("run", found.axis),
        rows=tuple((moment.run, moment.text) for moment in found.moments),
    )


def _since(first: str, row: Row) -> float:
    """Return how long after *first*, a time, the first record of *row* began."""
    try:
        moments = [dt.datetime.fromisoformat(text) for text in (first, row.started_utc)]
    except ValueError:
        return 0.0
    return (moments[1] - moments[0]).total_seconds()


def _courses(row: Row, pairs: Sequence[tuple[Run, Row]]) -> list[Course]:
    result = row.result
    where = f"{result.model} {result.variant} on {result.place}"
    found: list[Course] = []
    if result.latency is not None:
        basis = result.latency.basis
        found.append(
            Course(
                title=f"Latency of {where}",
                axis=latency_axis(basis),
                tick=lambda value: tick_text(value, basis),
                moments=_latencies(pairs, basis),
            )
        )
    if row.score is not None:
        metric = row.score.metric
        found.append(
            Course(
                title=f"{metric} of {where}",
                axis=f"{metric} with its 95 % interval",
                tick=lambda value: accuracy.value(value, metric),
                moments=_scores(pairs, metric),
            )
        )
    name = next(
        (n for n in ("arena_bytes", "peak_rss_bytes") if n in result.memory), None
    )
    if name is not None:
        found.append(
            Course(
                title=f"Memory of {where}",
                axis=f"{part_name(name)}, bytes",
                tick=short,
                moments=_sizes(pairs, name),
            )
        )
    return [course for course in found if len(course.moments) >= _FEWEST]


def _latencies(
    pairs: Sequence[tuple[Run, Row]], basis: TimeBasis
) -> tuple[Moment, ...]:
    moments = []
    for run, row in pairs:
        latency = row.result.latency
        if latency is None or latency.basis is not basis or latency.median is None:
            continue
        parts = (figures.median(latency), figures.interval(latency), f"n={latency.n}")
        moments.append(
            Moment(
                run=run.name,
                value=latency.median,
                low=latency.low,
                high=latency.high,
                text=", ".join(filter(None, parts)),
            )
        )
    return tuple(moments)


def _scores(pairs: Sequence[tuple[Run, Row]], metric: str) -> tuple[Moment, ...]:
    return tuple(
        Moment(
            run=run.name,
            value=row.score.value,
            low=row.score.low,
            high=row.score.high,
            text=", ".join(accuracy_text(row.score)),
        )
        for run, row in pairs
        if row.score is not None and row.score.metric == metric
    )


def _sizes(pairs: Sequence[tuple[Run, Row]], name: str) -> tuple[Moment, ...]:
    return tuple(
        Moment(
            run=run.name,
            value=row.result.memory[name],
            text=figures.size(row.result.memory[name]),
        )
        for run, row in pairs
        if name in row.result.memory
    )


def _run_label(moments: Sequence[Moment], value: float) -> str:
    """Return the number of a run, counted from 1; ticks between runs have none."""
    index = round(value)
    is_run = abs(value - index) < 1e-6 and 0 <= index < len(moments)  # noqa: PLR2004
    return str(index + 1) if is_run else ""
