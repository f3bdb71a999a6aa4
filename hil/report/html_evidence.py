"""The evidence behind a row, for the page: records, models and what was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from hil.printable import printable
from hil.report import figures
from hil.report.plots import bars
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.report.rows import Row
    from hil.vocab import RunRecord

MOST_WINDOWS: Final = 60
MOST_FACTS: Final = 150
_MOST_CHARACTERS: Final = 3000
_LONG: Final = 120  # characters; more need lines of their own
_NS_PER_US: Final = 1000
_HIDDEN: Final = "(hidden)"
# Nothing of hil's keeps such a thing, but a device or a tool may print one.
_SECRET_NAME: Final = re.compile(
    r"(?i)passw|secret|token|credential|api_?key|private_?key|authoriz"
)
_SECRET_TEXT: Final = re.compile(
    r"(?is)(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*KEY-----|$)"
    r"|((?:passw\w*|secret|token|api_?key)[=:] ?|bearer |://[^/\s:@]*:)[^\s@]+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that is known; `is_long` asks for lines of its own."""

    name: str
    text: str
    is_long: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEvidence:
    """What is shown below a row's own heading."""

    facts: tuple[Fact, ...]
    windows_head: tuple[str, ...]
    windows: tuple[tuple[str, ...], ...]
    note: str = ""


def evidence(row: Row) -> RowEvidence:
    """Return the facts of a row; text from devices is cut, and told to be."""
    result, first = row.result, row.records[0]
    facts = [
        Fact(
            name="model file",
            text=f"{figures.size(result.size_bytes)}, sha256 {first.model_sha256}",
        ),
        Fact(name="time basis", text=result.time_basis.value.replace("_", " ")),
    ]
    facts += [
        Fact(name=bars.part_name(name), text=figures.size(size))
        for name, size in result.memory.items()
    ]
    latency = result.latency
    if latency is not None:
        for name, value in (
            ("timer step", latency.timer_step),
            ("timer overhead, subtracted", latency.timer_overhead),
            ("median absolute deviation", latency.mad),
        ):
            if value is not None:
                facts.append(Fact(name=name, text=_fine(value, latency.basis)))
    source = next((r for r in row.records if r.evidence), first)
    found = list(_flat(source.evidence))
    facts += [_fact(name, value) for name, value in found[:MOST_FACTS]]
    left = len(found) - MOST_FACTS, len(row.records) - MOST_WINDOWS
    notes = [
        f"evidence of window {source.window}" if found else "",
        f"{left[0]} more facts are in records.jsonl" if left[0] > 0 else "",
        f"{left[1]} more windows are in records.jsonl" if left[1] > 0 else "",
    ]
    return RowEvidence(
        facts=tuple(facts),
        windows_head=("window", "began (UTC)", "took", "status", "n", "median"),
        windows=tuple(_window(row, record) for record in row.records[:MOST_WINDOWS]),
        note="; ".join(filter(None, notes)),
    )


def shown(text: str) -> str:
    """Return text from a device as the page shows it: printable, without secrets."""
    cut = _SECRET_TEXT.sub(_hidden, printable(text, keep_lines=True))
    if len(cut) <= _MOST_CHARACTERS:
        return cut
    more = len(cut) - _MOST_CHARACTERS
    return f"{cut[:_MOST_CHARACTERS]}\n({more:,} more characters in records.jsonl)"


def facts(values: Mapping[str, object]) -> tuple[Fact, ...]:
    """Return nested values as facts with dotted names."""
    return tuple(_fact(name, value) for name, value in list(_flat(values))[:MOST_FACTS])


def _hidden(match: re.Match[str]) -> str:
    return f"{match[1] or match[2]}{_HIDDEN}"


def _window(row: Row, record: RunRecord) -> tuple[str, ...]:
    n, middle = figures.ABSENT, figures.ABSENT
    if record.timing:
        n = f"{len(record.timing.invoke_ticks):,}"
    elif record.summary:
        n = f"{record.summary.n:,}"
    times = row.times([record])
    if times:
        middle = figures.value(median(times[0]), record.time_basis)
    return (
        str(record.window),
        record.started_utc.partition("+")[0].replace("T", " "),
        f"{record.seconds:.2f} s",
        figures.status(record.status),
        n,
        middle,
    )


def _fine(value: float, basis: TimeBasis) -> str:
    """Return a figure of the timer, which may be far below a microsecond."""
    if basis is not TimeBasis.EMULATED_INSTRUCTIONS and value < 1:
        return f"{value * _NS_PER_US:.3g} ns"
    return figures.value(value, basis)


def _flat(
    values: Mapping[str, object], prefix: str = ""
) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None and value not in ({}, [], ""):
            yield f"{prefix}{name}", value


def _fact(name: str, value: object) -> Fact:
    if _SECRET_NAME.search(name):
        return Fact(name=shown(name), text=_HIDDEN)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        text = "\n".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    text = shown(text)
    return Fact(name=shown(name), text=text, is_long="\n" in text or len(text) > _LONG)
