"""`hil convert`: Keras, SavedModel, GraphDef to .tflite, proved by reading it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hil.bench.examples import resolve_path
from hil.cli.output import note, print_json, print_result
from hil.conversion.convert import Converted, convert_each
from hil.conversion.files import write
from hil.conversion.request import ConversionRequest, Mode
from hil.deadline import Deadline
from hil.errors import ConfigError, HilError, nearest
from hil.models.facts import sha256_of
from hil.printable import printable
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.models.summary import TensorLine

app = typer.Typer(add_completion=False)

_MODES = ", ".join(mode.value for mode in Mode)


@app.command()
def convert(
    model: Annotated[
        str,
        typer.Argument(help=".keras, whole model .h5, SavedModel folder, frozen .pb."),
    ],
    to: Annotated[str, typer.Option(help=f"Comma-separated, of: {_MODES}.")] = "float",
    representative: Annotated[
        str | None,
        typer.Option(help="Samples for int8 and int16x8 (.npz, IDX, folder)."),
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(help="What the model wants of raw pixels: 0..255, 0..1, -1..1."),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where files go.")] = Path(),
    input_type: Annotated[
        str | None,
        typer.Option(help="Of int8: int8 (as if not given), uint8, float32."),
    ] = None,
    output_type: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    signature: Annotated[
        str | None, typer.Option(help="Of a SavedModel: serving_default, ...")
    ] = None,
    tags: Annotated[str, typer.Option(help="Of a SavedModel: serve, ...")] = "",
    input_arrays: Annotated[
        str, typer.Option(help="Of a frozen graph, comma-separated.")
    ] = "",
    output_arrays: Annotated[str, typer.Option(help="Likewise.")] = "",
    input_shape: Annotated[
        list[str] | None,
        typer.Option(help="1,28,28,1 or NAME=1,28,28,1; once for each input."),
    ] = None,
    per_channel: Annotated[
        bool, typer.Option(help="A scale for each channel of a weight, or one.")
    ] = True,
    per_channel_dense: Annotated[
        bool, typer.Option(help="Likewise, of dense layers alone.")
    ] = True,
    float_from_qat: Annotated[
        bool,
        typer.Option(
            "--float-from-qat", help="Float, though the graph was trained for int8."
        ),
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds for all of it.", min=1)
    ] = 1800,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Convert by TensorFlow; a file that is not as asked for is an error."""
    source = resolve_path(model, Path())
    data = None if representative is None else resolve_path(representative, Path())
    modes = [_mode(name.strip()) for name in to.split(",")]
    whole = ConversionRequest(
        source=source,
        signature=signature,
        tags=_names(tags),
        input_arrays=_names(input_arrays),
        output_arrays=_names(output_arrays),
        input_shapes=_shapes(input_shape or []),
        representative=data,
        pixels=pixels,
        input_type=input_type,
        output_type=output_type,
        per_channel=per_channel,
        per_channel_dense=per_channel_dense,
        float_from_qat=float_from_qat,
    )
    requests = [_for_mode(whole, mode, modes) for mode in modes]
    stem = source.resolve().stem
    log_path = out / f"{stem}_convert.log"
    outcomes = convert_each(requests, Deadline(timeout), log_path=log_path)
    made = [each for each in outcomes if isinstance(each, Converted)]
    paths = [write(each, out, stem=stem) for each in made]
    if json:
        print_json(_document(source, made, paths))
    elif made:
        print_result(_table(made, paths))
        for each in made:
            for warning in each.warnings:
                note(f"{each.request.mode.value}: {warning}")
        note(f"log of TensorFlow {made[0].tensorflow}: {log_path}")
    _raise_first(outcomes)


def _raise_first(outcomes: Sequence[Converted | HilError]) -> None:
    """Raise the first error, after a line for each other one."""
    # One error stands for all requests that a deadline ended.
    errors = list(dict.fromkeys(e for e in outcomes if isinstance(e, HilError)))
    for error in errors[1:]:
        note(f"error: {error}")
    if errors:
        raise errors[0]


def _mode(name: str) -> Mode:
    allowed = [mode.value for mode in Mode]
    if name not in allowed:
        raise ConfigError(
            "there is no such mode",
            found=repr(name),
            allowed=_MODES,
            remedy=nearest(name, allowed),
        )
    return Mode(name)


def _for_mode(
    whole: ConversionRequest, mode: Mode, modes: Sequence[Mode]
) -> ConversionRequest:
    """Return what is asked of one mode: options go to those that they can concern.

    Where they concern none, each mode has them and refuses them.
    """
    request = replace(whole, mode=mode)
    if not mode.is_static and any(other.is_static for other in modes):
        request = replace(
            request, representative=None, pixels=None, input_type=None, output_type=None
        )
    scaled = [other for other in modes if other.has_scales]
    if not mode.has_scales and scaled:
        request = replace(request, per_channel=True, per_channel_dense=True)
    return request


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    shapes = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        parts = [size.strip() for size in sizes.split(",")]
        if not all(part.isdecimal() for part in parts) or name in shapes:
            raise ConfigError(
                "that is no shape of an input",
                found=f"--input-shape {text}",
                allowed="1,28,28,1 or NAME=1,28,28,1, once for each input",
            )
        shapes[name] = tuple(int(part) for part in parts)
    return shapes


def _document(
    source: Path, made: Sequence[Converted], paths: Sequence[Path]
) -> dict[str, object]:
    return {
        "source": str(source),
        "files": [
            {
                "mode": each.request.mode.value,
                "path": str(path),
                "size_bytes": len(each.data),
                "label": each.label.text,
                "inputs": [_line(line) for line in each.inputs],
                "outputs": [_line(line) for line in each.outputs],
                "warnings": list(each.warnings),
                "samples": each.samples,
                "seconds": round(each.seconds, 3),
                "tensorflow": each.tensorflow,
                "sha256": sha256_of(each.data),
                "log": str(each.log_path),
            }
            for each, path in zip(made, paths, strict=True)
        ],
    }


def _line(line: TensorLine) -> dict[str, object]:
    known = {
        "name": line.name,
        "type": line.type,
        "shape": list(line.shape),
        "scale": line.scale,
        "zero_point": line.zero_point,
    }
    return {name: value for name, value in known.items() if value is not None}


def _table(made: Sequence[Converted], paths: Sequence[Path]) -> PlainTable:
    table = PlainTable()
    floats = [len(each.data) for each in made if each.request.mode is Mode.FLOAT]
    for name in ("mode", "size", "of float", "is", "file"):
        right = name in {"size", "of float"}
        table.add_column(name, justify="right" if right else "left")
    for each, path in zip(made, paths, strict=True):
        cells = (
            each.request.mode.value,
            f"{len(each.data):,} B",
            f"{len(each.data) / floats[0]:.1%}" if floats else "",
            each.label.text,
            str(path),
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table
