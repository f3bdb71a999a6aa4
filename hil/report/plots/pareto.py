"""What a variant costs against how right it is, and which ones none other beats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.accuracy.metrics import Kind, find_metric
from hil.report import accuracy, figures
from hil.report.plots.axes import BOTTOM, LEFT, RIGHT, TOP, Axis, framed
from hil.report.plots.drawing import Drawing, Plot, key, numbered
from hil.report.plots.scale import fitted, latency_axis, short, tick_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.accuracy.rating import Rating
    from hil.report.rows import Row
    from hil.vocab import Accuracy, TimeBasis

_FEWEST: Final = 2
_LABEL_HEIGHT: Final = 13.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    variant: str
    place: str
    cost: float
    cost_text: str
    score: Accuracy | Rating

    @property
    def score_text(self) -> str:
        return ", ".join(accuracy_text(self.score))


def by_size(model: str, rows: Sequence[Row], *, name: str) -> Plot | None:
    """Return size against the metric; None for fewer than two points.

    *rows* have one metric.
    """
    points = [
        _point(row, row.result.size_bytes, figures.size(row.result.size_bytes))
        for row in rows
    ]
    return _plot(
        points,
        title=f"Size and accuracy of {model}",
        cost="model file, bytes",
        text=short,
        name=name,
    )


def by_latency(
    model: str, basis: TimeBasis, rows: Sequence[Row], *, name: str
) -> Plot | None:
    """Return latency against the metric; all of *rows* have that basis and a metric."""
    points = []
    for row in rows:
        latency = row.result.latency
        assert latency is not None
        assert latency.basis is basis
        if latency.median is not None:
            told = filter(None, (figures.median(latency), figures.interval(latency)))
            text = f"{', '.join(told)}, n={latency.n}"
            points.append(_point(row, latency.median, text))
    return _plot(
        points,
        title=f"Latency and accuracy of {model}, {figures.BASIS_NAMES[basis]}",
        cost=latency_axis(basis),
        text=lambda value: tick_text(value, basis),
        name=name,
    )


def accuracy_text(score: Accuracy | Rating) -> tuple[str, str, str]:
    """Return a metric's value, its interval, and its name with n."""
    value, low, high = (
        accuracy.value(part, score.metric)
        for part in (score.value, score.low, score.high)
    )
    return value, f"{low.removesuffix(' %')} .. {high}", f"{score.metric}, n={score.n}"


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return which (cost, value) no other beats, by rising cost.

    A point is beaten by one that is no worse in both and better in one; of equal ones
    all stay.
    """
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    kept: list[int] = []
    for index in order:
        best = points[kept[-1]] if kept else None
        if best is None or points[index][1] > best[1] or points[index] == best:
            kept.append(index)
    return kept


def _point(row: Row, cost: float, text: str) -> _Point:
    assert row.score is not None
    result = row.result
    return _Point(
        variant=result.variant,
        place=result.place,
        cost=cost,
        cost_text=text,
        score=row.score,
    )


def _plot(
    points: Sequence[_Point],
    *,
    title: str,
    cost: str,
    text: Callable[[float], str],
    name: str,
) -> Plot | None:
    if len(points) < _FEWEST:
        return None
    metric = find_metric(points[0].score.metric)
    ends = [end for p in points for end in (p.score.low, p.score.high)]
    costs = [p.cost for p in points]
    x = fitted(costs, start=LEFT, end=RIGHT, may_be_log=True)
    y = fitted(ends, start=BOTTOM, end=TOP)
    if metric.kind in {Kind.TOP_K, Kind.MACRO_F1}:
        y = fitted([*ends, min(1.0, max(ends))], start=BOTTOM, end=TOP)
    kind = ", logarithmic" if x.is_log else ""
    drawing = framed(
        Axis(scale=x, name=f"{cost}{kind}", text=text),
        Axis(
            scale=y,
            name=f"{metric.name} with its 95 % interval",
            text=lambda value: accuracy.value(value, metric.name),
        ),
    )
    series = numbered(point.place for point in points)
    kept = _fronts(points, better_when_lower=metric.better_when_lower)
    for place, number in series.items():
        line = [points[i] for i in kept if points[i].place == place]
        if len(line) >= _FEWEST:
            places = [(x.at(p.cost), y.at(p.score.value)) for p in line]
            drawing.path(places, f"front c{number % 6}")
    taken: list[tuple[float, float, float]] = []
    named: set[tuple[str, int, int]] = set()
    for index, point in enumerate(points):
        here = x.at(point.cost), y.at(point.score.value)
        ends_at = [
            (here[0], y.at(part)) for part in (point.score.low, point.score.high)
        ]
        number = series[point.place]
        drawing.line(ends_at[0], ends_at[1], f"whisker c{number % 6}")
        drawing.mark(
            here,
            number,
            f"{point.variant} on {point.place}: {point.cost_text}; {point.score_text}",
        )
        # The same variant on several devices often stands at the same place.
        spot = (point.variant, round(here[0] / 8), round(here[1] / 8))
        if index in kept and spot not in named:
            named.add(spot)
            _label(drawing, point.variant, here, taken)
    told = (
        f"{len(points)} points, cheaper to the left. The line of a device joins those "
        "that no other on it beats by the figures seen; their intervals may overlap."
    )
    beaten = {i: "no" if i in kept else "yes" for i in range(len(points))}
    return Plot(
        title=title,
        description=told,
        drawing=drawing.finish(title=title, description=told, name=name),
        head=("variant", "device", cost, metric.name, "beaten"),
        rows=tuple(
            (p.variant, p.place, p.cost_text, p.score_text, beaten[i])
            for i, p in enumerate(points)
        ),
        legend=tuple((key(number), place) for place, number in series.items()),
    )


def _fronts(points: Sequence[_Point], *, better_when_lower: bool) -> list[int]:
    """Return the front of each device, one after the other."""
    sign = -1.0 if better_when_lower else 1.0
    kept: list[int] = []
    for place in dict.fromkeys(point.place for point in points):
        own = [i for i, point in enumerate(points) if point.place == place]
        pairs = [(points[i].cost, sign * points[i].score.value) for i in own]
        kept += [own[i] for i in front(pairs)]
    return kept


def _label(
    drawing: Drawing,
    text: str,
    here: tuple[float, float],
    taken: list[tuple[float, float, float]],
) -> None:
    """Write a name beside its mark where no other name stands; else leave it out."""
    width = 6.4 * min(len(text), 30)
    is_left = here[0] + 8 + width > RIGHT
    left = here[0] - 8 - width if is_left else here[0] + 8
    for shift in (-7.0, 13.0, -20.0, 26.0, -33.0, 39.0):
        y = here[1] + shift
        free = all(
            abs(y - other_y) >= _LABEL_HEIGHT or left > end or left + width < start
            for start, end, other_y in taken
        )
        if free and TOP < y < BOTTOM:
            taken.append((left, left + width, y))
            place = (here[0] - 8 if is_left else here[0] + 8, y)
            drawing.text(place, text, "label", anchor="end" if is_left else "start")
            return
