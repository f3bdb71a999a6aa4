"""`hil inspect`: what a .tflite really is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from hil.bench.examples import resolve_path
from hil.cli.output import print_json, print_result
from hil.models.facts import read_model
from hil.models.summary import summarize, to_json
from hil.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hil.models.facts import Anatomy
    from hil.models.summary import ModelSummary, TensorLine

app = typer.Typer(add_completion=False)


@app.command()
def inspect(
    model: Annotated[
        str, typer.Argument(help="A .tflite (example:digits.tflite comes with hil).")
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Say what the file is by its own tensors, whatever its name says."""
    path = resolve_path(model, Path())
    summary = summarize(read_model(path), path)
    if json:
        print_json(to_json(summary))
    else:
        print_result(_page(summary))


def _page(summary: ModelSummary) -> RenderableType:
    weights = summary.label.weights
    facts = [
        ("file", str(summary.path)),
        ("sha256", summary.sha256),
        ("size", f"{summary.size_bytes:,} B"),
        ("is", summary.label.text),
        ("weights", f"{weights.quantized} of {weights.total} quantized"),
        *[("input", _tensor(line)) for line in summary.inputs],
        *[("output", _tensor(line)) for line in summary.outputs],
        ("MACs", f"{summary.macs.total:,} ({_uncounted(summary)})"),
        ("bytes", _bytes(summary.anatomy)),
    ]
    head = Table(box=None, pad_edge=False, show_header=False)
    for name, value in facts:
        head.add_row(Text(name, style="bold"), Text(printable(value)))
    return Group(head, Text(), _operators(summary))


def _operators(summary: ModelSummary) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("#", "operator", "version", "inputs", "outputs", "MACs"):
        table.add_column(name, justify="right" if name in {"#", "MACs"} else "left")
    for operator in summary.operators:
        cells = (
            str(operator.index),
            operator.name,
            str(operator.version),
            ", ".join(_short(line) for line in operator.inputs),
            ", ".join(_short(line) for line in operator.outputs),
            "-" if operator.macs is None else f"{operator.macs:,}",
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _bytes(anatomy: Anatomy) -> str:
    return (
        f"weights {anatomy.weight_bytes:,}, "
        f"quantization {anatomy.quantization_bytes:,}, "
        f"names {anatomy.name_bytes:,}, rest {anatomy.rest_bytes:,}"
    )


def _uncounted(summary: ModelSummary) -> str:
    names = summary.macs.uncounted
    return f"none counted for {', '.join(names)}" if names else "all operators counted"


def _tensor(line: TensorLine) -> str:
    text = f"{line.name}: {_short(line)}"
    if line.scale is None:
        return text
    return f"{text}, scale {line.scale:.9g}, zero point {line.zero_point}"


def _short(line: TensorLine) -> str:
    return f"{line.type}[{','.join(str(n) for n in line.shape)}]"
