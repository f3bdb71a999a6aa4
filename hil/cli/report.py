"""`hil report`: the records of earlier runs as a table or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hil.bench.summary import summarize
from hil.cli.output import note, print_json, result_console
from hil.report import document, terminal
from hil.report.order import ordered
from hil.results.run_folder import load_plan, load_records

app = typer.Typer(add_completion=False)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="A run folder or a records.jsonl.")],
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Show what a run measured; figures are computed anew from its raw records."""
    records, notes = load_records(run)
    for text in notes:
        note(f"note: {text}")
    results = ordered(summarize(records), load_plan(run))
    if json:
        print_json(document.render(results, run=run.name))
    else:
        console = result_console()
        console.print(terminal.render(results, width=console.width))
