"""`hil energy`: a power meter's traces laid over a run: microjoules per inference."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli.output import note, print_json, result_console
from hil.errors import ConfigError
from hil.printable import printable
from hil.report.plain_table import PlainTable
from hil.results.energy import Basis, measured_energy
from hil.results.energy_files import read_trace
from hil.results.run_folder import load_records

if TYPE_CHECKING:
    from hil.results.energy import Energy

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def energy(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    traces: Annotated[
        list[Path],
        typer.Argument(help="MLPerf's *-energy.bin, or CSV of Joulescope, Otii, any."),
    ],
    volts: Annotated[
        float | None, typer.Option(help="The supply, where a CSV has current alone.")
    ] = None,
    begins: Annotated[
        str | None,
        typer.Option(help="When a trace's clock was 0: 2026-01-31T12:00:00Z."),
    ] = None,
    offset_seconds: Annotated[
        float, typer.Option(help="How far this host's clock is ahead of the meter's.")
    ] = 0.0,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Print microjoules per inference of each model and device, with its interval."""
    records, notes = load_records(run)
    read = [read_trace(path, volts=volts) for path in traces]
    start = offset_seconds + (0.0 if begins is None else _unix_time(begins))
    read = [
        trace.shifted(start, is_absolute=trace.is_absolute or begins is not None)
        for trace in read
    ]
    figures = measured_energy(records, read)
    for text in notes:
        note(text)
    if json:
        print_json({"run": str(run), "energy": [_document(f) for f in figures]})
        return
    result_console().print(_table(figures))
    if any(w.basis is Basis.STRETCH for f in figures for w in f.windows):
        note(
            "stretch: the part of a job that took the most, as long as the device's "
            "own time; edges of a pin are surer (docs/energy.md)"
        )


def _unix_time(text: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as exc:
        raise ConfigError(
            "--begins is no time", found=repr(text), allowed="2026-01-31T12:00:00+00:00"
        ) from exc
    if moment.tzinfo is None:
        raise ConfigError(
            "--begins does not say its time zone", found=text, remedy=f"{text}+00:00"
        )
    return moment.timestamp()


def _document(figure: Energy) -> dict[str, object]:
    windows = [
        {**asdict(window), "uj_per_inference": window.uj_per_inference}
        for window in figure.windows
    ]
    return {**asdict(figure), "windows": windows}


def _table(figures: list[Energy]) -> PlainTable:
    table = PlainTable(header_style="bold")
    for name in ("model", "variant", "device"):
        table.add_column(name)
    for name in ("uJ/inference", "interval of the median", "mW", "windows"):
        table.add_column(name, justify="right")
    for figure in figures:
        power = [window.milliwatts for window in figure.windows]
        bases = sorted({window.basis.value for window in figure.windows})
        table.add_row(
            printable(figure.model),
            printable(figure.variant),
            printable(figure.place),
            f"{figure.median_uj:,.3f}",
            _interval(figure),
            f"{sum(power) / len(power):,.3f}",
            f"{len(figure.windows)}, {', '.join(bases)}",
        )
    return table


def _interval(figure: Energy) -> str:
    if figure.low_uj is None or figure.high_uj is None or figure.confidence is None:
        return "needs two windows"
    low, high = f"{figure.low_uj:,.3f}", f"{figure.high_uj:,.3f}"
    return f"{low} to {high} ({figure.confidence:.1%})"
