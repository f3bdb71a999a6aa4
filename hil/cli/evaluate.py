"""`hil evaluate`: several .tflite files on one dataset, compared sample by sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from hil.accuracy.classes import most_confused
from hil.accuracy.gate import POINTS, parse_gate
from hil.accuracy.inputs import find_pixels
from hil.accuracy.rating import rate
from hil.bench.evaluation import evaluate as evaluate_models
from hil.bench.examples import resolve_path
from hil.bench.judge import make_engine
from hil.bench.plan import AccuracyGate
from hil.bench.versus import holds, versus_baseline
from hil.cli.output import note, print_json, result_console
from hil.engines.litert import Kernels
from hil.errors import ConfigError
from hil.printable import printable
from hil.report import accuracy, document, figures
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from hil.accuracy.comparison import Versus
    from hil.accuracy.rating import Rating
    from hil.bench.evaluation import Evaluated

app = typer.Typer(add_completion=False)

_MOST_CONFUSED = 5
_ONE_LINE_WIDTH = 130  # narrower, the second part of a figure goes below the first
_LEAST_CONFIDENCE = 0.5  # below that a gate would pass what more likely fails


@app.command()
def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help=".tflite files (example:... too)."),
    ],
    dataset: Annotated[
        str, typer.Option(help="Data to judge by (.npz, IDX, MLPerf or image folder).")
    ],
    baseline: Annotated[
        str | None,
        typer.Option(help="The model that the others are held to. Default: the first."),
    ] = None,
    metric: Annotated[
        str, typer.Option(help="topK, macro-f1, auc, mse or cosine.")
    ] = "top1",
    engine: Annotated[
        str, typer.Option(help="litert (XNNPACK), litert-builtin, litert-ref or tflm.")
    ] = "litert",
    gate: Annotated[
        str | None,
        typer.Option(metavar="drop<=POINTS", help="The most that a model may lose."),
    ] = None,
    confidence: Annotated[
        float, typer.Option(help="Of the gate and of the differences' intervals.")
    ] = 0.95,
    accept_undecidable: Annotated[
        bool, typer.Option("--accept-undecidable", help="Too few samples do not fail.")
    ] = False,
    pixels: Annotated[
        str | None,
        typer.Option(help="What the model wants of raw pixels: 0..255, 0..1, -1..1."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Use the first so many samples only.")
    ] = None,
    classes: Annotated[
        bool, typer.Option("--classes", help="Show each class, and what is mixed up.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Compare models on this host: accuracy with intervals, paired, without a device.

    Exit status 1 where a gate is given and not passed by every model.
    """
    limits = _limits(gate, confidence, accept_undecidable=accept_undecidable)
    evaluated = evaluate_models(
        _paths(models, baseline),
        resolve_path(dataset, Path()),
        metric=metric,
        make=lambda: make_engine(engine),
        pixels=find_pixels(pixels),
        samples=samples,
    )
    ratings = {model.name: rate(model.stored.scores) for model in evaluated}
    versus = _versus(evaluated, limits)
    if json:
        print_json(_document(evaluated, ratings, versus, engine=engine))
    else:
        console = result_console()
        console.print(_table(evaluated, ratings, width=console.width))
        if classes:
            console.print(_classes(evaluated, ratings))
        console.print(accuracy.render(versus, width=console.width))
        _notes(evaluated, engine)
    raise typer.Exit(0 if holds(limits, versus) else 1)


def _limits(
    gate: str | None, confidence: float, *, accept_undecidable: bool
) -> AccuracyGate:
    if not _LEAST_CONFIDENCE < confidence < 1:
        raise ConfigError(
            "no confidence", found=f"{confidence:g}", allowed="above 0.5 and below 1"
        )
    drop = None if gate is None else parse_gate(gate).most_drop
    return AccuracyGate(
        most_drop=drop, confidence=confidence, accept_undecidable=accept_undecidable
    )


def _paths(models: Sequence[str], baseline: str | None) -> list[Path]:
    """Return the files, the baseline first and none of them twice."""
    names = models if baseline is None else [baseline, *models]
    return list(dict.fromkeys(resolve_path(name, Path()) for name in names))


def _versus(evaluated: Sequence[Evaluated], limits: AccuracyGate) -> list[Versus]:
    # A baseline that answers nothing would let every model through.
    if limits.most_drop is not None and evaluated[0].nan_answers:
        raise ConfigError(
            "the gate cannot be decided",
            found=f"the baseline {evaluated[0].name} answers NaN in "
            f"{evaluated[0].nan_answers} of {evaluated[0].stored.scores.n} samples",
            allowed="a baseline that names a class for each sample",
            remedy="another baseline, by --baseline",
        )
    first, *others = (model.stored for model in evaluated)
    own = f"the answers of {first.variant}"
    if first.scores.target != own:
        return versus_baseline(first, others, limits)
    # Of its own answers the first model is no further away than nothing at all.
    if limits.most_drop is not None:
        raise ConfigError(
            "the gate cannot be decided",
            found=f"{first.scores.metric.name} to {own}, for the dataset has none",
            remedy="an .npz whose y holds what the model should answer",
        )
    return []


