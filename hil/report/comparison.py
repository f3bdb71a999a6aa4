"""A comparison of two runs as a table and as JSON; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from hil.accuracy.gate import POINTS
from hil.accuracy.metrics import Kind, find_metric
from hil.printable import printable
from hil.report import figures
from hil.report.plain_table import PlainTable
from hil.results.comparison import GateOutcome, Verdict
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from hil.results.comparison import (
        Change,
        ComparedRow,
        Fact,
        GateFinding,
        RowKey,
        RunComparison,
    )

SCHEMA: Final = 1
_ONE_LINE_WIDTH = 130
_ABSENT = "-"
_STYLES = {Verdict.WORSE: "bold red", Verdict.BETTER: "green"}
_GATE_STYLES = {GateOutcome.BROKEN: "bold red", GateOutcome.UNDECIDED: "yellow"}
_GATE_WORDS = {
    GateOutcome.HELD: "held     ",
    GateOutcome.BROKEN: "BROKEN   ",
    GateOutcome.UNDECIDED: "undecided",
}
_SIGN_DIGITS = 0.0005  # below this a change needs more digits to be seen
_IN_PER_CENT = {Kind.TOP_K, Kind.MACRO_F1}


def render(found: RunComparison, *, width: int) -> RenderableType:
    """Return what changed, row by row, then causes, what is unpaired, and the gates.

    *width* is the terminal's: where it is narrow, what a verdict rests on stands below.
    """
    parts: list[RenderableType] = [_text(f"base: {found.base}\nnew:  {found.new}\n")]
    for row in found.rows:
        parts += [_text(f"{row.key}", style="bold"), *_changes(row, width)]
        parts += [*_row_notes(row), Text()]
    if found.facts:
        parts += [_text("not the same in the two runs:"), _facts(found.facts)]
    parts += _unpaired("only in the base", found.only_base)
    parts += _unpaired("only in the new run", found.only_new)
    if found.gates:
        parts += [Text(), render_gates(found.gates)]
    parts += [_text(f"\n{_legend(found.rows)}", style="dim")]
    return Group(*parts)


def render_gates(gates: Sequence[GateFinding]) -> RenderableType:
    """Return each gate with its outcome and what it was held against."""
    return Group(_text("gates:"), *(_gate(gate) for gate in gates))


def to_json(found: RunComparison, *, passed: bool) -> dict[str, object]:
    """Return plain JSON values; absent is what is not known.

    `difference`, `low` and `high` are shares of the base, for accuracy differences of
    the shares.
    """
    return {
        "schema": SCHEMA,
        "base": found.base,
        "new": found.new,
        "passed": passed,
        "rows": [_row_json(row) for row in found.rows],
        "only_base": [_key_json(key) for key in found.only_base],
        "only_new": [_key_json(key) for key in found.only_new],
        "facts": [_fact_json(fact) for fact in found.facts],
        "gates": [
            {
                "gate": gate.gate,
                **_key_json(gate.key),
                "outcome": gate.outcome.value,
                "found": gate.found,
            }
            for gate in found.gates
        ],
        "notes": list(found.notes),
    }


def _changes(row: ComparedRow, width: int) -> list[RenderableType]:
    """Return the table of one row, and below it in words what is the same."""
    told = [c for c in row.changes if c.verdict is not Verdict.EQUAL]
    same = [c for c in row.changes if c.verdict is Verdict.EQUAL]
    narrow = width < _ONE_LINE_WIDTH
    parts: list[RenderableType] = []
    if told:
        parts.append(_table(told, narrow=narrow))
    if narrow:
        parts += [_text(f"  {c.figure}: {_basis(c)}", style="dim") for c in told]
    if same:
        parts.append(_text(f"  same: {_named(same)}"))
    return parts


def _table(changes: Sequence[Change], *, narrow: bool) -> PlainTable:
    table = PlainTable()
    table.add_column("  figure", no_wrap=True)
    for name in ("base", "new", "change"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    if not narrow:
        table.add_column("")
    joint = "\n" if narrow else "  "
    for change in changes:
        cells = [f"  {change.figure}"]
        cells += [joint.join(part for part in cell if part) for cell in _cells(change)]
        cells += (
            [change.verdict.value]
            if narrow
            else [
                change.verdict.value,
                _basis(change),
            ]
        )
        style = _STYLES.get(change.verdict, "")
        table.add_row(*(_text(cell, style) for cell in cells))
    return table


def _named(same: Sequence[Change]) -> str:
    """Return the figures that are the same; parts of memory by their number only."""
    named = [c for c in same if not c.figure.endswith("_bytes")]
    words = [f"{c.figure} {_same_value(c)}" for c in named]
    if len(named) < len(same):
        words.append(f"{len(same) - len(named)} parts of memory")
    return ", ".join(words)


def _same_value(change: Change) -> str:
    # The figure's own name is its unit there.
    return value(change, change.new).removesuffix(" insn")


def _cells(change: Change) -> tuple[tuple[str, str], ...]:
    """Return base, new and change, each with what belongs to it."""
    return (
        (value(change, change.base), _n(change, change.n_base)),
        (value(change, change.new), _n(change, change.n_new)),
        _difference(change),
    )


def value(change: Change, figure: float | None) -> str:
    """Return one figure in its own unit."""
    if figure is None:
        return _ABSENT
    if change.unit == "us":
        return figures.duration(figure, 4)
    if change.unit in {"insn", "B"}:
        return f"{figure:,.0f} {change.unit}"
    if find_metric(change.unit).kind in _IN_PER_CENT:
        return f"{POINTS * figure:.1f} %"
    return f"{figure:.5g}"


def _n(change: Change, n: int | None) -> str:
    return "" if n is None or change.exact else f"n={n}"


def _difference(change: Change) -> tuple[str, str]:
    """Return the change and its interval; of counted figures also in their unit."""
    if change.difference is None:
        if change.base is None or change.new is None:
            return _ABSENT, ""
        return value(change, change.new - change.base), ""
    if change.figure == "accuracy":
        points = find_metric(change.unit).in_points
        return _spread(change, POINTS if points else 1.0, " pt" if points else "")
    share, interval = _spread(change, 100.0, " %")
    if not change.exact or change.base is None or change.new is None:
        return share, interval
    return f"{change.new - change.base:+,.0f} {change.unit}", share


def _spread(change: Change, factor: float, unit: str) -> tuple[str, str]:
    assert change.difference is not None
    digits = 4 if 0 < abs(change.difference) < _SIGN_DIGITS else 2
    middle = f"{factor * change.difference:+.{digits}f}{unit}"
    if change.low is None or change.high is None:
        return middle, ""
    low, high = factor * change.low, factor * change.high
    return middle, f"{low:+.{digits}f} .. {high:+.{digits}f}"


def _basis(change: Change) -> str:
    """Return what the verdict rests on, the time basis first."""
    if change.unit != "us" or change.basis is None:
        return change.how
    return f"{figures.BASIS_NAMES[TimeBasis(change.basis)]}; {change.how}"


def _row_notes(row: ComparedRow) -> list[RenderableType]:
    lines: list[RenderableType] = []
    if row.new_status != row.base_status:
        states = f"{row.base_status} -> {row.new_status}".replace("_", " ")
        lines.append(_text(f"  {states}", style="bold yellow"))
        problem = printable(row.problem or "", keep_lines=True)
        lines += [Padding(Text(problem), (0, 0, 0, 4), expand=False)] if problem else []
    changed = any(c.verdict is not Verdict.EQUAL for c in row.changes)
    if row.facts and changed:
        lines += [_text("  not the same:"), _facts(row.facts)]
    return lines


def _facts(facts: Iterable[Fact]) -> PlainTable:
    table = PlainTable(show_header=False)
    for _ in range(3):
        table.add_column()
    for fact in facts:
        cells = (f"    {fact.group}", fact.name, f"{fact.base} -> {fact.new}")
        table.add_row(*(_text(cell) for cell in cells))
    return table


def _unpaired(head: str, keys: Sequence[RowKey]) -> list[RenderableType]:
    return [_text(f"\n{head}:"), *(_text(f"  {key}") for key in keys)] if keys else []


def _gate(found: GateFinding) -> Text:
    words = _GATE_WORDS[found.outcome]
    return _text(
        f"  {words}  {found.gate}  {found.key}: {found.found}",
        style=_GATE_STYLES.get(found.outcome, ""),
    )


def _legend(rows: Sequence[ComparedRow]) -> str:
    parts = []
    changes = [change for row in rows for change in row.changes]
    shares = {c.confidence for c in changes if c.confidence is not None}
    if shares:
        told = ", ".join(f"{share:.0%}" for share in sorted(shares))
        parts.append(f"Changes stand with their {told} intervals.")
    bases = {change.basis for change in changes}
    if TimeBasis.HOST_CLOCK.value in bases:
        parts.append("host clock: both runs must be of the same machine.")
    if TimeBasis.EMULATED_INSTRUCTIONS.value in bases:
        parts.append("insn: counted, and compared exactly.")
    return " ".join(parts)


def _row_json(row: ComparedRow) -> dict[str, object]:
    return _present(
        {
            **_key_json(row.key),
            "base_status": row.base_status,
            "new_status": row.new_status,
            "problem": row.problem,
            "changes": [_change_json(change) for change in row.changes],
            "facts": [_fact_json(fact) for fact in row.facts],
        }
    )


def _change_json(change: Change) -> dict[str, object]:
    names = (
        *("figure", "unit", "base", "new", "n_base", "n_new", "basis", "exact"),
        *("difference", "low", "high", "confidence", "p_value", "how"),
    )
    values = {name: getattr(change, name) for name in names}
    return _present({**values, "verdict": change.verdict.value})


def _fact_json(fact: Fact) -> dict[str, object]:
    return {
        "group": fact.group,
        "name": fact.name,
        "base": fact.base,
        "new": fact.new,
    }


def _key_json(key: RowKey) -> dict[str, object]:
    return _present(
        {
            "model": key.model,
            "variant": key.variant,
            "device": key.device,
            "engine": key.engine,
        }
    )


def _present(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _text(text: str, style: str = "") -> Text:
    # Text, not str: names come from files, and rich would read [markup] in them.
    return Text(printable(text, keep_lines=True), style=style)
