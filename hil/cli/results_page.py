"""What `hil results` prints: rows of the store as text, JSON lines and CSV."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Final

from hil.errors import RecordingError
from hil.printable import printable
from hil.report import document, figures
from hil.results.store.query import environment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from hil.results.store.indexing import Imported
    from hil.results.store.query import StoredRun
    from hil.results.store.rows import StoredRecord

_SCHEMA: Final = 1
_WIDTH_WITHOUT_TERMINAL: Final = 200
_NARROW: Final = 150  # characters; below it a cell's second part goes below the first
_RIGHT: Final = {"id", "window", "latency", "memory", "accuracy", "records", "ok"}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Cell = tuple[str, str]

_RECORD_HEADS: Final[Sequence[Cell]] = (
    ("id", ""),
    ("run", "started"),
    ("model", "variant"),
    ("device", "engine"),
    ("status", "window"),
    ("latency", "of"),
    ("memory", "of"),
    ("accuracy", "95 %"),
)
_RUN_HEADS: Final[Sequence[Cell]] = (
    ("run", "last record"),
    ("records", "ok"),
    ("models", "devices"),
    ("records.jsonl", "host"),
)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 run, 1,000 runs."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def record_json(row: StoredRecord) -> dict[str, object]:
    """Return a row as a result of `hil bench --json`, with its job and its place."""
    (result,) = _results(row)
    return {
        "id": row.id,
        "run": row.run,
        "job_id": row.job_id,
        "window": row.window_index,
        "kind": row.kind,
        "started_utc": row.started_utc,
        "model_sha256": row.model_sha256,
        **result,
        "place": {
            "host": row.host,
            "path": row.path,
            "line_offset": row.line_offset,
            "line_bytes": row.line_bytes,
        },
    }


def _results(row: StoredRecord) -> list[dict[str, object]]:
    found = document.render([row.result()], run=row.run)["results"]
    assert isinstance(found, list)
    return found


def run_json(run: StoredRun) -> dict[str, object]:
    """Return a run with its environment; what is not known is absent."""
    told: dict[str, object] = {
        "run": run.name,
        "records": run.records,
        "ok": run.ok,
        "models": run.models,
        "devices": run.devices,
        "first_utc": run.first_utc,
        "last_utc": run.last_utc,
        "host": run.host,
        "path": run.path,
        "indexed_bytes": run.indexed_bytes,
        "environment": environment_of(run) or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def write_json(
    rows: Iterable[StoredRecord], file: TextIO, *, head: Mapping[str, object]
) -> int:
    """Write one JSON document, a record a line, as the rows come; return how many."""
    start = json.dumps({"schema": _SCHEMA, **head})
    file.write(f'{start[:-1]}, "records": [')
    count = 0
    for count, row in enumerate(rows, 1):
        file.write(",\n" if count > 1 else "\n")
        file.write(json.dumps(record_json(row)))
    file.write("\n]}\n" if count else "]}\n")
    return count


def write_csv(
    rows: Iterable[StoredRecord], file: TextIO, *, columns: Sequence[str]
) -> int:
    """Write a head and a line for each row as they come; return how many rows.

    Latencies are in us, or in instructions where the time basis says so. A text that
    a spreadsheet would run as a formula gets an apostrophe before it.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last one is the number
        writer.writerow([_csv_cell(value) for value in row])
    return count


