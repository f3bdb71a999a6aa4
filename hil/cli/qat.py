"""`hil qat`: fine-tuning with FakeQuant, held against plain quantization."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import Pixels, find_pixels, prepare
from hil.bench.examples import resolve_path
from hil.cli.output import note, print_json, print_result
from hil.cli.qat_page import PTQ, comparison_table, document, remarks
from hil.deadline import Deadline
from hil.errors import ConfigError, RecordingError
from hil.models.graph import read_graph
from hil.models.input_spec import input_spec
from hil.quantization.calibration import CalibrationData
from hil.quantization.qat.qat import FLOAT, QAT, TUNED, fine_tune
from hil.quantization.qat.request import QatRequest, parse_sampler, parse_tune
from hil.quantization.qat.versus import stand
from hil.quantization.quantize import quantize
from hil.quantization.recipes import find_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping


app = typer.Typer(add_completion=False)

_RECIPE: Final = "int8"
_CALIBRATION_SAMPLES: Final = 100  # of the training data, where no other are named


@app.command()
def qat(
    model: Annotated[
        Path,
        typer.Argument(help="A tf_keras model: .h5, .keras or a SavedModel folder."),
    ],
    train: Annotated[str, typer.Option(help="Labelled samples to fine-tune on.")],
    test: Annotated[str, typer.Option(help="Labelled samples to judge on.")],
    calibration: Annotated[
        str | None,
        typer.Option(help="Samples for plain int8. Default: 100 of --train."),
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(help="What the model wants of raw pixels: 0..255, 0..1, -1..1."),
    ] = None,
    epochs: Annotated[int, typer.Option(help="Of the fine-tuning.")] = 3,
    batch: Annotated[int, typer.Option(help="Samples a step.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = 1e-4,
    seed: Annotated[int, typer.Option(help="Of weights, order and sampler.")] = 0,
    tune: Annotated[
        str | None, typer.Option(help="After the training: ranges, bits, or both.")
    ] = None,
    sampler: Annotated[
        str, typer.Option(help="grid, tpe, or gradient (ranges alone).")
    ] = "tpe",
    trials: Annotated[
        int, typer.Option(help="Of grid and tpe, earlier ones too.")
    ] = 20,
    timeout: Annotated[float, typer.Option(help="Seconds for the child.")] = 3600.0,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Where files, log and study go.")
    ] = Path("qat"),
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Fine-tune to int8 and say whether that is better than quantizing without it.

    Needs hil's extra `qat`.
    """
    train_path, test_path = (resolve_path(text, Path()) for text in (train, test))
    if train_path.exists() and test_path.exists() and train_path.samefile(test_path):
        raise ConfigError(
            "the test data are the training data",
            where=str(test_path),
            found="the same file",
            allowed="samples that the model was not trained on",
        )
    judged = load_dataset(test_path)
    request = QatRequest(
        source=model,
        train=train_path,
        folder=out,
        pixels=pixels,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        tune=parse_tune(tune),
        sampler=parse_sampler(sampler),
        trials=trials,
    )
    wanted = find_pixels(pixels)
    tuned = fine_tune(request, Deadline(timeout), log_path=out / "qat.log")
    source = resolve_path(calibration, Path()) if calibration else train_path
    models = {
        FLOAT: tuned.models[FLOAT],
        PTQ: _plain(
            tuned.models[FLOAT], source, named=bool(calibration), pixels=wanted
        ),
        **{name: data for name, data in tuned.models.items() if name != FLOAT},
    }
    paths = _write(models, out, stem=model.stem)
    standing = stand(models, judged, _pairs(models), pixels=wanted)
    if json:
        print_json(document(tuned, models, paths, standing))
    else:
        print_result(comparison_table(models, standing))
        for text in remarks(tuned, paths, standing, dataset=judged.name):
            note(text)


def _pairs(models: Mapping[str, bytes]) -> tuple[tuple[str, str], ...]:
    trained = [name for name in (QAT, TUNED) if name in models]
    return (
        *((name, PTQ) for name in trained),
        *((name, FLOAT) for name in (PTQ, *trained)),
    )


def _plain(data: bytes, source: Path, *, named: bool, pixels: Pixels | None) -> bytes:
    """Return the float model quantized without training, by true minima and maxima."""
    x = prepare(
        load_dataset(source), input_spec(read_graph(data, FLOAT)), pixels=pixels
    )
    samples = CalibrationData(
        name=str(source), x=x if named else x[:_CALIBRATION_SAMPLES]
    )
    return quantize(data, find_recipe(_RECIPE), samples, where=FLOAT).data


def _write(models: Mapping[str, bytes], out: Path, *, stem: str) -> dict[str, Path]:
    paths = {name: out / f"{stem}_{name}.tflite" for name in models}
    for name, data in models.items():
        try:
            paths[name].write_bytes(data)
        except OSError as exc:
            raise RecordingError(
                "the model cannot be written",
                where=str(paths[name]),
                found=exc.strerror or str(exc),
            ) from exc
    return paths
