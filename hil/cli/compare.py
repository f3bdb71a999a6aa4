"""`hil compare`: two runs held against each other, and gates on what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hil.bench.comparing.side import load_side
from hil.bench.comparing.verdict import CONFIDENCE, compare_runs, failing
from hil.bench.gates import parse_gate
from hil.cli.output import note, print_json, result_console
from hil.errors import ConfigError
from hil.report import comparison

app = typer.Typer(add_completion=False)

_FEWEST_CONFIDENT = 0.5


@app.command()
def compare(
    base: Annotated[Path, typer.Argument(help="A run folder or a records.jsonl.")],
    new: Annotated[Path, typer.Argument(help="The run that is held against it.")],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[GATE]...", help="Further gates.")
    ] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GATE",
            help="latency<+5%, insn<+0.1%, arena<=24000, accuracy>=-1pt, ...",
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option(help="Of the intervals, and so of the gates.")
    ] = CONFIDENCE,
    accept_undecided: Annotated[
        bool,
        typer.Option("--accept-undecided", help="A gate that is open does not fail."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Compare what was not measured alike."),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Tell what changed from one run to another, how surely, and what may explain it.

    Exit status 1 where a gate is broken, or undecided.
    """
    if not _FEWEST_CONFIDENT < confidence < 1:
        raise ConfigError(
            "no confidence", found=f"{confidence:g}", allowed="above 0.5 and below 1"
        )
    gates = [parse_gate(text) for text in [*(gate or []), *(more or [])]]
    found = compare_runs(
        load_side(base), load_side(new), gates=gates, force=force, confidence=confidence
    )
    failed = failing(found.gates, accept_undecided=accept_undecided)
    if json:
        print_json(comparison.to_json(found, passed=not failed))
    else:
        console = result_console()
        console.print(comparison.render(found, width=console.width))
    for text in found.notes:
        note(f"note: {text}")
    for finding in failed:
        note(f"gate {finding.outcome.value}: {finding.gate}  {finding.key}")
    raise typer.Exit(1 if failed else 0)