def _csv_cell(value: str | float | None) -> str | float | None:
    if not isinstance(value, str):
        return value
    shown = printable(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def record_lines(rows: Iterable[StoredRecord], *, width: int) -> Iterator[str]:
    """Yield a table of records, one or two lines each as *width* allows."""
    return _table(_RECORD_HEADS, [_record_cells(row) for row in rows], width)


def _record_cells(row: StoredRecord) -> list[Cell]:
    result = row.result()
    latency = result.latency
    basis = figures.BASIS_NAMES[result.time_basis]
    return [
        (str(row.id), ""),
        (row.run, row.started_utc[:16].replace("T", " ")),
        (row.model, row.variant),
        (result.place, row.engine or ""),
        (figures.status(result.status), str(row.window_index)),
        (figures.median(latency), f"n={latency.n}, {basis}" if latency else ""),
        figures.memory(result),
        figures.accuracy(result.accuracy),
    ]


def run_lines(runs: Iterable[StoredRun], *, width: int) -> Iterator[str]:
    """Yield a table of runs."""
    cells = [
        [
            (run.name, (run.last_utc or "")[:16].replace("T", " ")),
            (f"{run.records:,}", f"{run.ok:,}"),
            (f"{run.models:,}", f"{run.devices:,}"),
            (run.path, run.host),
        ]
        for run in runs
    ]
    return _table(_RUN_HEADS, cells, width)


def _table(
    heads: Sequence[Cell], rows: Sequence[Sequence[Cell]], width: int
) -> Iterator[str]:
    # rich measures and wraps each cell, which takes minutes for 100,000 rows.
    lines: list[tuple[str, ...]] = []
    if width < _NARROW:
        for cells in (heads, *rows):
            lines += [tuple(printable(cell[part]) for cell in cells) for part in (0, 1)]
        right = [head[0] in _RIGHT for head in heads]
    else:
        names = [name for head in heads for name in head]
        used = [index for index, name in enumerate(names) if name]
        for cells in (heads, *rows):
            parts = [part for cell in cells for part in cell]
            lines.append(tuple(printable(parts[index]) for index in used))
        right = [names[index] in _RIGHT for index in used]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (
            text.rjust(size) if to_right else text.ljust(size)
            for text, size, to_right in zip(line, widths, right, strict=True)
        )
        yield "  ".join(padded).rstrip()


def record_facts(row: StoredRecord) -> list[Cell]:
    """Return all that the store knows of a record, as names and texts."""
    result = row.result()
    latency = result.latency
    median = f"{figures.median(latency)} {figures.interval(latency)}".strip()
    facts = [
        ("run", row.run),
        ("job", row.job_id),
        ("started", row.started_utc),
        ("model", f"{row.model}, {row.variant}, {figures.size(row.size_bytes)}"),
        ("sha256", row.model_sha256),
        ("device", f"{result.place}, {row.kind}"),
        ("engine", row.engine or ""),
        ("status", figures.status(result.status)),
        ("problem", row.problem or ""),
        ("basis", figures.BASIS_NAMES[result.time_basis]),
        ("latency", f"{median}, n={latency.n}" if latency else ""),
        *((name, f"{size:,}") for name, size in result.memory.items()),
        ("accuracy", ", ".join(figures.accuracy(result.accuracy)).strip("-, ")),
        ("equals host", " ".join(figures.agreement(result.agreement)).strip("- ")),
        ("line", f"{row.path} at byte {row.line_offset:,}, on {row.host}"),
    ]
    return [(name, text) for name, text in facts if text]


def run_facts(run: StoredRun) -> list[Cell]:
    """Return all that the store knows of a run, as names and texts."""
    environment = environment_of(run)
    told = ", ".join(
        f"{name} {value}" for name, value in environment.items() if name != "packages"
    )
    packages = environment.get("packages")
    versions = packages.items() if isinstance(packages, dict) else ()
    facts = [
        ("run", run.name),
        ("records", f"{run.records:,}, {run.ok:,} of them ok"),
        ("from", f"{run.first_utc} to {run.last_utc}"),
        ("of", f"{counted(run.models, 'model')} on {counted(run.devices, 'device')}"),
        ("file", f"{run.path}, on {run.host}"),
        ("environment", told),
        ("packages", ", ".join(f"{name} {value}" for name, value in versions)),
    ]
    return [(name, text) for name, text in facts if text]


def fact_lines(facts: Sequence[Cell]) -> Iterator[str]:
    """Yield names and texts, one below the other."""
    width = max(len(name) for name, _ in facts)
    for name, text in facts:
        first, *rest = printable(text, keep_lines=True).split("\n")
        yield f"{printable(name).ljust(width)}  {first}"
        yield from (f"{' ' * width}  {line}" for line in rest)


def imported_json(told: Imported) -> dict[str, object]:
    """Return what became of one file."""
    known = {
        "run": told.run,
        "path": str(told.path),
        "added": told.added,
        "notes": told.notes,
    }
    return {name: value for name, value in known.items() if value is not None}


def pruned_json(
    run: StoredRun, kept: dict[int, str | None], *, folders: bool
) -> dict[str, object]:
    """Return a run that is pruned, and what becomes of its folder."""
    deletes = folders and kept[run.id] is None
    told = {**run_json(run), "deletes_folder": deletes}
    reason = kept.get(run.id)
    return told if reason is None else {**told, "folder_stays": reason}


def print_lines(lines: Iterator[str]) -> None:
    """Print a result for a person."""
    for line in lines:
        print(line)


def width() -> int:
    """Return how many characters a line may have."""
    if not sys.stdout.isatty():
        return _WIDTH_WITHOUT_TERMINAL
    return shutil.get_terminal_size().columns


@contextlib.contextmanager
def output(out: Path | None) -> Iterator[TextIO]:
    """Yield stdout, or a file that is there as a whole or not at all."""
    if out is None:
        yield sys.stdout
        return
    partial = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            yield file
        partial.replace(out)
    except OSError as exc:
        raise RecordingError(
            "the export cannot be written",
            where=str(out),
            found=exc.strerror or str(exc),
        ) from exc
    finally:
        partial.unlink(missing_ok=True)
