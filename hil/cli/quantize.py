"""`hil quantize`: a float .tflite to other recipes, each proved by reading it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import Pixels, prepare
from hil.bench.examples import resolve_path
from hil.bench.variants import input_spec
from hil.cli.output import print_json, print_result
from hil.errors import ConfigError, nearest
from hil.models.facts import read_model, sha256_of
from hil.models.graph import read_graph
from hil.printable import printable
from hil.quantization.artifact import write
from hil.quantization.calibration import CalibrationData
from hil.quantization.quantize import quantize as quantize_model
from hil.quantization.recipes import RECIPES, find_recipe

app = typer.Typer(add_completion=False)


@app.command()
def quantize(
    model: Annotated[
        str, typer.Argument(help="A float .tflite (example:digits.tflite).")
    ],
    recipe: Annotated[
        str, typer.Option(help=f"Comma-separated, of: {', '.join(RECIPES)}.")
    ] = "int8",
    calibration: Annotated[
        str | None,
        typer.Option(help="Samples to measure ranges on (.npz, IDX, folder)."),
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(help="What the model wants of raw pixels: 0..255, 0..1, -1..1."),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where files go.")] = Path(),
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Quantize without TensorFlow; a file that is not as asked for is an error."""
    path = resolve_path(model, Path())
    recipes = [find_recipe(name.strip()) for name in recipe.split(",")]
    data = read_model(path)
    samples = _samples(data, path, calibration, pixels=_pixels(pixels))
    rows = []
    for chosen in recipes:
        result = quantize_model(data, chosen, samples, where=str(path))
        rows.append(
            {
                "recipe": chosen.name,
                "path": str(write(result, out, stem=path.stem)),
                "size_bytes": len(result.data),
                "share_of_source": len(result.data) / len(data),
                "label": result.label,
                "sha256": sha256_of(result.data),
            }
        )
    if json:
        print_json({"source": str(path), "source_bytes": len(data), "files": rows})
        return
    table = Table(box=None, pad_edge=False)
    for name in ("recipe", "size", "of source", "is", "file"):
        table.add_column(
            name, justify="right" if name in {"size", "of source"} else "left"
        )
    for row in rows:
        cells = (
            f"{row['recipe']}",
            f"{row['size_bytes']:,} B",
            f"{row['share_of_source']:.1%}",
            f"{row['label']}",
            f"{row['path']}",
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    print_result(table)


def _pixels(text: str | None) -> Pixels | None:
    allowed = [kind.value for kind in Pixels]
    if text is None:
        return None
    if text not in allowed:
        raise ConfigError(
            "unknown kind of pixels",
            found=repr(text),
            allowed=", ".join(allowed),
            remedy=nearest(text, allowed),
        )
    return Pixels(text)


def _samples(
    data: bytes, path: Path, calibration: str | None, *, pixels: Pixels | None
) -> CalibrationData | None:
    if calibration is None:
        return None
    source = resolve_path(calibration, Path())
    dataset = load_dataset(source)
    spec = input_spec(read_graph(data, str(path)))
    if spec.dtype.kind != "f":
        raise ConfigError(
            "the model takes no floats, so it is quantized already",
            where=str(path),
            found=f"an input of type {spec.dtype}",
            allowed="a float32 model",
        )
    return CalibrationData(name=str(source), x=prepare(dataset, spec, pixels=pixels))
