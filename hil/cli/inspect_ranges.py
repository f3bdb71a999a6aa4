"""What `hil inspect` prints of a graph that is not converted yet."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from hil.printable import printable
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from hil.models.ranges import Range, RangeCoverage

_MOVED = 0.02  # of a range's width; less is the rounding that puts 0 on the grid


def ranges_document(coverage: RangeCoverage, path: Path) -> dict[str, object]:
    """Return the coverage in plain JSON types; what is not known is left out."""
    document = asdict(coverage)
    document["ranges"] = [
        {name: value for name, value in asdict(item).items() if value is not None}
        for item in coverage.ranges
    ]
    return {"path": str(path), **document}


def ranges_page(coverage: RangeCoverage, path: Path) -> RenderableType:
    """Return the page for a person."""
    head = PlainTable(show_header=False)
    for name, value in (
        ("graph", str(path)),
        ("is", _verdict(coverage)),
        ("ranges", f"{len(coverage.ranges)} nodes{_unread(coverage)}"),
        ("weights", _weights(coverage)),
        *[("fault", fault) for fault in coverage.faults],
    ):
        head.add_row(Text(name, style="bold"), Text(printable(value)))
    parts: list[RenderableType] = [head]
    if coverage.uncovered and coverage.ranges:
        parts += [Text(), _gaps(coverage)]
    if coverage.ranges:
        parts += [Text(), _ranges(coverage)]
    return Group(*parts)


def _verdict(coverage: RangeCoverage) -> str:
    if not coverage.ranges:
        return (
            "a float graph without any range: int8 needs representative data "
            "(hil convert, or hil quantize --calibration)"
        )
    if not coverage.uncovered:
        return f"covered: all {coverage.layers} layers have a range"
    count = len(coverage.uncovered)
    return (
        f"{count} value{'s' if count > 1 else ''} without a range: the converter "
        "leaves what computes such a value, and what reads it, in float without a word"
    )


def _unread(coverage: RangeCoverage) -> str:
    unread = sum(item.minimum is None for item in coverage.ranges)
    if not unread:
        return ""
    return f", {unread} with limits in variables, which are not in this file"


def _weights(coverage: RangeCoverage) -> str:
    if not coverage.bare_weights:
        return "all with a range"
    return (
        f"{coverage.bare_weights} without a range; the converter makes one of their "
        "values, so they become int8 all the same"
    )


def _gaps(coverage: RangeCoverage) -> PlainTable:
    table = PlainTable()
    for name in ("without a range", "node", "why"):
        table.add_column(name)
    for gap in coverage.uncovered:
        cells = gap.op, gap.name, gap.reason
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _ranges(coverage: RangeCoverage) -> PlainTable:
    table = PlainTable()
    for name in ("range", "bits", "channels", "from", "to", ""):
        table.add_column(name, justify="left" if name in {"range", ""} else "right")
    for item in coverage.ranges:
        cells = (
            item.name,
            f"{item.bits}{' narrow' if item.narrow else ''}",
            str(item.channels or "-"),
            "-" if item.minimum is None else f"{item.minimum:.6g}",
            "-" if item.maximum is None else f"{item.maximum:.6g}",
            _moved(item),
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _moved(item: Range) -> str:
    """Say where the range must be moved to hold 0, which the user may not know."""
    if item.minimum is None or item.maximum is None:
        return ""
    if item.nudged_minimum is None or item.nudged_maximum is None:
        return ""
    width = item.maximum - item.minimum
    shift = max(
        abs(item.nudged_minimum - item.minimum), abs(item.nudged_maximum - item.maximum)
    )
    if width <= 0 or shift <= _MOVED * width:
        return ""
    return (
        f"does not hold 0: really {item.nudged_minimum:.6g} to "
        f"{item.nudged_maximum:.6g}"
    )
