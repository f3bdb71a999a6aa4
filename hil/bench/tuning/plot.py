"""The Pareto front of one device as a picture: SVG and PNG, by matplotlib."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib import ticker
from matplotlib.figure import Figure as Picture

from hil.accuracy.gate import POINTS
from hil.bench.tuning.settings import Objective
from hil.bench.tuning.space import PLAIN_RECIPE
from hil.printable import printable
from hil.vocab import RunStatus, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from hil.bench.tuning.outcome import Row, Standing

# Okabe and Ito's palette, which colour-blind people can tell apart.
_FRONT, _OTHER, _REFUSED = "#0072b2", "#7f7f7f", "#d55e00"
_LABELS = {
    Objective.LATENCY: "median latency, us",
    Objective.INSTRUCTIONS: "instructions of an inference",
    Objective.ARENA: "arena, bytes",
    Objective.FLASH: "flash, bytes",
}
_FORMATS = ("svg", "png")
_HEIGHTS = (6, -14, 17, -25)  # of labels in turn, since several numbers are wide
_NEAR = 0.06  # of an axis: labels of points that are nearer would overlap


def draw(standing: Standing, *, title: str) -> dict[str, bytes]:
    """Return the picture by the suffix of its file; empty where nothing was measured.

    Each objective has a panel of accuracy over it, so that what a saving costs can be
    read off; numbers are those of the list beside the panels.
    """
    rows = [row for row in standing.rows if row.result.status is RunStatus.OK]
    rows = [row for row in rows if row.figures and row.rating is not None]
    if not rows:
        return {}
    count = len(standing.objectives)
    picture = Picture(figsize=(3.4 * count + 3.4, 4.2), layout="constrained")
    widths = [1.0] * count + [0.9]
    grid = picture.add_gridspec(1, count + 1, width_ratios=widths)
    first: Axes | None = None
    for place, objective in enumerate(standing.objectives):
        axes = picture.add_subplot(grid[0, place], sharey=first)
        first = first or axes
        _panel(axes, rows, objective)
        if place == 0:
            axes.set_ylabel(f"{_metric(rows)}, %, with its 95 % interval")
        else:
            axes.tick_params(labelleft=False)
    _list(picture.add_subplot(grid[0, count]), rows)
    picture.suptitle(printable(title), x=0.01, ha="left", fontsize=11, parse_math=False)
    return {suffix: _saved(picture, suffix) for suffix in _FORMATS}


def _panel(axes: Axes, rows: Sequence[Row], objective: Objective) -> None:
    figures = [row.figures[objective] for row in rows]
    shares = [POINTS * row.rating.value for row in rows if row.rating]
    for row, figure, y in zip(rows, figures, shares, strict=True):
        assert row.rating is not None
        x, colour = figure.value, _colour(row)
        ends = (POINTS * row.rating.low, POINTS * row.rating.high)
        axes.plot([x, x], ends, color=colour, alpha=0.25, linewidth=2, zorder=1)
        if figure.high < math.inf:
            across = [figure.low, figure.high]
            axes.plot(across, [y, y], color=colour, alpha=0.5, zorder=1)
        axes.plot(
            [x],
            [y],
            # Larger than the others, to be seen behind what is better.
            marker="D" if row.result.variant == PLAIN_RECIPE else "o",
            markersize=10 if row.result.variant == PLAIN_RECIPE else 7,
            color=colour,
            fillstyle="full" if row.on_front else "none",
            zorder=3 if row.on_front else 2,
        )
    points = [(figure.value, y) for figure, y in zip(figures, shares, strict=True)]
    reach = [x for f in figures for x in (f.low, f.value, f.high) if f.high < math.inf]
    reach += [f.value for f in figures]
    widest = max(reach) - min(reach)
    ratings = [row.rating for row in rows if row.rating]
    highest = POINTS * (max(r.high for r in ratings) - min(r.low for r in ratings))
    labels = sorted(_labels(points, spans=(widest, highest)).items())
    for place, ((x, y), numbers) in enumerate(labels):
        axes.annotate(
            ", ".join(map(str, numbers)),
            (x, y),
            xytext=(4, _HEIGHTS[place % len(_HEIGHTS)]),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xlabel(_label(rows, objective))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(3))
    axes.margins(x=0.16)
    axes.grid(visible=True, alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _labels(
    points: Sequence[tuple[float, float]], *, spans: tuple[float, float]
) -> dict[tuple[float, float], list[int]]:
    """Return the numbers of the points, those of near ones together at the first.

    *spans* are what the axes show.
    """
    found: dict[tuple[float, float], list[int]] = {}
    for number, point in enumerate(points, 1):
        near = [
            place
            for place in found
            if all(
                abs(a - b) <= _NEAR * span
                for a, b, span in zip(place, point, spans, strict=True)
            )
        ]
        found.setdefault(near[0] if near else point, []).append(number)
    return found


def _list(axes: Axes, rows: Sequence[Row]) -> None:
    """Write what the numbers stand for."""
    axes.axis("off")
    step = min(0.075, 0.9 / (len(rows) + 4))
    for number, row in enumerate(rows, 1):
        axes.text(
            0,
            1 - number * step,
            printable(f"{number}  {row.result.variant}"),
            color=_colour(row),
            fontsize=8,
            fontweight="bold" if row.on_front else "normal",
            transform=axes.transAxes,
            parse_math=False,
        )
    keys = (
        ("filled: on the Pareto front", _FRONT),
        ("grey: another variant is better", _OTHER),
        ("orange: refused by a paired test", _REFUSED),
        (f"diamond: plain {PLAIN_RECIPE}", "black"),
    )
    for place, (text, colour) in enumerate(keys, len(rows) + 2):
        axes.text(
            0,
            1 - place * step,
            text,
            color=colour,
            fontsize=7,
            transform=axes.transAxes,
        )


def _colour(row: Row) -> str:
    if row.refused is not None:
        return _REFUSED
    return _FRONT if row.on_front else _OTHER


def _label(rows: Sequence[Row], objective: Objective) -> str:
    host = rows[0].result.time_basis is TimeBasis.HOST_CLOCK
    if objective is Objective.LATENCY and host:
        return f"{_LABELS[objective]} (host clock)"
    return _LABELS[objective]


def _metric(rows: Sequence[Row]) -> str:
    assert rows[0].rating is not None
    return rows[0].rating.metric


def _saved(picture: Picture, suffix: str) -> bytes:
    buffer = io.BytesIO()
    # Without a date and with a fixed salt the same rows are the same bytes.
    metadata = {"Date": None} if suffix == "svg" else {}
    with mpl.rc_context({"svg.hashsalt": "hil", "svg.fonttype": "none"}):
        picture.savefig(buffer, format=suffix, dpi=110, metadata=metadata)
    return buffer.getvalue()
