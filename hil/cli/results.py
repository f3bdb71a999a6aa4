"""`hil results`: run folders indexed in SQL, listed, shown, exported, pruned."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hil.cli import results_page as page
from hil.cli.output import note, print_json
from hil.errors import ConfigError
from hil.results.store import pruning, query
from hil.results.store.database import DEFAULT_PLACE, Store
from hil.results.store.query import Wanted
from hil.results.store.rows import StoredRecord, timestamp
from hil.results.store.sources import find_sources
from hil.vocab import RunStatus, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.results.store.query import StoredRun

app = typer.Typer(add_completion=False, no_args_is_help=True)

_RUNS: Final = Path("runs")
_LIMIT: Final = 50


class Format(Enum):
    """What an export may be."""

    CSV = "csv"
    JSON = "json"


_Store = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="HIL_STORE",
        help="A file (SQLite) or postgresql://USER@HOST/DATABASE.",
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_Run = Annotated[
    str | None, typer.Option("--run", help="Name of a run; * is anything, here and in:")
]
_Model = Annotated[str | None, typer.Option("--model", help="Name of a model.")]
_Variant = Annotated[str | None, typer.Option("--variant", help="Name of a variant.")]
_Device = Annotated[str | None, typer.Option("--device", help="Name of a device.")]
_Engine = Annotated[str | None, typer.Option("--engine", help="Name of an engine.")]
_Sha = Annotated[
    str | None, typer.Option("--sha256", help="The first digits of a model's sha256.")
]
_Status = Annotated[
    RunStatus | None, typer.Option("--status", help="How the job ended.")
]
_Basis = Annotated[
    TimeBasis | None, typer.Option("--basis", help="What the ticks mean.")
]
_Since = Annotated[
    str | None, typer.Option("--since", help="Started then or later: 2026-11-21.")
]
_Before = Annotated[str | None, typer.Option("--before", help="Started before that.")]


@app.callback()
def results() -> None:
    """Run folders indexed in SQL; the folders stay the truth."""


@app.command("import")
def import_(
    folder: Annotated[
        list[Path],
        typer.Argument(help="Run folders, folders of them, or records.jsonl files."),
    ] = [_RUNS],  # noqa: B006 - typer makes a new list each time
    store: _Store = DEFAULT_PLACE,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Read all of them anew, not only what is new."),
    ] = False,
    json: _Json = False,
) -> None:
    """Index run folders; what is in the store already is not read again.

    Exit status 2 where one could not be read; all others are imported.
    """
    # Statistics and progress bars take longer to load than most lists to print.
    from hil.cli.results_import import import_all  # noqa: PLC0415

    files = find_sources(folder)
    with Store.open(store, create=True) as opened:
        done, failed = import_all(opened, files, rebuild=rebuild)
        where = opened.where
    if json:
        runs = [page.imported_json(each) for each in done]
        failures = [
            {**page.imported_json(each), "problem": str(exc)} for each, exc in failed
        ]
        print_json({"store": where, "runs": runs, "failed": failures})
    # Of a file that failed, too: what stood before the damage may be in the store.
    every = [*done, *(each for each, _ in failed)]
    for each in every:
        for text in each.notes:
            note(f"note: {text}")
    for _, exc in failed:
        note(f"error: {exc}")
    added = sum(each.added for each in every)
    runs_told = sum(each.run is not None for each in every)
    new = page.counted(added, "new record")
    note(f"{new} of {page.counted(runs_told, 'run')}; the store is {where}")
    if failed:
        note(f"{len(failed)} of {len(files)} files could not be imported as a whole")
    elif runs_told:
        note("hil results list shows them")
    raise typer.Exit(2 if failed else 0)


@app.command("list")
def list_records(
    run: _Run = None,
    model: _Model = None,
    variant: _Variant = None,
    device: _Device = None,
    engine: _Engine = None,
    sha256: _Sha = None,
    status: _Status = None,
    basis: _Basis = None,
    since: _Since = None,
    before: _Before = None,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="At most so many; 0 is all.")
    ] = _LIMIT,
    runs: Annotated[
        bool, typer.Option("--runs", help="List runs instead of records.")
    ] = False,
    store: _Store = DEFAULT_PLACE,
    json: _Json = False,
) -> None:
    """List records, newest first: one line a job, that is one window."""
    wanted = Wanted(
        run=run,
        model=model,
        variant=variant,
        device=device,
        engine=engine,
        sha256=sha256,
        status=status,
        basis=basis,
        since=_time(since, "--since"),
        before=_time(before, "--before"),
    )
    with Store.open(store) as opened, opened.reading() as connection:
        total = query.count(connection, wanted)
        if not total:
            _tell_why_none(query.unknown_names(connection, wanted))
        if runs:
            _list_runs(query.read_runs(connection, wanted, limit=limit or None), json)
            return
        rows = query.read(connection, wanted, limit=limit or None)
        if json:
            head = {"store": opened.where, "total": total}
            page.write_json(rows, sys.stdout, head=head)
        elif total:
            page.print_lines(page.record_lines(rows, width=page.width()))
    shown = min(total, limit or total)
    note(f"{shown:,} of {total:,} records{_more(shown, total)}")


def _list_runs(runs: Sequence[StoredRun], json: bool) -> None:
    if json:
        print_json({"schema": 1, "runs": [page.run_json(run) for run in runs]})
    elif runs:
        page.print_lines(page.run_lines(runs, width=page.width()))
        note(f"{page.counted(len(runs), 'run')}; hil results show RUN tells of one")


def _more(shown: int, total: int) -> str:
    if shown < total:
        return "; --limit 0 lists all, --device, --model, --since ... fewer"
    return "; hil results show ID tells of one" if total else ""


@app.command()
def show(
    what: Annotated[
        str, typer.Argument(metavar="ID|RUN", help="A record's number or a run's name.")
    ],
    store: _Store = DEFAULT_PLACE,
    json: _Json = False,
) -> None:
    """Tell all of a record, with the line that it is from, or of a run."""
    with Store.open(store) as opened, opened.reading() as connection:
        if what.isascii() and what.isdigit():
            row = query.read_one(connection, int(what[:18]))
            _show_record(row, json=json)
            return
        runs = query.read_runs(connection, Wanted(run=what))
        if not runs:
            told = query.unknown_names(connection, Wanted(run=what))
    if not runs:
        raise ConfigError(
            "there is no such run in the store",
            found=repr(what),
            remedy="; ".join(told) or "hil results list --runs",
        )
    if json:
        print_json({"schema": 1, "runs": [page.run_json(run) for run in runs]})
        return
    for run in runs:
        page.print_lines(page.fact_lines(page.run_facts(run)))
    note(f"hil report {Path(runs[0].path).parent} shows its figures")


def _show_record(row: StoredRecord, *, json: bool) -> None:
    from hil.results.store.evidence import read_line  # noqa: PLC0415 - as above

    line: dict[str, object] | None = None
    try:
        line = read_line(row)
    finally:
        # The index is no evidence: without its line it is told, and the error too.
        told = {"schema": 1, "record": page.record_json(row)}
        if json:
            print_json(told if line is None else {**told, "line": line})
        else:
            page.print_lines(page.fact_lines(page.record_facts(row)))


@app.command()
def export(
    run: _Run = None,
    model: _Model = None,
    variant: _Variant = None,
    device: _Device = None,
    engine: _Engine = None,
    sha256: _Sha = None,
    status: _Status = None,
    basis: _Basis = None,
    since: _Since = None,
    before: _Before = None,
    format: Annotated[Format, typer.Option("--format", help="csv or json.")] = (  # noqa: A002 - the option's name
        Format.CSV
    ),
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="A file; else to stdout.")
    ] = None,
    store: _Store = DEFAULT_PLACE,
) -> None:
    """Write all wanted records as CSV or JSON, newest first."""
    wanted = Wanted(
        run=run,
        model=model,
        variant=variant,
        device=device,
        engine=engine,
        sha256=sha256,
        status=status,
        basis=basis,
        since=_time(since, "--since"),
        before=_time(before, "--before"),
    )
    with Store.open(store) as opened, opened.reading() as connection:
        rows = query.read(connection, wanted)
        with page.output(out) as file:
            if format is Format.CSV:
                names = StoredRecord._fields
                count = page.write_csv(rows, file, columns=names)
            else:
                head = {"store": opened.where}
                count = page.write_json(rows, file, head=head)
        if not count:
            _tell_why_none(query.unknown_names(connection, wanted))
    note(f"{page.counted(count, 'record')}{'' if out is None else f' in {out}'}")


@app.command()
def prune(
    missing: Annotated[
        bool, typer.Option("--missing", help="Runs whose folder is gone.")
    ] = False,
    before: Annotated[
        str | None,
        typer.Option("--before", help="Runs that ended before that: 2026-11-21."),
    ] = None,
    folders: Annotated[
        bool, typer.Option("--folders", help="Delete their run folders, too.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, it is only told.")
    ] = False,
    store: _Store = DEFAULT_PLACE,
    json: _Json = False,
) -> None:
    """Take runs out of the store. Their folders stay, unless --folders is given."""
    if not missing and before is None:
        raise ConfigError(
            "nothing was said to prune",
            allowed="--missing, --before 2026-01-01, or both",
        )
    limit = _time(before, "--before")
    with Store.open(store) as opened:
        runs = pruning.find_prunable(opened, missing=missing, before=limit)
        kept = {run.id: pruning.why_kept(run) for run in runs} if folders else {}
        if yes:
            for run in runs:
                # The folder first: what fails stays in the store, and is tried again.
                if folders and kept[run.id] is None:
                    pruning.delete_folder(run)
                pruning.forget(opened, [run])
    if json:
        told = [page.pruned_json(run, kept, folders=folders) for run in runs]
        print_json({"schema": 1, "done": yes, "runs": told})
    elif runs:
        page.print_lines(page.run_lines(runs, width=page.width()))
    for run in runs:
        if kept.get(run.id) is not None:
            note(f"note: the folder of {run.name} stays: {kept[run.id]}")
    _tell_pruned(runs, kept, folders=folders, yes=yes)


def _tell_pruned(
    runs: Sequence[StoredRun], kept: dict[int, str | None], *, folders: bool, yes: bool
) -> None:
    held = page.counted(sum(run.records for run in runs), "record")
    gone = page.counted(sum(reason is None for reason in kept.values()), "folder")
    also = f", with {gone} deleted" if folders else "; no folder is touched"
    told = f"{page.counted(len(runs), 'run')} ({held})"
    note(f"{told} {'taken' if yes else 'would be taken'} out{also}")
    if runs and not yes:
        note("nothing was done; --yes does it")


def _time(text: str | None, option: str) -> str | None:
    return None if text is None else timestamp(text, where=option)


def _tell_why_none(reasons: Sequence[str]) -> None:
    for reason in reasons:
        note(f"note: {reason}")
