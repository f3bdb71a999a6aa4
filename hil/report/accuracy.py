"""Each variant against its baseline, as a table and as JSON; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from hil.accuracy.gate import POINTS, Outcome
from hil.accuracy.metrics import Kind, find_metric
from hil.printable import printable
from hil.report.plain_table import PlainTable
from hil.vocab import Setting, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from hil.accuracy.classes import ClassRecall
    from hil.accuracy.comparison import Comparison, Versus
    from hil.accuracy.gate import GateResult
    from hil.accuracy.rating import Rating
    from hil.vocab import Result

_NARROW = 110  # below this the interval goes to a line of its own
_SMALL_P = 0.0001
_IN_PER_CENT = {Kind.TOP_K, Kind.MACRO_F1}
_STYLES = {Outcome.FAILED: "bold red", Outcome.UNDECIDABLE: "yellow"}


def render(
    rows: Sequence[Versus], results: Sequence[Result] = (), *, width: int
) -> RenderableType:
    """Return a table for each model and baseline, with what the columns mean below.

    Rows come in the order of *results*, as the table of the devices does.
    """
    parts: list[RenderableType] = []
    tables: dict[tuple[str, str], list[Versus]] = {}
    order: dict[tuple[str, str, str | None], int] = {}
    for number, result in enumerate(results):
        order.setdefault((result.model, result.variant, result.place), number)
    for row in sorted(
        rows,
        key=lambda row: order.get((row.model, row.variant, row.device), len(order)),
    ):
        tables.setdefault((row.model, row.baseline), []).append(row)
    for (model, baseline), group in tables.items():
        first = group[0].comparison
        head = (
            f"\n{model}: {first.metric} against {baseline} "
            f"({value(first.baseline_value, first.metric)}, n={first.n})"
        )
        parts += [_text(head), _table(group, width)]
    if rows:
        parts.append(_text(f"\n{_legend(rows)}", style="dim"))
    return Group(*parts)


def value(figure: float, metric: str) -> str:
    """Return one value of a metric: 98.6 % of the samples, or 0.8512 as auc is told."""
    if find_metric(metric).kind in _IN_PER_CENT:
        return f"{POINTS * figure:.1f} %"
    return f"{figure:.5g}"


def rating(found: Rating) -> tuple[str, str]:
    """Return a value with n, and its 95 % interval."""
    low, high = (value(end, found.metric) for end in (found.low, found.high))
    low = low.removesuffix(" %") if low.endswith(" %") else low
    return f"{value(found.value, found.metric)}, n={found.n}", f"{low} .. {high}"


def comparison_json(found: Comparison, *, baseline: str) -> dict[str, object]:
    """Return plain JSON values; differences are in the metric's own unit, not points.

    Absent is what the metric does not have.
    """
    values = {
        "baseline": baseline,
        "metric": found.metric,
        "n": found.n,
        "baseline_value": found.baseline_value,
        "value": found.value,
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "confidence": found.confidence,
        "lost": found.lost,
        "gained": found.gained,
        "p_value": found.p_value,
        "mid_p": found.mid_p,
        "p_holm": found.p_holm,
        "smallest_detectable": found.detectable,
        "gate": found.gate and _gate_json(found.gate),
    }
    return {name: item for name, item in values.items() if item is not None}


def rating_json(found: Rating) -> dict[str, object]:
    """Return plain JSON values of one row's metric."""
    values: dict[str, object] = {
        "metric": found.metric,
        "n": found.n,
        "correct": found.correct,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "ties": found.ties,
        "target": found.target,
        "worst_class": found.worst and _class_json(found.worst),
        "classes": [_class_json(recall) for recall in found.classes] or None,
    }
    return {name: item for name, item in values.items() if item is not None}


def with_accuracy(
    document: Mapping[str, object],
    ratings: Mapping[tuple[str, str, str | None], Rating],
    rows: Sequence[Versus],
) -> dict[str, object]:
    """Return a document of results with ratings and comparisons laid into its rows."""
    compared = {(row.model, row.variant, row.device): row for row in rows}
    results = document["results"]
    assert isinstance(results, list)
    for result in results:
        setting = Setting(**result["setting"]) if "setting" in result else None
        where = place(result["device"], setting)
        key = (result["model"], result["variant"], where)
        if key in ratings:
            result["accuracy"] = rating_json(ratings[key])
        if key in compared:
            row = compared[key]
            result["versus"] = comparison_json(row.comparison, baseline=row.baseline)
    return {**document, "results": results}


