"""Latency distributions: one lane a row, all lanes of one time basis on one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.report import figures
from hil.report.plots.axes import Axis, below
from hil.report.plots.drawing import WIDTH, Drawing, Plot
from hil.report.plots.scale import Scale, fitted, latency_axis, tick_text
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.report.rows import Row
    from hil.vocab import Latency

MOST_LANES: Final = 24
_LANE: Final = 52.0
_TOP: Final = 6.0
_HILL: Final = 20.0  # the height of the highest bin
_BINS: Final = 132
_HISTOGRAM_BINS: Final = 42
_HISTOGRAM_HEIGHT: Final = 130.0
_HEAD: Final = (
    "variant",
    "device",
    "n",
    "min",
    "median",
    "95 % interval",
    "tail",
    "max",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    row: Row
    latency: Latency
    values: list[float]  # of single runs; empty where only statistics are known


def plot(model: str, basis: TimeBasis, rows: Sequence[Row], *, name: str) -> Plot:
    """Return the lanes of *rows*, all of which have a latency of that basis."""
    lanes = [_lane(row) for row in rows[:MOST_LANES]]
    ends = [end for lane in lanes for end in _ends(lane.latency)]
    scale = fitted(ends, start=14, end=WIDTH - 14, may_be_log=True)
    bottom = _TOP + _LANE * len(lanes)
    drawing = Drawing(height=bottom + 44)
    kind = ", logarithmic" if scale.is_log else ""
    axis = Axis(
        scale=scale,
        name=f"{latency_axis(basis)}{kind}",
        text=lambda value: tick_text(value, basis),
    )
    below(drawing, axis, bottom=bottom, top=_TOP)
    for index, lane in enumerate(lanes):
        _draw(drawing, lane, scale=scale, top=_TOP + _LANE * index)
    title = f"Latency of {model}, {figures.BASIS_NAMES[basis]}"
    told = (
        f"One lane for each of {len(lanes)} rows: how its runs are spread, from the "
        "fastest to the slowest, with the median and its 95 % interval."
    )
    left = len(rows) - len(lanes)
    return Plot(
        title=title,
        description=told,
        drawing=drawing.finish(title=title, description=told, name=name),
        head=_HEAD,
        rows=tuple(_line(row) for row in rows),
        note=f"{left} further rows are in the table only." if left else "",
    )


def histogram(row: Row, *, name: str) -> Plot | None:
    """Return how the single runs of *row* are spread; None where they are not known.

    The slowest hundredth is told, and not drawn: one of them would flatten the rest.
    """
    latency, values = row.result.latency, sorted(_values(row))
    counted = row.result.time_basis is TimeBasis.EMULATED_INSTRUCTIONS
    if latency is None or not values or (counted and values[0] == values[-1]):
        return None
    most = values[min(len(values) - 1, int(0.99 * len(values)))]
    drawn = [value for value in values if value <= most]
    scale = fitted([values[0], most], start=14, end=WIDTH - 14)
    drawing = Drawing(height=_HISTOGRAM_HEIGHT + 44)
    basis = latency.basis
    axis = Axis(
        scale=scale,
        name=f"{latency_axis(basis)} (n={len(values):,})",
        text=lambda value: tick_text(value, basis),
    )
    below(drawing, axis, bottom=_HISTOGRAM_HEIGHT, top=8)
    counts = _counts(drawn, scale, bins=_HISTOGRAM_BINS)
    width = (scale.end - scale.start) / _HISTOGRAM_BINS
    for index, count in enumerate(counts):
        tall = (_HISTOGRAM_HEIGHT - 14) * count / max(counts)
        corner = scale.start + index * width, _HISTOGRAM_HEIGHT - tall
        if count:
            drawing.rect(
                corner,
                width=width - 0.8,
                height=tall,
                cls="bar c0",
                tip=f"{count} runs",
            )
    title = f"Runs of {row.result.variant} on {row.result.place}"
    beyond = len(values) - len(drawn)
    slowest = figures.value(values[-1], basis)
    note = f"{beyond} slower runs, up to {slowest}, are not drawn." if beyond else ""
    told = f"A histogram of {len(drawn)} runs. {note}".strip()
    return Plot(
        title=title,
        description=told,
        drawing=drawing.finish(title=title, description=told, name=name),
        head=_HEAD,
        rows=(_line(row),),
        note=note,
    )


def _lane(row: Row) -> _Lane:
    assert row.result.latency is not None
    return _Lane(row=row, latency=row.result.latency, values=_values(row))


def _values(row: Row) -> list[float]:
    if not any(record.timing for record in row.records):
        return []
    return [value for window in row.windows() for value in window]


def _ends(latency: Latency) -> list[float]:
    parts = (latency.min, latency.median, latency.max)
    # A logarithmic axis has no zero; a timer's step of 1 us may well read as 0.
    return [part for part in parts if part is not None and part > 0] or [1.0]


def _draw(drawing: Drawing, lane: _Lane, *, scale: Scale, top: float) -> None:
    latency, result = lane.latency, lane.row.result
    base = top + _LANE - 12
    drawing.heading(
        top + 13, f"{result.variant} on {result.place}", figures.median(latency)
    )
    if latency.min is not None and latency.max is not None:
        drawing.line(
            (scale.at(latency.min), base), (scale.at(latency.max), base), "range"
        )
    if lane.values:
        drawing.path(_hill(lane.values, scale, base=base), "hill")
    if latency.low is not None and latency.high is not None:
        left, right = scale.at(latency.low), scale.at(latency.high)
        drawing.rect(
            (left, base - 3),
            width=max(right - left, 1.5),
            height=6,
            cls="interval",
            tip=figures.interval(latency),
        )
    if latency.median is not None:
        x = scale.at(latency.median)
        drawing.line((x, base - 8), (x, base + 7), "median")
    slow = latency.p90 if latency.p90 is not None else latency.p95
    if slow is not None:
        x = scale.at(slow)
        drawing.line((x, base - 4), (x, base + 4), "tail")


def _hill(
    values: Sequence[float], scale: Scale, *, base: float
) -> list[tuple[float, float]]:
    """Return the outline of the bins, from the first that holds a run to the last."""
    counts = _counts(values, scale, bins=_BINS)
    held = [index for index, count in enumerate(counts) if count]
    width = (scale.end - scale.start) / _BINS
    points = [(scale.start + held[0] * width, base)]
    for index in range(held[0], held[-1] + 1):
        top = base - _HILL * counts[index] / max(counts)
        left = scale.start + index * width
        points += [(left, top), (left + width, top)]
    return _without_repeats([*points, (scale.start + (held[-1] + 1) * width, base)])


def _counts(values: Sequence[float], scale: Scale, *, bins: int) -> list[int]:
    counts = [0] * bins
    span = scale.end - scale.start
    for value in values:
        share = (scale.at(value) - scale.start) / span if value > 0 else 0.0
        counts[min(bins - 1, int(share * bins))] += 1
    return counts


def _without_repeats(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out what lies between two points at the same height: most of a hill."""
    kept = points[:1]
    for before, point, after in zip(points, points[1:], points[2:], strict=False):
        if not before[1] == point[1] == after[1]:
            kept.append(point)
    return [*kept, points[-1]]


def _line(row: Row) -> tuple[str, ...]:
    latency, result = row.result.latency, row.result
    assert latency is not None
    low, high = (
        figures.ABSENT if part is None else figures.value(part, latency.basis)
        for part in (latency.min, latency.max)
    )
    interval = figures.interval(latency) or figures.ABSENT
    over = f", {latency.interval_over}" if latency.interval_over else ""
    return (
        result.variant,
        result.place,
        f"{latency.n:,}",
        low,
        figures.median(latency),
        f"{interval}{over}",
        figures.tail(latency),
        high,
    )
