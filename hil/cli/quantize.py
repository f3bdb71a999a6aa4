"""`hil quantize`: a float .tflite to other recipes, each proved by reading it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import Pixels, prepare
from hil.bench.examples import resolve_path
from hil.cli.output import print_json, print_result
from hil.errors import ConfigError, nearest
from hil.models.facts import read_model, sha256_of
from hil.models.graph import read_graph
from hil.models.input_spec import input_spec
from hil.printable import printable
from hil.quantization.artifact import write
from hil.quantization.calibration import CalibrationData
from hil.quantization.calibrators import NAMES, find_calibrator
from hil.quantization.preprocessing import (
    check_layout,
    check_pixels,
    check_preprocessing,
)
from hil.quantization.quantize import quantize as quantize_model
from hil.quantization.recipes import RECIPES, LayerRule, find_recipe
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from hil.accuracy.dataset import Dataset
    from hil.models.graph import Graph

app = typer.Typer(add_completion=False)

_RANGES = {
    Pixels.RAW: (0.0, 255.0),
    Pixels.UNIT: (0.0, 1.0),
    Pixels.SIGNED: (-1.0, 1.0),
}


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
    dataset: Annotated[
        str | None,
        typer.Option(help="Data that the model is known to take: same preprocessing?"),
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(help="What the model wants of raw pixels: 0..255, 0..1, -1..1."),
    ] = None,
    calibrator: Annotated[
        str, typer.Option(help=f"How ranges are made: {', '.join(NAMES)}.")
    ] = "minmax",
    keep_float: Annotated[
        list[str] | None,
        typer.Option(help="Layers to leave float: a pattern of output tensors' names."),
    ] = None,
    int16: Annotated[
        list[str] | None,
        typer.Option("--int16", help="Likewise: layers with int16 activations."),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where files go.")] = Path(),
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Quantize without TensorFlow; a file that is not as asked for is an error."""
    path = resolve_path(model, Path())
    recipes = [find_recipe(name.strip()) for name in recipe.split(",")]
    rules = _rules(keep_float or [], int16 or [])
    if rules:
        recipes = [chosen.with_rules(rules) for chosen in recipes]
    ranges_by = find_calibrator(calibrator)
    data = read_model(path)
    samples = None
    if calibration is not None:
        kind = parse_pixels(pixels)
        graph = read_graph(data, str(path))
        given = load_dataset(resolve_path(calibration, Path()), float_targets=True)
        samples = calibration_inputs(given, graph, pixels=kind, path=path)
        check_against(samples, graph, dataset=dataset, pixels=kind)
    rows = []
    for chosen in recipes:
        result = quantize_model(
            data, chosen, samples, where=str(path), calibrator=ranges_by
        )
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
    table = PlainTable()
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


def _rules(keep_float: list[str], int16: list[str]) -> list[LayerRule]:
    return [
        *(LayerRule(pattern=text, activations="float32") for text in keep_float),
        *(LayerRule(pattern=text, activations="int16") for text in int16),
    ]


def parse_pixels(text: str | None) -> Pixels | None:
    """Return the kind of pixels called *text*, or raise ConfigError."""
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


def calibration_inputs(
    dataset: Dataset, graph: Graph, *, pixels: Pixels | None, path: Path
) -> CalibrationData:
    """Return the samples of *dataset* as the float model at *path* takes them."""
    spec = input_spec(graph)
    if spec.dtype.kind != "f":
        raise ConfigError(
            "calibration data are for models that take floats",
            where=str(path),
            found=f"an input of type {spec.dtype}",
            allowed="a float32 model, not one that is quantized already",
            remedy="where it takes indices or pixels: dynamic, float16 or "
            "weight-only-int8, without calibration data",
        )
    where = str(dataset.source)
    check_layout(dataset.x.shape[1:], spec.shape[1:], where=where)
    return CalibrationData(name=where, x=prepare(dataset, spec, pixels=pixels))


def check_against(
    samples: CalibrationData,
    graph: Graph,
    *,
    dataset: str | None,
    pixels: Pixels | None,
) -> str:
    """Hold *samples* against a dataset or a kind of pixels; say what was checked.

    Raises ConfigError that names the mistake where they do not go together.
    """
    if dataset is not None:
        reference = load_dataset(resolve_path(dataset, Path()), float_targets=True)
        x = prepare(reference, input_spec(graph), pixels=pixels)
        check_preprocessing(samples.x, x, where=samples.name, against=reference.name)
        return f"as in {reference.name}"
    if pixels is not None:
        low, high = _RANGES[pixels]
        check_pixels(samples.x, low, high, where=samples.name)
        return f"pixels from {low:g} to {high:g}"
    return "not checked; --dataset names data that the model is known to take"