def _table(
    evaluated: Sequence[Evaluated], ratings: Mapping[str, Rating], *, width: int
) -> PlainTable:
    table = PlainTable()
    found = list(ratings.values())
    table.add_column("model", no_wrap=True)
    table.add_column("is")
    table.add_column(found[0].metric, justify="right", no_wrap=True)
    with_worst = any(rating.worst for rating in found)
    if with_worst:
        table.add_column("worst class", no_wrap=True)
    joint = "  " if width >= _ONE_LINE_WIDTH else "\n"
    for model, rating in zip(evaluated, found, strict=True):
        size = figures.size(model.variant.artifact.size_bytes)
        cells = [f"{model.name}{joint}{size}", model.variant.label]
        cells.append(joint.join(accuracy.rating(rating)))
        cells += [_worst(rating, joint)] if with_worst else []
        table.add_row(*(Text(printable(cell, keep_lines=True)) for cell in cells))
    return table


def _worst(rating: Rating, joint: str) -> str:
    worst = rating.worst
    if worst is None:
        return figures.ABSENT
    return (
        f"class {worst.label}: {POINTS * worst.value:.1f} %, n={worst.n}{joint}"
        f"{POINTS * worst.low:.1f} .. {POINTS * worst.high:.1f} %"
    )


def _classes(
    evaluated: Sequence[Evaluated], ratings: Mapping[str, Rating]
) -> RenderableType:
    """Return the recall of each class, a column a model, and what is mixed up most."""
    table = PlainTable()
    table.add_column("class", justify="right")
    table.add_column("n", justify="right")
    for name in ratings:
        table.add_column(Text(printable(name)), justify="right")
    for row in zip(*(rating.classes for rating in ratings.values()), strict=True):
        shares = (f"{POINTS * recall.value:.1f} %" for recall in row)
        table.add_row(str(row[0].label), str(row[0].n), *shares)
    lines = [
        Text(printable(f"{model.name} mixes up: {_confused(model)}"))
        for model in evaluated
    ]
    return Group(Text("\nrecall"), table, *lines)


def _confused(model: Evaluated) -> str:
    scores = model.stored.scores
    if scores.labels is None or scores.answers is None:
        return "not known by this metric"
    pairs = most_confused(scores.labels, scores.answers, most=_MOST_CONFUSED)
    return ", ".join(f"{a} for {b} ({n})" for b, a, n in pairs) or "nothing"


def _notes(evaluated: Sequence[Evaluated], engine: str) -> None:
    target = evaluated[0].stored.scores.target
    if target is not None:
        note(f"\nheld to: {target}")
    for model in evaluated:
        if model.scale_of is not None:
            note(
                f"note: {model.name}: the samples are quantized, and mean what they "
                f"mean to {model.scale_of}"
            )
        if model.nan_answers:
            note(
                f"note: {model.name}: {model.nan_answers} of {model.stored.scores.n} "
                "answers hold NaN, and count as wrong"
            )
        if model.stored.scores.ties:
            note(
                f"note: {model.name}: in {model.stored.scores.ties} samples equal "
                "scores decide; the first class counts, a device may take another"
            )
    if engine == Kernels.DEFAULT.value:
        note(
            "note: by LiteRT's default kernels (XNNPACK); for a microcontroller "
            "ask --engine tflm, or hil bench"
        )


def _document(
    evaluated: Sequence[Evaluated],
    ratings: Mapping[str, Rating],
    versus: Sequence[Versus],
    *,
    engine: str,
) -> dict[str, object]:
    compared = {row.variant: row for row in versus}
    models = []
    for model in evaluated:
        artifact = model.variant.artifact
        row: dict[str, object] = {
            "model": model.name,
            "path": str(artifact.path),
            "sha256": artifact.sha256,
            "size_bytes": artifact.size_bytes,
            "label": model.variant.label,
            "accuracy": accuracy.rating_json(ratings[model.name]),
            "nan_answers": model.nan_answers,
        }
        if model.name in compared:
            found = compared[model.name]
            row["versus"] = accuracy.comparison_json(
                found.comparison, baseline=found.baseline
            )
        models.append(row)
    return {"schema": document.SCHEMA, "engine": engine, "results": models}
