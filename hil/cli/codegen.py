"""`hil codegen`: a .tflite as C source, for TFLite Micro or to run by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hil.bench.examples import resolve_path
from hil.cli.output import note, print_json
from hil.codegen.compiled import generate as compile_model
from hil.codegen.source import write
from hil.codegen.tflm import generate
from hil.errors import ConfigError, nearest
from hil.models.facts import read_model

app = typer.Typer(add_completion=False)

_ENGINES = ("tflm", "compiled")


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
    engine: Annotated[
        str,
        typer.Option(
            help="tflm: an array and an op resolver for TFLite Micro. compiled: C11 "
            "that needs no interpreter, beside firmware_templates/engines/compiled."
        ),
    ] = "tflm",
    variant: Annotated[
        str, typer.Option(help="The recipe, for the comment on where the file is from.")
    ] = "as-is",
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Write a model as C source, byte-identical on every run."""
    if engine not in _ENGINES:
        raise ConfigError(
            "unknown engine",
            found=repr(engine),
            allowed=", ".join(_ENGINES),
            remedy=nearest(engine, _ENGINES),
        )
    path = resolve_path(model, Path())
    data = read_model(path)
    if engine == "compiled":
        compiled = compile_model(data, path, variant=variant)
        note(
            f"arena {compiled.arena_bytes:,} B planned, lower bound "
            f"{compiled.lower_bound_bytes:,} B; constants {compiled.constant_bytes:,} B"
        )
        written = write(compiled.files, out)
    else:
        written = write(generate(data, path, name=name, variant=variant), out)
    if json:
        print_json({"files": [str(file) for file in written]})
        return
    for file in written:
        print(file)
