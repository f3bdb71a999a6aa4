"""`hil report`: the records of earlier runs as a table or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hil.bench.plan import read_accuracy_gate
from hil.bench.summary import summarize
from hil.bench.versus import report_accuracy
from hil.cli.output import note, print_json, result_console
from hil.report import accuracy, document, terminal
from hil.report.order import ordered
from hil.results.run_folder import load_plan, load_records, load_scores

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
    scores, more = load_scores(run)
    for text in notes + more:
        note(f"note: {text}")
    plan = load_plan(run)
    results = ordered(summarize(records), plan)
    judged = report_accuracy(scores, records, read_accuracy_gate(plan))
    if json:
        told = document.render(results, run=run.name)
        print_json(accuracy.with_accuracy(told, judged.ratings, judged.versus))
    else:
        console = result_console()
        width, ratings = console.width, judged.ratings
        console.print(terminal.render(results, width=width, ratings=ratings))
        console.print(accuracy.render(judged.versus, results, width=width))
    for row in judged.undecided:
        note(f"note: the gate is open for {row}: no labels, or no baseline there")
