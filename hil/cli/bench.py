"""`hil bench`: plan.toml, or a model and devices on the command line, to records."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from hil.accuracy.gate import POINTS, parse_gate
from hil.bench.comparing.side import load_side
from hil.bench.comparing.verdict import compare_runs, failing
from hil.bench.jobs import PHONES
from hil.bench.judge import Judge
from hil.bench.phone_plan import phone_options
from hil.bench.phone_stop import EarlyStop
from hil.bench.plan import (
    Plan,
    parse_plan,
    plan_document,
    read_plan,
    to_toml,
    with_link,
)
from hil.bench.preparation import prepare
from hil.bench.runner import Runner
from hil.bench.summary import summarize
from hil.bench.versus import report_accuracy
from hil.cli.output import note, print_json, progress_console, result_console
from hil.cli.tapes import Tapes
from hil.cli.targets import make_target
from hil.errors import ConfigError, HilError
from hil.report import accuracy, comparison, document, terminal
from hil.report.order import ordered
from hil.results.environment import capture
from hil.results.run_folder import RunFolder, load_scores
from hil.vocab import DEVICE_FAILURES, RunStatus, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.bench.comparing.side import Side
    from hil.results.comparison import GateFinding, RunComparison
    from hil.vocab import Job, Result, RunRecord

app = typer.Typer(add_completion=False)

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
_Metric = Annotated[
    str | None,
    typer.Option(help="topK, macro-f1, auc, mse, cosine or none. Default: top1."),
]
_Gate = Annotated[
    str | None,
    typer.Option(metavar="drop<=POINTS", help="The most accuracy a variant may lose."),
]
_Baseline = Annotated[
    str | None,
    typer.Option(help="float (the model as it is, on this host) or a variant."),
]
_Against = Annotated[
    Path | None,
    typer.Option(help="An earlier run to compare with; gate.limits are held to it."),
]
_Preset = Annotated[
    str | None, typer.Option(help="How to measure: mlperf-tiny or mlperf-mobile.")
]
_Threads = Annotated[
    str | None, typer.Option(help="On phones: numbers of threads, 1,2,4.")
]
_Cores = Annotated[
    str | None, typer.Option(help="On phones: cores to pin to, such as fastest,4-7.")
]
_Delegates = Annotated[
    str | None, typer.Option(help="On phones: none, xnnpack, gpu, nnapi, npu.")
]
_Binary = Annotated[
    Path | None,
    typer.Option(help="Your benchmark_model for phones; its ABI is checked first."),
]
_Protocol = Annotated[
    str | None,
    typer.Option(help="Of a board: hil (frames), mlperf (text), auto (ask it)."),
]
_Record = Annotated[
    Path | None,
    typer.Option(
        help="Keep the dialogue with the device: another one, as cassette:FILE."
    ),
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
    metric: _Metric = None,
    gate: _Gate = None,
    baseline: _Baseline = None,
    against: _Against = None,
    preset: _Preset = None,
    threads: _Threads = None,
    cores: _Cores = None,
    delegates: _Delegates = None,
    binary: _Binary = None,
    protocol: _Protocol = None,
    record: _Record = None,
    out: _Out = Path("runs"),
    json: _Json = False,
) -> None:
    """Measure model variants on devices and keep every record."""
    options = {
        "preset": preset,
        "warmup": warmup,
        "min_runs": min_runs,
        "min_seconds": min_seconds,
        "windows": windows,
        "samples": samples,
        "order": order,
        "timeout_seconds": timeout_seconds,
    }
    measure = {name: value for name, value in options.items() if value is not None}
    phone = phone_options(
        threads=threads, cores=cores, delegates=delegates, binary=binary
    )
    link = _link_options(protocol, record)
    if source.endswith(".toml"):
        given = {
            "--dataset": dataset,
            "--calibration": calibration,
            "--device": device,
            "--metric": metric,
            "--gate": gate,
            "--baseline": baseline,
        }
        _refuse_beside_plan([name for name, value in given.items() if value])
        plan, text = _plan_of_file(Path(source), measure, phone, link)
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
            metric=metric,
            gate=_gate_table(gate, baseline),
            phone=phone,
            link=link,
        )
    reference = None if against is None else load_side(against)
    _require_reference(plan, reference)
    folder = RunFolder.create(out, plan.name)
    folder.write_text("plan.toml", text)
    folder.write_json("environment.json", capture())
    records = _run(plan, folder)
    results = ordered(summarize(records), text)
    judged = report_accuracy(load_scores(folder.path)[0], records, plan.accuracy)
    compared, failed = _compared(plan, folder, reference)
    if json:
        told = document.render(results, run=folder.name)
        told = accuracy.with_accuracy(told, judged.ratings, judged.versus)
        if compared is not None:
            told["comparison"] = comparison.to_json(compared, passed=not failed)
        print_json(told)
    else:
        console = result_console()
        width, ratings = console.width, judged.ratings
        console.print(terminal.render(results, width=width, ratings=ratings))
        console.print(accuracy.render(judged.versus, results, width=width))
        if compared is not None and reference is not None:
            console.print(comparison.render(compared, width=width))
        elif compared is not None:
            console.print(comparison.render_gates(compared.gates))
        note(f"\nrecords: {folder.path}")
    for row in judged.undecided:
        note(f"note: the gate is open for {row}: no labels, or no baseline there")
    for finding in failed:
        note(f"gate {finding.outcome.value}: {finding.gate}  {finding.key}")
    status = exit_status(results, plan.accepted)
    raise typer.Exit(status or int(bool(failed) or not judged.passed))


def exit_status(results: Sequence[Result], accepted: Sequence[RunStatus]) -> int:
    """Return 0 where each status is accepted, 3 where a device failed, else 1."""
    failed = {result.status for result in results} - set(accepted)
    if failed & DEVICE_FAILURES:
        return 3
    return 1 if failed else 0


def _require_reference(plan: Plan, reference: Side | None) -> None:
    """Refuse what could not be compared, before anything is measured."""
    relative = [gate.text for gate in plan.limits if gate.relative]
    if relative and reference is None:
        raise ConfigError(
            "limits on a change need a run to compare with",
            where="gate.limits",
            found=", ".join(relative),
            remedy="--against RUNFOLDER, or limits without a sign: arena<=24000",
        )
    if reference is None:
        return
    planned = [f"{m.path.stem} {v}" for m in plan.models for v in m.variants]
    known = dict.fromkeys(f"{r.key.model} {r.key.variant}" for r in reference.rows)
    if not set(planned) & set(known):
        raise ConfigError(
            "the earlier run has none of the plan's variants",
            where=reference.name,
            found=", ".join(known),
            allowed=", ".join(planned),
        )


def _compared(
    plan: Plan, folder: RunFolder, reference: Side | None
) -> tuple[RunComparison | None, list[GateFinding]]:
    """Compare the run with an earlier one, or hold it to its own limits."""
    if reference is None and not plan.limits:
        return None, []
    new = load_side(folder.path)
    try:
        found = compare_runs(reference or new, new, gates=plan.limits)
    except HilError:
        note(f"the run is whole, and not compared: hil report {folder.path}")
        raise
    undecidable = plan.accuracy.accept_undecidable
    return found, failing(found.gates, accept_undecided=undecidable)


def _refuse_beside_plan(options: Sequence[str]) -> None:
    if options:
        raise ConfigError(
            "the plan says this already",
            found=", ".join(options),
            remedy="change the plan, or name a .tflite instead of it",
        )


def _plan_of_file(
    path: Path,
    measure: Mapping[str, object],
    phone: Mapping[str, object],
    link: Mapping[str, str],
) -> tuple[Plan, str]:
    """Return the plan of a file with the options of measuring laid over it."""
    plan, text = read_plan(path), path.read_text(encoding="utf-8")
    if not measure and not phone and not link:
        return plan, text
    document_ = tomllib.loads(text)
    document_["measure"] = {**document_.get("measure", {}), **measure}
    document_["phone"] = {**document_.get("phone", {}), **phone}
    where = f"{path} and the command line"
    laid = with_link(document_, link)
    return parse_plan(laid, where=where, folder=path.parent), to_toml(laid)


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
    metric: str | None,
    gate: Mapping[str, object],
    phone: Mapping[str, object],
    link: Mapping[str, str],
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
        metric=metric,
        gate=gate,
        phone=phone,
    )
    text = to_toml(with_link(document_, link))
    plan = parse_plan(tomllib.loads(text), where="the command line", folder=Path())
    return plan, text


def _link_options(protocol: str | None, record: Path | None) -> dict[str, str]:
    options = {"protocol": protocol, "record": None if record is None else str(record)}
    return {key: value for key, value in options.items() if value is not None}


def _gate_table(gate: str | None, baseline: str | None) -> dict[str, object]:
    table: dict[str, object] = {}
    if gate is not None:
        table["accuracy_drop_points"] = parse_gate(gate).most_drop * POINTS
    if baseline is not None:
        table["baseline"] = baseline
    return table


def _run(plan: Plan, folder: RunFolder) -> list[RunRecord]:
    console = progress_console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("preparing", total=None)

        def say(text: str) -> None:
            progress.update(task, description=text)

        ready = prepare(plan, folder, say)
        variants = ready.variants
        for name, problem in ready.problems.items():
            note(f"note: no baseline of {name}: {problem}")
        decide = EarlyStop(variants, ready.baselines, plan.accuracy.limit)
        for told in dict.fromkeys(v.calibration for v in variants if v.calibration):
            note(f"note: calibrated on {told}")
        places = sum(
            len(plan.phone.settings) if d.kind in PHONES else 1 for d in plan.devices
        )
        total = len(variants) * places * plan.measure.windows
        progress.update(task, total=total)

        def started(job: Job) -> None:
            where = place(job.device.name, job.setting)
            say(f"{where}: {job.model.name} {job.model.variant}")

        def ended(_: RunRecord) -> None:
            progress.advance(task)

        tapes = Tapes()
        runner = Runner(
            folder=folder,
            judge=Judge(keep=folder.append_scores, targets=ready.targets),
            make_target=lambda profile: make_target(
                profile, folder, tapes, conditions=plan.phone.conditions, decide=decide
            ),
            measure=plan.measure,
            settings=plan.phone.settings,
            on_start=started,
            on_record=ended,
        )
        try:
            return runner.run(variants, plan.devices)
        except KeyboardInterrupt:
            progress.stop()
            kept = f"; the records so far: hil report {folder.path}"
            note(f"\nbroken off{kept if runner.records else ', without a record'}")
            raise
