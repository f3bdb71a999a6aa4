"""What `hil tune` shows: a table for each device, or one JSON document."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from hil.bench.tuning.outcome import LEAST_WINDOWS
from hil.bench.tuning.settings import Objective
from hil.bench.tuning.space import PLAIN_RECIPE
from hil.printable import printable
from hil.report import accuracy, document, figures
from hil.report.plain_table import PlainTable
from hil.vocab import DEVICE_FAILURES, RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from hil.accuracy.comparison import Comparison
    from hil.bench.tuning.outcome import Row, Standing
    from hil.bench.tuning.run import Found

_WIDE = 165  # what the longest row takes
_HEADS = {
    Objective.LATENCY: "latency",
    Objective.INSTRUCTIONS: "instructions",
    Objective.ARENA: "arena",
    Objective.FLASH: "flash",
}
_SPEEDS = frozenset({"latency", "instructions"})  # whose unit names them already
_NOBODY = (
    "no variant passed the gate: give more samples, a wider --gate, or "
    "--accept-undecidable"
)
_LEGEND = (
    "*: on the Pareto front of the columns to the left of it and the accuracy. against "
    "float, against int8: difference, lost/gained samples, p (exact McNemar, "
    "Holm-adjusted over the variants)."
)


def page(found: Found, *, width: int) -> RenderableType:
    """Return the table of each device and what can be said of its front."""
    parts: list[RenderableType] = []
    for standing in found.standings:
        parts += [_text(f"\n{standing.device}", style="bold"), _table(standing, width)]
        parts += [_text(line) for line in _refusals(standing)]
        parts += [_text(line) for line in _said(standing, found.layers)]
    bases = {row.result.time_basis for s in found.standings for row in s.rows}
    notes = [note for basis, note in figures.BASIS_NOTES.items() if basis in bases]
    told = "\n".join([_LEGEND, *notes, *_unknown_speed(found)])
    parts += [_text(f"\n{told}", style="dim"), *_failures(found)]
    return Group(*parts)


def to_json(
    found: Found,
    *,
    run: str,
    files: Mapping[str, str],
    pictures: Mapping[str, Sequence[str]],
) -> dict[str, object]:
    """Return the results of all devices, the fronts, and every rung's decisions."""
    rows = [row.result for standing in found.standings for row in standing.rows]
    told = document.render(rows, run=run)
    return {
        **told,
        "devices": [
            _standing_json(standing, files)
            | {"pictures": list(pictures.get(standing.device, ()))}
            for standing in found.standings
        ],
        "trials": len({s.candidate for s in found.journal.screenings}),
        "decisions": [
            {
                "rung": decision.rung,
                "variant": decision.candidate,
                "kept": decision.kept,
                "reason": decision.reason,
            }
            for decision in found.journal.decisions
        ],
        "layers": {name: list(rows) for name, rows in found.layers.items() if rows},
        "budget_spent": found.cut,
    }


def _table(standing: Standing, width: int) -> PlainTable:
    """Return a line a variant, or a few where the terminal is narrow."""
    wide = width >= _WIDE
    heads = [_HEADS[objective] for objective in standing.objectives]
    table = PlainTable()
    table.add_column("variant", no_wrap=wide)
    for head in ("file", *heads) if wide else ("measured",):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("")
    for head in ("accuracy", "against float", "against int8"):
        table.add_column(head, justify="right", no_wrap=True)
    joint = "  " if wide else "\n"
    for row in standing.rows:
        if row.result.status is not RunStatus.OK:
            continue
        told = [_figure(row, objective) for objective in standing.objectives]
        size = figures.size(row.result.size_bytes)
        if not wide:
            named = zip(("file", *heads), (size, *told), strict=True)
            told = ["\n".join(t if h in _SPEEDS else f"{h} {t}" for h, t in named)]
        name = row.result.variant if wide else row.result.variant.replace("+", "\n+")
        cells = [name, *([size] if wide else []), *told]
        cells.append("*" if row.on_front else "")
        cells.append(joint.join(accuracy.rating(row.rating)) if row.rating else "-")
        cells += [_against(row.versus_float, joint), _against(row.versus_plain, joint)]
        style = "bold" if row.on_front else "dim" if row.refused else ""
        table.add_row(*(_text(cell, style=style) for cell in cells))
    return table


