"""Bars of parts: memory maps, and the operators of a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.report import evidence, figures
from hil.report.plots.axes import Axis, below
from hil.report.plots.drawing import WIDTH, Drawing, Plot, numbered, swatch
from hil.report.plots.scale import fitted, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.report.evidence import Layer
    from hil.report.rows import Row

MOST_BARS: Final = 24
MOST_LAYERS: Final = 40
# What each total is made of, by the names of the result JSON, from the bottom up.
MAPS: Final = {
    "flash": (
        "flash_code_bytes",
        "flash_kernels_bytes",
        "flash_model_bytes",
        "flash_other_bytes",
    ),
    "RAM": ("arena_bytes", "ram_stack_bytes", "ram_static_bytes"),
}
_TOTALS: Final = {"flash": "flash_bytes", "RAM": "ram_bytes"}
_LANE: Final = 38.0
_TOP: Final = 4.0
_WORDS: Final = {
    "ram_stack_bytes": "stack",
    "ram_static_bytes": "static data",
    "peak_rss_bytes": "peak RSS",
}


def memory(region: str, model: str, rows: Sequence[Row], *, name: str) -> Plot | None:
    """Return the parts of "flash" or "RAM" by row; None where no row tells them."""
    total, parts = _TOTALS[region], MAPS[region]
    known = [row for row in rows if total in row.result.memory]
    if not known:
        return None
    shown = known[:MOST_BARS]
    largest = max(row.result.memory[total] for row in known)
    scale = fitted([0, largest], start=14, end=WIDTH - 14, from_zero=True)
    bottom = _TOP + _LANE * len(shown)
    drawing = Drawing(height=bottom + 44)
    below(
        drawing,
        Axis(scale=scale, name=f"{region}, bytes", text=short),
        bottom=bottom,
        top=_TOP,
    )
    for index, row in enumerate(shown):
        _stack(
            drawing,
            row,
            parts=parts,
            total=total,
            place=(scale.start, _TOP + _LANE * index),
            per_byte=(scale.at(largest) - scale.start) / largest if largest else 0.0,
        )
    title = f"{region[0].upper()}{region[1:]} of {model} by part"
    told = f"One bar for each of {len(shown)} rows, divided by what takes the {region}."
    left = len(known) - len(shown)
    return Plot(
        title=title,
        description=told,
        drawing=drawing.finish(title=title, description=told, name=name),
        head=("variant", "device", *(part_name(part) for part in parts), "together"),
        rows=tuple(
            (
                row.result.variant,
                row.result.place,
                *(_bytes(row, part) for part in (*parts, total)),
            )
            for row in known
        ),
        legend=tuple((swatch(i), part_name(part)) for i, part in enumerate(parts)),
        note=f"{left} further rows are in the table only." if left else "",
    )


def layers(row: Row, found: Sequence[Layer], *, name: str) -> Plot:
    """Return the operators of a profile in the order in which they ran."""
    shown = found[:MOST_LAYERS]
    everything = sum(layer.value for layer in found)
    scale = fitted(
        [0, max(layer.value for layer in found)],
        start=14,
        end=WIDTH - 14,
        from_zero=True,
    )
    unit = found[0].unit
    lane = 30.0
    bottom = _TOP + lane * len(shown)
    drawing = Drawing(height=bottom + 44)
    basis = figures.BASIS_NAMES[row.result.time_basis]
    told_unit = unit if unit == basis else f"{unit} ({basis})"
    axis = Axis(scale=scale, name=f"a run, {told_unit}", text=short)
    below(drawing, axis, bottom=bottom, top=_TOP)
    kinds = numbered(layer.name.partition(" ")[0] for layer in found)
    for index, layer in enumerate(shown):
        top = _TOP + lane * index
        kind = kinds[layer.name.partition(" ")[0]]
        drawing.heading(
            top + 12, f"{layer.index}  {layer.name}", _share(layer, everything)
        )
        drawing.rect(
            (14, top + 16),
            width=scale.at(layer.value) - 14,
            height=9,
            cls=f"bar c{kind % 6}",
            tip=f"{layer.value:,.6g} {unit}",
        )
    title = f"Operators of {row.result.variant} on {row.result.place}"
    told = (
        f"One bar for each of {len(shown)} operators, in the order in which they run."
    )
    left = len(found) - len(shown)
    return Plot(
        title=title,
        description=told,
        drawing=drawing.finish(title=title, description=told, name=name),
        head=("operator", "name", unit, "share"),
        rows=tuple(
            (
                str(layer.index),
                layer.name,
                f"{layer.value:,.6g}",
                _share(layer, everything),
            )
            for layer in found
        ),
        note=f"{left} further operators are in the table only." if left else "",
    )


def profiled(rows: Sequence[Row]) -> list[tuple[Row, list[Layer]]]:
    """Return the rows whose evidence holds a profile, with it."""
    found = ((row, evidence.layers(row.records)) for row in rows)
    return [(row, known) for row, known in found if known]


def part_name(part: str) -> str:
    """Return what a part of the memory is called: flash_model_bytes is the model."""
    word = part.removesuffix("_bytes").removeprefix("flash_").replace("_", " ")
    return _WORDS.get(part, word)


def _stack(
    drawing: Drawing,
    row: Row,
    *,
    parts: Sequence[str],
    total: str,
    place: tuple[float, float],
    per_byte: float,
) -> None:
    x, top = place
    result = row.result
    drawing.heading(
        top + 14,
        f"{result.variant} on {result.place}",
        figures.size(result.memory[total]),
    )
    for index, part in enumerate(parts):
        width = result.memory.get(part, 0) * per_byte
        if width:
            drawing.rect(
                (x, top + 19),
                width=width,
                height=12,
                cls=f"bar part c{index}",
                tip=f"{part_name(part)}: {_bytes(row, part)}",
            )
        x += width


def _bytes(row: Row, part: str) -> str:
    found = row.result.memory.get(part)
    return figures.ABSENT if found is None else figures.size(found)


def _share(layer: Layer, everything: float) -> str:
    return f"{layer.value / everything:.1%}" if everything else figures.ABSENT