def _table(rows: Sequence[Versus], width: int) -> PlainTable:
    """Return the rows of one baseline; narrow ones stack what belongs together."""
    narrow = width < _NARROW
    heads = _heads(rows)
    table = PlainTable()
    for head in _stacked(heads, narrow=narrow):
        table.add_column(head, justify="left" if "variant" in head else "right")
    if not narrow and len(heads[0]) > 1:
        table.columns[1].justify = "left"
    for column in table.columns:
        column.no_wrap = True
    table.add_column("verdict")
    for row in rows:
        found = row.comparison
        cells = _stacked(_cells(row, heads), narrow=narrow)
        style = _STYLES.get(found.gate.outcome, "") if found.gate else ""
        table.add_row(*(_text(cell) for cell in cells), _text(verdict(found), style))
    return table


def _heads(rows: Sequence[Versus]) -> tuple[tuple[str, ...], ...]:
    on_devices = any(row.device for row in rows)
    counted = any(row.comparison.lost is not None for row in rows)
    return (
        ("variant", "device") if on_devices else ("variant",),
        ("difference",),
        ("lost/gained", "p (Holm)") if counted else ("p (Holm)",),
    )


def _cells(
    row: Versus, heads: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], ...]:
    found = row.comparison
    names = (row.variant, row.device or "this host")
    chance = (f"{found.lost}/{found.gained}", _p_value(found.p_holm))
    return (names[: len(heads[0])], _difference(found), chance[-len(heads[2]) :])


def _stacked(cells: Sequence[tuple[str, ...]], *, narrow: bool) -> list[str]:
    """Return a text a column: the parts of a cell below each other, or side by side."""
    if narrow:
        return ["\n".join(parts) for parts in cells]
    names, difference, chance = cells
    return [*names, "  ".join(difference), *chance]


def _difference(found: Comparison) -> tuple[str, str]:
    if not find_metric(found.metric).in_points:
        return f"{found.difference:+.3g}", f"{found.low:+.3g} .. {found.high:+.3g}"
    middle, low, high = (
        f"{POINTS * part + 0.0:+.2f}"
        for part in (found.difference, found.low, found.high)
    )
    return f"{middle} pt", f"{low} .. {high}"


def verdict(found: Comparison) -> str:
    """Return what a comparison says in words, the gate's outcome first."""
    if found.gate is not None:
        return _gate_words(found.gate, found.n)
    if found.p_holm < 1 - found.confidence:
        better = (found.difference > 0) != find_metric(found.metric).better_when_lower
        return "better" if better else "worse"
    if found.detectable is None:
        return "no difference shown"
    return f"no difference shown; {POINTS * found.detectable:.1f} pt would be"


def _gate_words(result: GateResult, n: int) -> str:
    if result.outcome is not Outcome.UNDECIDABLE:
        return str(result.outcome.value)
    if result.samples_needed is None:
        return f"undecidable: the loss seen is the limit (n={n})"
    return f"undecidable with {n} samples; about {result.samples_needed:,} would decide"


def _legend(rows: Sequence[Versus]) -> str:
    first = rows[0].comparison
    parts = [
        f"difference: from the baseline on the same samples, with its "
        f"{first.confidence:.0%} interval; a minus is a loss."
        if not find_metric(first.metric).better_when_lower
        else f"difference: from the baseline on the same samples, with its "
        f"{first.confidence:.0%} interval; a plus is a loss."
    ]
    if first.lost is not None:
        parts.append(
            "lost/gained: samples that only the baseline, or only the variant, got "
            "right. p: exact McNemar, adjusted for the number of variants (Holm)."
        )
    elif find_metric(first.metric).in_points:
        parts.append("pt: 0.01. p: paired bootstrap, Holm-adjusted.")
    if first.gate is not None:
        gate = first.gate.gate
        parts.append(
            f"verdict: of a drop of at most {POINTS * gate.most_drop:g} pt, with "
            f"{gate.confidence:.0%} confidence."
        )
    return " ".join(parts)


def _p_value(p_value: float) -> str:
    if p_value < _SMALL_P:
        return f"<{_SMALL_P:.4f}"
    return f"{p_value:.2g}" if p_value < 1 else "1"


def _gate_json(result: GateResult) -> dict[str, object]:
    values = {
        "outcome": result.outcome.value,
        "most_drop": result.gate.most_drop,
        "confidence": result.gate.confidence,
        "low": result.low,
        "high": result.high,
        "samples_needed": result.samples_needed,
    }
    return {name: item for name, item in values.items() if item is not None}


def _class_json(found: ClassRecall) -> dict[str, object]:
    return {
        "label": found.label,
        "n": found.n,
        "correct": found.correct,
        "value": found.value,
        "low": found.low,
        "high": found.high,
    }


def _text(text: str, style: str = "") -> Text:
    # Text, not str: names come from files, and rich would read [markup] in them.
    return Text(printable(text, keep_lines=True), style=style)
