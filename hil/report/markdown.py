"""Results as Markdown for the comment of a pull request (GitHub, GitLab).

Names and problems come from files and devices. Each of their characters that Markdown
or HTML could read is written as a character reference, and they stand in `<code>`,
where a platform neither mentions people nor makes links.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.printable import printable
from hil.report import accuracy, figures
from hil.vocab import RunStatus, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.report.rows import Row, Run
    from hil.vocab import Latency

# GitHub refuses a comment of more than 65,536 characters.
MOST_CHARACTERS: Final = 60_000
_HEADS: Final = ("variant", "device", "latency", "memory", "accuracy", "equals host")
_PROBLEM_CHARACTERS: Final = 1_000


def render(run: Run) -> str:
    """Return a table for each model, what did not run, and what the figures mean.

    Rows above the length of a comment are left out, and counted in its last line.
    """
    head = [f"### {_code(run.name)}", "", _summary(run)]
    notes = _notes(run)
    body, left_out = _body(run, MOST_CHARACTERS - len("\n".join((*head, *notes))))
    if left_out:
        notes += ["", f"{left_out} of {len(run.rows)} rows are left out of this text."]
    return "\n".join((*head, *body, *notes)) + "\n"


def _summary(run: Run) -> str:
    well = sum(row.result.status is RunStatus.OK for row in run.rows)
    return f"{well} of {len(run.rows)} rows are ok."


def _body(run: Run, room: int) -> tuple[list[str], int]:
    """Return the tables that *room* characters hold, and the number of other rows."""
    lines: list[str] = []
    for model in dict.fromkeys(row.result.model for row in run.rows):
        rows = [row for row in run.rows if row.result.model == model]
        table = ["", f"**{_code(model)}**", "", _cells(_HEADS)]
        table.append("|" + " --- |" * len(_HEADS))
        table += [_cells(_row(row)) for row in rows]
        lines += [*table, *_problems(rows)]
    kept: list[str] = []
    for index, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return kept, sum(cut.startswith("| <code>") for cut in lines[index:])
        kept.append(line)
    return kept, 0


def _row(row: Row) -> tuple[str, ...]:
    result, latency = row.result, row.result.latency
    quality = figures.accuracy(result.accuracy)
    if result.accuracy is None and row.rating is not None:
        value, interval = accuracy.rating(row.rating)
        quality = f"{row.rating.metric} {value}", interval
    timing = [figures.ABSENT]
    if latency is not None:
        timing = [
            f"**{figures.median(latency)}**",
            figures.interval(latency),
            f"n={latency.n}",
            figures.cycles(latency),
            _basis(latency),
        ]
    state = [] if result.status is RunStatus.OK else [figures.status(result.status)]
    return (
        f"{_code(result.variant)}<br>{figures.size(result.size_bytes)}",
        "<br>".join((_code(result.place), *(f"**{word}**" for word in state))),
        "<br>".join(filter(None, timing)),
        "<br>".join(filter(None, figures.memory(result))),
        "<br>".join(filter(None, quality)),
        "<br>".join(filter(None, figures.agreement(result.agreement))),
    )


def _problems(rows: Sequence[Row]) -> list[str]:
    lines: list[str] = []
    for row in rows:
        result = row.result
        named = f"{_code(result.variant)} on {_code(result.place)}"
        if result.status is not RunStatus.OK:
            told = (result.problem or "no reason was given")[:_PROBLEM_CHARACTERS]
            lines += ["", f"{named}: {figures.status(result.status)}<br>{_code(told)}"]
        if result.latency is not None:
            for doubt in result.latency.doubts:
                lines += ["", f"{named}: {_code(doubt)}"]
        lines += [f"\n{named}: tried again: {_code(retry)}" for retry in result.retries]
    return lines


def _notes(run: Run) -> list[str]:
    bases = dict.fromkeys(r.result.latency.basis for r in run.rows if r.result.latency)
    lines = []
    if bases:
        lines += ["", "Latency: the median, its 95 % interval, the number of runs."]
    for basis in bases:
        if basis in figures.BASIS_NOTES:
            lines += ["", figures.BASIS_NOTES[basis]]
    return lines


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _code(text: str) -> str:
    return f"<code>{_escaped(text)}</code>"


def _escaped(text: str) -> str:
    shown = printable(text, keep_lines=True).replace("\t", " ")
    return "".join(
        "<br>" if c == "\n" else c if _is_plain(c) else f"&#{ord(c)};" for c in shown
    )


def _is_plain(character: str) -> bool:
    return character.isalnum() or character in " -" or not character.isascii()


def _basis(latency: Latency) -> str:
    """Return the basis; empty where the unit of each figure tells it."""
    counted = latency.basis is TimeBasis.EMULATED_INSTRUCTIONS
    return "" if counted else figures.BASIS_NAMES[latency.basis]