def _figure(row: Row, objective: Objective) -> str:
    if objective in {Objective.LATENCY, Objective.INSTRUCTIONS}:
        return figures.median(row.result.latency)
    return figures.size(int(row.figures[objective].value))


def _against(found: Comparison | None, joint: str) -> str:
    if found is None:
        return figures.ABSENT
    if found.lost is None:
        return f"{100 * found.difference:+.2f} pt{joint}p {found.p_holm:.2g}"
    return (
        f"{100 * found.difference:+.2f} pt{joint}"
        f"{found.lost}/{found.gained}, p {found.p_holm:.2g}"
    )


def _refusals(standing: Standing) -> list[str]:
    lines = []
    for row in standing.rows:
        if row.refused is None:
            continue
        reason = row.refused.splitlines()[0]
        if row.result.status is not RunStatus.OK:
            reason = f"{figures.status(row.result.status)}: {reason}"
        lines.append(f"  {row.result.variant}: not on the front: {reason}")
    return lines


def _nobody(standing: Standing) -> list[str]:
    """Say what next: mend the device where it failed every variant, else the gate."""
    results = [row.result for row in standing.rows]
    if not results or any(r.status not in DEVICE_FAILURES for r in results):
        return [_NOBODY]
    problem = (results[0].problem or "").splitlines()
    return ["the device failed with every variant:", *(f"  {x}" for x in problem)]


def _said(standing: Standing, layers: Mapping[str, Sequence[str]]) -> list[str]:
    """Say who wins, who is better than plain int8, and what next where nobody is."""
    names = ", ".join(_HEADS[objective] for objective in standing.objectives)
    if standing.winner is None:
        return _nobody(standing)
    lines = [f"winner: {standing.winner} (by {names}, in this order)"]
    moved = layers.get(standing.winner)
    if moved:
        lines.append(f"  its other layers: {', '.join(moved)}")
    better = [row.result.variant for row in standing.rows if row.beats_plain]
    if better:
        lines.append(
            f"better than {PLAIN_RECIPE} in size, speed or memory, worse in none, not "
            f"shown less accurate: {', '.join(better)}"
        )
    else:
        lines.append(f"nothing is better than {PLAIN_RECIPE} in all of these")
    return lines


def _unknown_speed(found: Found) -> list[str]:
    known = [f for s in found.standings for r in s.rows for f in r.figures.values()]
    if all(figure.high < math.inf for figure in known):
        return []
    told = (
        f"fewer than {LEAST_WINDOWS} windows cannot tell times of the host clock "
        f"apart, so they count for nothing here: --windows {LEAST_WINDOWS} or more"
    )
    return [told]


def _failures(found: Found) -> list[RenderableType]:
    failed = [s for s in found.journal.screenings if s.status is not RunStatus.OK]
    lines = [f"  {s.candidate.name}: {s.status.value}: {s.problem}" for s in failed]
    if not lines:
        return []
    return [_text("\nfailed trials:"), *(_text(line) for line in lines)]


def _standing_json(standing: Standing, files: Mapping[str, str]) -> dict[str, object]:
    told: dict[str, object] = {
        "device": standing.device,
        "objectives": [objective.value for objective in standing.objectives],
        "rows": [_row_json(row, files) for row in standing.rows],
        "front": [row.result.variant for row in standing.front],
        "better_than_plain": [
            row.result.variant for row in standing.rows if row.beats_plain
        ],
    }
    if standing.winner is not None:
        told["winner"] = standing.winner
    return told


def _row_json(row: Row, files: Mapping[str, str]) -> dict[str, object]:
    variant = row.result.variant
    values: dict[str, object | None] = {
        "variant": variant,
        "on_front": row.on_front,
        "better_than_plain": row.beats_plain,
        "refused": row.refused,
        "size_bytes": row.result.size_bytes,
        "figures": {
            objective.value: figure.value for objective, figure in row.figures.items()
        },
        "accuracy": row.rating and accuracy.rating_json(row.rating),
        "versus_float": row.versus_float
        and accuracy.comparison_json(row.versus_float, baseline="float, this host"),
        "versus_plain": row.versus_plain
        and accuracy.comparison_json(
            row.versus_plain, baseline=f"{PLAIN_RECIPE} on {row.result.device}"
        ),
        "file": files.get(variant) if row.on_front else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _text(text: str, *, style: str = "") -> Text:
    # Text, not str: names come from files, and rich would read [markup] in them.
    return Text(printable(text, keep_lines=True), style=style)
