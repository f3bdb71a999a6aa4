"""`hil codegen`: a .tflite as C source for TFLite Micro."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hil.bench.examples import resolve_path
from hil.cli.output import print_json
from hil.codegen.source import write
from hil.codegen.tflm import generate
from hil.models.facts import read_model

app = typer.Typer(add_completion=False)


@app.command()
def codegen(
    model: Annotated[
        str, typer.Argument(help="A .tflite (example:digits.tflite comes with hil).")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where files go.")] = Path(),
    name: Annotated[
        str | None,
        typer.Option(
            help="Stands in the identifiers; default: the file's. Names that differ "
            "only in signs, or after 40 characters, give the same identifier."
        ),
    ] = None,
    variant: Annotated[
        str, typer.Option(help="The recipe, for the comment on where the file is from.")
    ] = "as-is",
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Write a C array and the op resolver with exactly the model's operators."""
    path = resolve_path(model, Path())
    files = generate(read_model(path), path, name=name, variant=variant)
    written = write(files, out)
    if json:
        print_json({"files": [str(file) for file in written]})
        return
    for file in written:
        print(file)
