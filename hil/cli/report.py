"""`hil report`: the records of earlier runs as a table, a page or a file for tools."""

from __future__ import annotations

import contextlib
import enum
import io
import json as json_text
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from hil.bench.cut_off import missing, with_cut_rows
from hil.bench.latency import windows_of
from hil.bench.plan import read_accuracy_gate, read_size
from hil.bench.summary import summarize
from hil.bench.versus import report_accuracy
from hil.cli.output import note, result_console
from hil.errors import ConfigError, RecordingError
from hil.report import (
    accuracy,
    csv_rows,
    document,
    html_page,
    junit,
    markdown,
    openmetrics,
    terminal,
)
from hil.report.order import ordered
from hil.report.rows import Run, collect
from hil.results.row_records import open_records
from hil.results.run_folder import load_plan, load_scores
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from hil.bench.versus import AccuracyReport
    from hil.vocab import RunRecord

app = typer.Typer(add_completion=False)


class Format(enum.Enum):
    """What a report is written as."""

    TERMINAL = "terminal"
    HTML = "html"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    OPENMETRICS = "openmetrics"


_SUFFIXES: Final = {
    ".html": Format.HTML,
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".md": Format.MARKDOWN,
    ".xml": Format.JUNIT,
    ".prom": Format.OPENMETRICS,
    ".txt": Format.TERMINAL,
}


_FILE_WIDTH: Final = 200


_Renderer = Callable[[Sequence[Run], Collection[RunStatus]], str]
_RENDERERS: Final[Mapping[Format, _Renderer]] = {
    Format.HTML: lambda runs, _: html_page.render(runs),
    Format.CSV: lambda runs, _: csv_rows.render(runs),
    Format.MARKDOWN: lambda runs, _: markdown.render(runs[-1]),
    Format.JUNIT: lambda runs, accepted: junit.render(runs[-1], accepted=accepted),
    Format.OPENMETRICS: lambda runs, _: openmetrics.render(runs[-1]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    run: Run
    judged: AccuracyReport
    accepted: frozenset[RunStatus]


@app.command()
def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run folders or records.jsonl; the newest is told, the others are "
            "its history.",
        ),
    ],
    form: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Default: by the name of --output, else terminal."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there, not to stdout.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="The same as --format json.")
    ] = False,
) -> None:
    """Show what a run measured; figures are computed anew from its raw records."""
    chosen = _format(form, output, json=json)
    loaded = _newest_last(runs)
    if output is not None:
        _write(output, _render(loaded, chosen))
        note(f"written: {output}")
    elif chosen is Format.TERMINAL:
        _print_tables(result_console(), loaded[-1])
    else:
        # No line end is added: stdout gets the bytes that a file would.
        print(_render(loaded, chosen), end="")
    for row in loaded[-1].judged.undecided:
        note(f"note: the gate is open for {row}: no labels, or no baseline there")


def _format(form: Format | None, output: Path | None, *, json: bool) -> Format:
    if json:
        if form not in {None, Format.JSON}:
            raise ConfigError(
                "--json and --format ask for different things",
                found=f"--format {form.value}" if form else None,
                remedy="give one of them",
            )
        return Format.JSON
    if form is not None:
        return form
    if output is None:
        return Format.TERMINAL
    if output.suffix not in _SUFFIXES:
        raise ConfigError(
            "the name of --output does not tell the format",
            found=output.name,
            allowed=f"a name that ends with {', '.join(_SUFFIXES)}",
            remedy="another name, or --format",
        )
    return _SUFFIXES[output.suffix]


def _newest_last(paths: Sequence[Path]) -> list[_Loaded]:
    loaded = [found for path in paths if (found := _load(path)) is not None]
    if not loaded:
        raise ConfigError(
            "there are no records in the run" + ("s" if len(paths) > 1 else ""),
            where=", ".join(map(str, paths)),
            remedy="a run that has ended its first job",
        )
    return sorted(loaded, key=lambda one: one.run.started_utc)


def _load(path: Path) -> _Loaded | None:
    """Return one run; None, with a note, where it has no record yet."""
    records, notes = open_records(path)
    scores, more = load_scores(path)
    for text in notes + more:
        note(f"note: {text}")
    if not records:
        note(f"note: {path}: no records yet; left out")
        return None
    plan = load_plan(path)
    size = read_size(plan)
    results = with_cut_rows(ordered(summarize(records), plan), size)
    lost = missing(results, size)
    if lost is not None:
        note(f"note: {path}: {lost}")
    judged = report_accuracy(scores, _judged(records), read_accuracy_gate(plan))
    rows = collect(
        results,
        records,
        times=windows_of,
        ratings=judged.ratings,
    )
    name = path.resolve().name if path.is_dir() else next(iter(records)).run
    run = Run(name=name, rows=rows, environment=_environment(path))
    return _Loaded(run=run, judged=judged, accepted=_accepted(plan))


def _judged(records: Iterable[RunRecord]) -> Iterator[RunRecord]:
    """Yield what says how good the answers were, without what fills the memory."""
    for record in records:
        if record.accuracy is not None or record.window == 0:
            yield replace(record, timing=None, memory={}, retries=(), evidence={})


def _render(loaded: Sequence[_Loaded], form: Format) -> str:
    newest = loaded[-1]
    if form is Format.TERMINAL:
        console = Console(file=io.StringIO(), width=_FILE_WIDTH, highlight=False)
        _print_tables(console, newest)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()
    runs = [one.run for one in loaded]
    if form is Format.JSON:
        # `dumps` would hold each word of the text as a string of its own.
        text = io.StringIO()
        json_text.dump(_json(loaded), text, indent=2)
        return text.getvalue() + "\n"
    return _RENDERERS[form](runs, newest.accepted)


def _print_tables(console: Console, one: _Loaded) -> None:
    results = [row.result for row in one.run.rows]
    width, judged = console.width, one.judged
    console.print(terminal.render(results, width=width, ratings=judged.ratings))
    console.print(accuracy.render(judged.versus, results, width=width))


def _json(loaded: Sequence[_Loaded]) -> dict[str, object]:
    """Return the newest run's document, with those of earlier ones as its history."""
    documents = [
        accuracy.with_accuracy(
            document.render([row.result for row in one.run.rows], run=one.run.name),
            one.judged.ratings,
            one.judged.versus,
        )
        for one in loaded
    ]
    earlier = documents[:-1]
    return documents[-1] | ({"history": earlier} if earlier else {})


def _environment(path: Path) -> dict[str, object]:
    """Return what the run was made on; empty where that was not kept."""
    folder = path if path.is_dir() else path.parent
    try:
        read = json_text.loads((folder / "environment.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _accepted(plan: str | None) -> frozenset[RunStatus]:
    """Return the states that the plan calls no failure, where it can be read."""
    try:
        names = tomllib.loads(plan or "").get("gate", {}).get("accept", [])
        return frozenset(RunStatus(name) for name in names)
    except (tomllib.TOMLDecodeError, AttributeError, TypeError, ValueError):
        return frozenset()


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        partial.replace(path)
    except OSError as exc:
        with contextlib.suppress(OSError):  # half a page would keep the disk full
            partial.unlink(missing_ok=True)
        raise RecordingError(
            "the report cannot be written",
            where=str(path),
            found=exc.strerror or str(exc),
            remedy="free space, or another file",
        ) from exc
