"""`hil tune`: the best variants of a model, searched with the device as judge."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hil.accuracy.gate import parse_gate
from hil.bench.examples import resolve_path
from hil.bench.tuning.plot import draw
from hil.bench.tuning.run import Budget, run_search
from hil.bench.tuning.settings import (
    DEFAULT_FINALISTS,
    DEFAULT_TRIALS,
    read_settings,
    settings_document,
)
from hil.cli.bench import exit_status
from hil.cli.output import note, print_json, progress_console, result_console
from hil.cli.tapes import Tapes
from hil.cli.targets import make_target
from hil.cli.tune_page import page, to_json
from hil.deadline import Deadline
from hil.errors import ConfigError
from hil.quantization.artifact import write_file
from hil.results.environment import capture
from hil.results.run_folder import RunFolder, load_plan, safe_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.bench.tuning.run import Found
    from hil.bench.tuning.settings import Settings

app = typer.Typer(add_completion=False)

_SCREENING_SHARE = 0.5  # of the budget that this host may take
_BESIDE_RESUME = frozenset({"resume", "budget_minutes", "out", "json"})
_DEFAULT_GATE = "drop<=1"


@app.command()
def tune(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(help="A float .tflite (example:digits.tflite comes with hil)."),
    ] = None,
    calibration: Annotated[
        str | None, typer.Option(help="Samples to measure ranges on.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Labelled samples to judge accuracy by.")
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(help="Profile of the judge; may be given more than once."),
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            help="latency, instructions, arena or flash; the first picks the winner. "
            "Default: all that the device tells."
        ),
    ] = None,
    gate: Annotated[
        str,
        typer.Option(metavar="drop<=POINTS", help="The most to lose against float."),
    ] = _DEFAULT_GATE,
    accept_undecidable: Annotated[
        bool, typer.Option("--accept-undecidable", help="Too few samples do not fail.")
    ] = False,
    metric: Annotated[str, typer.Option(help="topK, macro-f1 or auc.")] = "top1",
    pixels: Annotated[
        str | None,
        typer.Option(help="What the model wants of raw pixels: 0..255, 0..1, -1..1."),
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Candidates to try on this host.")
    ] = DEFAULT_TRIALS,
    finalists: Annotated[
        int, typer.Option(min=1, help="How many of them the devices measure.")
    ] = DEFAULT_FINALISTS,
    budget_minutes: Annotated[
        float | None,
        typer.Option(min=0, help="Stop by then; --resume goes on where it stopped."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Use so many of the dataset, drawn once.")
    ] = None,
    windows: Annotated[int | None, typer.Option(help="Windows a variant.")] = None,
    warmup: Annotated[int | None, typer.Option(help="Runs before timing.")] = None,
    min_runs: Annotated[int | None, typer.Option(help="Timed runs a window.")] = None,
    min_seconds: Annotated[float | None, typer.Option(help="Time a window.")] = None,
    timeout_seconds: Annotated[
        float | None, typer.Option(help="The deadline of one job.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the order of the samples.")] = 0,
    resume: Annotated[
        Path | None, typer.Option(help="The run folder of a search to go on with.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where run folders go.")] = Path("runs"),
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Where the front's files and pictures go."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Search variants of a float model; the device judges the last ones.

    Exit status 1 where nothing passes the gate, 3 where a device failed.
    """
    if resume is not None:
        _refuse_beside_resume(context)
        folder, settings = _resumed(resume)
    else:
        measure = {
            "windows": windows,
            "warmup": warmup,
            "min_runs": min_runs,
            "min_seconds": min_seconds,
            "timeout_seconds": timeout_seconds,
            "samples": samples,
        }
        limit = parse_gate(gate)
        text = settings_document(
            model=_path(model, "MODEL"),
            dataset=_path(dataset, "--dataset"),
            calibration=_path(calibration, "--calibration"),
            pixels=pixels,
            metric=metric,
            devices=device or _missing("--device"),
            measure={name: v for name, v in measure.items() if v is not None},
            gate=limit,
            accept_undecidable=accept_undecidable,
            objectives=objective or [],
            trials=trials,
            finalists=finalists,
            seed=seed,
        )
        settings = read_settings(text, where="the command line", folder=Path())
        folder = RunFolder.create(runs, settings.plan.name)
        folder.write_text("plan.toml", text)
        folder.write_json("environment.json", capture())
    note(f"records: {folder.path}")
    found = _searched(settings, folder, budget_minutes)
    own = folder.path / "front"
    if out is None:
        _clear(own)
    _tell(found, folder, _written(found, settings, out or own), json=json)
    raise typer.Exit(_status(found, settings))


