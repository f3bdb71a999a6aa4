"""`hil bench`: plan.toml, or a model and devices on the command line, to records."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from hil.bench.judge import Judge
from hil.bench.plan import Plan, parse_plan, plan_document, read_plan, to_toml
from hil.bench.runner import Runner
from hil.bench.summary import summarize
from hil.bench.variants import build_variants
from hil.cli.output import note, print_json, progress_console, result_console
from hil.cli.targets import make_target
from hil.errors import ConfigError
from hil.report import document, terminal
from hil.report.order import ordered
from hil.results.environment import capture
from hil.results.run_folder import RunFolder
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.vocab import Job, Result, RunRecord

app = typer.Typer(add_completion=False)

_DEVICE_FAILURES = {
    RunStatus.LINK_BROKEN,
    RunStatus.TIMED_OUT,
    RunStatus.CRASHED,
    RunStatus.BROKEN_SETUP,
}
_DEFAULT_DEVICES = ["emulated-mcu", "emulated-phone"]


_Source = Annotated[
    str,
    typer.Argument(
        metavar="PLAN.toml|MODEL.tflite",
        help="A plan, or one model (example:digits.tflite comes with hil).",
    ),
]
_Dataset = Annotated[
    str | None, typer.Option(help="Data to judge accuracy by (.npz, IDX, folder).")
]
_Calibration = Annotated[
    str | None, typer.Option(help="Data to calibrate int8 and int16x8 with.")
]
_Pixels = Annotated[
    str | None,
    typer.Option(help="What the model wants of raw pixels: 0..255, 0..1, -1..1."),
]
_Variants = Annotated[
    str, typer.Option(help="Recipes, comma-separated; as-is: the file unchanged.")
]
_Device = Annotated[
    list[str] | None,
    typer.Option(help="Profile; may be given more than once. Default: both emulated."),
]
_Warmup = Annotated[int | None, typer.Option(help="Runs before timing.")]
_MinRuns = Annotated[int | None, typer.Option(help="Timed runs a window.")]
_MinSeconds = Annotated[float | None, typer.Option(help="Time a window.")]
_Windows = Annotated[int | None, typer.Option(help="Windows a variant.")]
_Samples = Annotated[
    int | None, typer.Option(help="Use at most so many samples; 0: none.")
]
_Order = Annotated[
    str | None, typer.Option(help="interleaved (A B A B) or sequential.")
]
_Timeout = Annotated[float | None, typer.Option(help="The deadline of one job.")]
_Accept = Annotated[
    list[str] | None,
    typer.Option(help="A status that is no failure here, such as unsupported_op."),
]
_Out = Annotated[Path, typer.Option(help="Where run folders go.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def bench(
    source: _Source,
    dataset: _Dataset = None,
    calibration: _Calibration = None,
    pixels: _Pixels = None,
    variants: _Variants = "as-is",
    device: _Device = None,
    warmup: _Warmup = None,
    min_runs: _MinRuns = None,
    min_seconds: _MinSeconds = None,
    windows: _Windows = None,
    samples: _Samples = None,
    order: _Order = None,
    timeout_seconds: _Timeout = None,
    accept: _Accept = None,
    out: _Out = Path("runs"),
    json: _Json = False,
) -> None:
    """Measure model variants on devices and keep every record."""
    options = {
        "warmup": warmup,
        "min_runs": min_runs,
        "min_seconds": min_seconds,
        "windows": windows,
        "samples": samples,
        "order": order,
        "timeout_seconds": timeout_seconds,
    }
    measure = {name: value for name, value in options.items() if value is not None}
    if source.endswith(".toml"):
        given = {"--dataset": dataset, "--calibration": calibration, "--device": device}
        _refuse_beside_plan([name for name, value in given.items() if value])
        plan, text = _plan_of_file(Path(source), measure)
    else:
        plan, text = _plan_of_command(
            source,
            dataset=dataset,
            calibration=calibration,
            pixels=pixels,
            variants=variants,
            devices=device or _DEFAULT_DEVICES,
            measure=measure,
            accept=accept or [],
        )
    folder = RunFolder.create(out, plan.name)
    folder.write_text("plan.toml", text)
    folder.write_json("environment.json", capture())
    results = ordered(summarize(_run(plan, folder)), text)
    if json:
        print_json(document.render(results, run=folder.name))
    else:
        console = result_console()
        console.print(terminal.render(results, width=console.width))
        note(f"\nrecords: {folder.path}")
    raise typer.Exit(exit_status(results, plan.accepted))


def exit_status(results: Sequence[Result], accepted: Sequence[RunStatus]) -> int:
    """Return 0 where each status is accepted, 3 where a device failed, else 1."""
    failed = {result.status for result in results} - set(accepted)
    if failed & _DEVICE_FAILURES:
        return 3
    return 1 if failed else 0


def _refuse_beside_plan(options: Sequence[str]) -> None:
    if options:
        raise ConfigError(
            "the plan says this already",
            found=", ".join(options),
            remedy="change the plan, or name a .tflite instead of it",
        )


def _plan_of_file(path: Path, measure: Mapping[str, object]) -> tuple[Plan, str]:
    """Return the plan of a file with the options of measuring laid over it."""
    plan, text = read_plan(path), path.read_text(encoding="utf-8")
    if not measure:
        return plan, text
    document_ = tomllib.loads(text)
    document_["measure"] = {**document_.get("measure", {}), **measure}
    where = f"{path} and the command line"
    return parse_plan(document_, where=where, folder=path.parent), to_toml(document_)


def _plan_of_command(
    model: str,
    *,
    dataset: str | None,
    calibration: str | None,
    pixels: str | None,
    variants: str,
    devices: Sequence[str],
    measure: Mapping[str, object],
    accept: Sequence[str],
) -> tuple[Plan, str]:
    """Return the plan that the options stand for, checked as a file's would be."""
    document_ = plan_document(
        name=Path(model.removeprefix("example:")).stem or "bench",
        model=model,
        dataset=dataset,
        calibration=calibration,
        pixels=pixels,
        variants=[name.strip() for name in variants.split(",")],
        devices=devices,
        measure=measure,
        accept=accept,
    )
    text = to_toml(document_)
    plan = parse_plan(tomllib.loads(text), where="the command line", folder=Path())
    return plan, text


def _run(plan: Plan, folder: RunFolder) -> list[RunRecord]:
    console = progress_console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("preparing", total=None)

        def say(text: str) -> None:
            progress.update(task, description=text)

        variants = [
            variant
            for model in plan.models
            for variant in build_variants(
                model, folder, samples=plan.measure.samples, progress=say
            )
        ]
        for told in dict.fromkeys(v.calibration for v in variants if v.calibration):
            note(f"note: calibrated on {told}")
        total = len(variants) * len(plan.devices) * plan.measure.windows
        progress.update(task, total=total)

        def started(job: Job) -> None:
            say(f"{job.device.name}: {job.model.name} {job.model.variant}")

        def ended(_: RunRecord) -> None:
            progress.advance(task)

        runner = Runner(
            folder=folder,
            judge=Judge(),
            make_target=lambda profile: make_target(profile, folder),
            measure=plan.measure,
            on_start=started,
            on_record=ended,
        )
        return runner.run(variants, plan.devices)