def _searched(
    settings: Settings, folder: RunFolder, budget_minutes: float | None
) -> Found:
    console = progress_console()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("preparing", total=None)

        def say(text: str) -> None:
            progress.update(task, description=text)

        tapes = Tapes()
        try:
            return run_search(
                settings,
                folder,
                make_target=lambda profile: make_target(profile, folder, tapes),
                budget=_budget(budget_minutes),
                progress=say,
            )
        except KeyboardInterrupt:
            progress.stop()
            note(f"\nto go on: hil tune --resume {folder.path}")
            raise


def _budget(minutes: float | None) -> Budget | None:
    if minutes is None:
        return None
    seconds = 60 * minutes
    return Budget(
        screening=Deadline(seconds * _SCREENING_SHARE), measuring=Deadline(seconds)
    )


def _resumed(path: Path) -> tuple[RunFolder, Settings]:
    text = load_plan(path)
    if text is None or not path.is_dir():
        raise ConfigError(
            "there is no search to resume",
            where=str(path),
            allowed="the run folder of an earlier hil tune, with its plan.toml",
        )
    settings = read_settings(text, where=str(path / "plan.toml"), folder=path)
    return RunFolder(path), settings


def _clear(own: Path) -> None:
    """Remove what an earlier part of this search had put on the front."""
    for pattern in ("*.tflite", "front-*"):
        for path in own.glob(pattern):
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """Where the front's files went, by variant, and its pictures, by device."""

    files: Mapping[str, str]
    pictures: Mapping[str, Sequence[str]]


def _written(found: Found, settings: Settings, out: Path) -> _Written:
    """Write the files of the fronts and a picture of each."""
    stem = settings.model.path.stem
    files: dict[str, str] = {}
    pictures: dict[str, list[str]] = {}
    for standing in found.standings:
        for row in standing.front:
            variant = row.result.variant
            path = out / f"{stem}_{variant}.tflite"
            if variant not in files and variant in found.variants:
                write_file(path, found.variants[variant], what="variant")
                files[variant] = str(path)
        title = f"{stem} on {standing.device}"
        for suffix, data in draw(standing, title=title).items():
            path = out / f"front-{safe_name(standing.device)}.{suffix}"
            write_file(path, data, what="picture")
            pictures.setdefault(standing.device, []).append(str(path))
    return _Written(files=files, pictures=pictures)


def _tell(found: Found, folder: RunFolder, written: _Written, *, json: bool) -> None:
    if json:
        told = to_json(
            found, run=folder.name, files=written.files, pictures=written.pictures
        )
        print_json(told)
    else:
        console = result_console()
        console.print(page(found, width=console.width))
        drawn = itertools.chain.from_iterable(written.pictures.values())
        for path in (*written.files.values(), *drawn):
            note(f"written: {path}")
    if found.cut:
        note(f"the budget is spent; to go on: hil tune --resume {folder.path}")


def _status(found: Found, settings: Settings) -> int:
    if all(standing.winner is not None for standing in found.standings):
        return 0
    results = [row.result for standing in found.standings for row in standing.rows]
    return exit_status(results, settings.plan.accepted) or 1


def _path(text: str | None, name: str) -> Path:
    return resolve_path(text if text is not None else _missing(name), Path())


def _missing(name: str) -> NoReturn:
    raise ConfigError(
        f"hil tune needs {name}",
        allowed="hil tune MODEL --calibration C --dataset D --device PROFILE, or "
        "hil tune --resume RUN",
    )


def _refuse_beside_resume(context: typer.Context) -> None:
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [
        "MODEL" if name == "model" else f"--{name.replace('_', '-')}"
        for name, source in sources.items()
        if source is not None
        and source.name == "COMMANDLINE"
        and name not in _BESIDE_RESUME
    ]
    if given:
        raise ConfigError(
            "a search that is resumed has its plan already",
            found=", ".join(sorted(given)),
            allowed="--budget-minutes, --out and --json",
        )
