"""`hil mlperf`: MLPerf Tiny's text protocol, runs and rules."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from hil.accuracy.mlperf_folder import read_rows
from hil.bench.mlperf_check import (
    Finding,
    Outcome,
    accuracy_of,
    check_rules,
    median_throughput,
)
from hil.bench.mlperf_check_belief import check_belief, clock_ratio
from hil.bench.mlperf_inputs import MlperfInput, read_inputs
from hil.bench.mlperf_run import INPUTS, SECONDS, run_accuracy, run_performance
from hil.cli.dialects import connection
from hil.cli.output import note, print_json, print_result, progress_console
from hil.cli.tapes import Tapes
from hil.deadline import Deadline
from hil.errors import ConfigError, nearest
from hil.links.cassette import Recorder, write_cassette
from hil.links.cassette_player import CassetteLink, is_cassette
from hil.links.serial_port import SerialLink
from hil.printable import printable
from hil.profiles import find_profile
from hil.report.plain_table import PlainTable
from hil.results.mlperf_cassette import cassette_of
from hil.results.mlperf_files import MlperfFiles
from hil.results.mlperf_import import read_run
from hil.results.run_folder import RunFolder
from hil.session.mlperf import MlperfSession
from hil.vocab import SerialSettings
from hil.wire.mlperf_run import MlperfRun, Mode, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.vocab import Link

app = typer.Typer(add_completion=False, no_args_is_help=True)

_COLORS: Final = {
    Outcome.PASSED: "green",
    Outcome.DOUBTFUL: "yellow",
    Outcome.FAILED: "red",
    Outcome.UNKNOWN: "dim",
}
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback()
def mlperf() -> None:
    """MLPerf Tiny: judge runs, drive a device by the text protocol, import logs."""


@app.command()
def check(
    run: Annotated[
        list[Path],
        typer.Argument(help="log.txt (.gz too) or the folder of a run, any runner's."),
    ],
    labels: Annotated[
        Path | None, typer.Option(help="y_labels.csv of the set, for the accuracy.")
    ] = None,
    accuracy: Annotated[
        Path | None,
        typer.Option(help="An accuracy run of the same firmware, to compare answers."),
    ] = None,
    json: _Json = False,
) -> None:
    """Judge runs by the rules, and whether they can be believed.

    Exit 1 where an item fails; a doubt is no failure.
    """
    known = {row.file: row.label for row in read_rows(labels)} if labels else {}
    other = read_run(accuracy, known) if accuracy else None
    judged = []
    for path in run:
        read = read_run(path, known)
        findings = [*check_rules(read), *check_belief(read, other)]
        judged.append((path, read, findings))
    if json:
        print_json({"runs": [_document(*each) for each in judged]})
    else:
        for each in judged:
            _print_checked(*each)
    failed = any(f.outcome is Outcome.FAILED for _, _, found in judged for f in found)
    raise typer.Exit(int(failed))


@app.command()
def run(
    dataset: Annotated[
        Path,
        typer.Argument(
            help="Folder with y_labels.csv, the runner's datasets, or an .npz of bytes."
        ),
    ],
    device: Annotated[
        str | None, typer.Option(help="A profile's name, or the path of its TOML.")
    ] = None,
    port: Annotated[
        str | None,
        typer.Option(help="A port, a pty, socket://, or cassette:FILE; no profile."),
    ] = None,
    baud: Annotated[
        int, typer.Option(help="Of --port.", min=300, max=12_000_000)
    ] = 115_200,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE laid over the profile.")
    ] = None,
    mode: Annotated[str, typer.Option(help="accuracy or performance.")] = "accuracy",
    n: Annotated[
        int | None, typer.Option("-n", help="Inferences a window; default: by time.")
    ] = None,
    warmup: Annotated[int, typer.Option(help="Before each window.", min=0)] = 10,
    seconds: Annotated[
        float, typer.Option(help="Of a window, where -n is not given.", min=0.01)
    ] = SECONDS,
    limit: Annotated[
        int | None, typer.Option(help="Use only the first inputs.", min=1)
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Make a cassette of the dialogue.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where run folders go.")] = Path("runs"),
    timeout_seconds: Annotated[
        float, typer.Option(help="The deadline of everything.", min=1)
    ] = 4 * 3600.0,
    json: _Json = False,
) -> None:
    """Drive a device by the text protocol; write the runner's result files, and check.

    Exit 1 where the run breaks a rule, 3 where the device or the line fails.
    """
    _refuse_other_modes(mode)
    link = _link(device, port, baud, setting or [], record)
    deadline = Deadline(timeout_seconds)
    session = MlperfSession(link)
    try:
        identity = session.open(deadline)
        inputs = read_inputs(
            dataset, identity.model, first_segments=mode == Mode.PERFORMANCE.value
        )[:limit]
        folder = RunFolder.create(out, f"mlperf-{identity.model}-{mode}").path
        files = MlperfFiles(folder)
        files.device(name=identity.name, profile=identity.profile, model=identity.model)
        if mode == Mode.ACCURACY.value:
            done = _shown(
                len(inputs),
                lambda tell: run_accuracy(
                    session, inputs, deadline, on_window=_telling(files, mode, tell)
                ),
            )
        else:
            done = _shown(
                min(len(inputs), INPUTS),
                lambda tell: run_performance(
                    session,
                    inputs,
                    deadline,
                    on_window=_telling(files, mode, tell),
                    n=n,
                    warmup=warmup,
                    seconds=seconds,
                ),
            )
    finally:
        session.close()
    computed = accuracy_of(done) if done.mode is Mode.ACCURACY else None
    files.finish(
        done,
        top1=computed.top1 if computed else None,
        auc=computed.auc if computed else None,
    )
    findings = [*check_rules(done), *check_belief(done)]
    if json:
        document = _document(folder, done, findings)
        print_json({**document, "retries": session.retries})
    else:
        _print_checked(folder, done, findings)
        for retry in session.retries:
            note(f"sent again: {retry}")
    raise typer.Exit(int(any(f.outcome is Outcome.FAILED for f in findings)))


@app.command("import")
def import_log(
    log: Annotated[Path, typer.Argument(help="log.txt of either runner (.gz too).")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The cassette to write.")
    ],
    inputs: Annotated[
        Path | None,
        typer.Option(help="The inputs in the log's order; else any bytes are right."),
    ] = None,
) -> None:
    """Make a cassette of a log: its device answers again as cassette:FILE."""
    read = read_run(log)
    data = None
    if inputs is not None:
        every = read_inputs(inputs, read.model)
        data = [each.data for each in every[: len(read.windows)]]
    header, events = cassette_of(read, origin=str(log), inputs=data)
    write_cassette(output, header, events)
    note(f"{len(read.windows):,} windows; replay them with --port cassette:{output}")


def _refuse_other_modes(mode: str) -> None:
    allowed = (Mode.ACCURACY.value, Mode.PERFORMANCE.value)
    if mode not in allowed:
        raise ConfigError(
            "there is no such mode",
            found=repr(mode),
            allowed=", ".join(allowed),
            remedy=nearest(mode, allowed),
        )


def _link(
    device: str | None,
    port: str | None,
    baud: int,
    setting: list[str],
    record: Path | None,
) -> Link:
    """Return the way to a device of a profile, or on a port without one."""
    if (device is None) == (port is None):
        raise ConfigError(
            "which device?",
            allowed="--device PROFILE, or --port PORT",
            remedy="hil devices probe shows the ports",
        )
    if device is not None:
        profile = find_profile(device, overrides=setting)
        if not isinstance(profile.link, SerialSettings):
            raise ConfigError(
                "a phone speaks no text protocol of MLPerf Tiny",
                where=str(profile.source),
                found=f"kind {profile.kind.value}",
            )
        if record is not None:
            link = dataclasses.replace(profile.link, record=record)
            profile = dataclasses.replace(profile, link=link)
        return connection(profile, Tapes())()
    assert port is not None
    way: Link = CassetteLink(port) if is_cassette(port) else SerialLink(port, baud)
    return way if record is None else Recorder(record, device=port).wrap(way)


def _telling(
    files: MlperfFiles, mode: str, advance: Callable[[], None]
) -> Callable[[MlperfInput, Window], None]:
    def tell(each: MlperfInput, window: Window) -> None:
        files.window(
            window,
            mode=Mode(mode),
            classes=each.classes,
            sent_bytes=each.sent_bytes,
            stride=each.stride,
            total_length=each.windows,
        )
        advance()

    return tell


def _shown(total: int, work: Callable[[Callable[[], None]], MlperfRun]) -> MlperfRun:
    """Do *work*, which is given what moves the progress bar by one."""
    console = progress_console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("inputs", total=total)
        return work(lambda: bar.advance(task))


def _print_checked(path: Path, run: MlperfRun, findings: list[Finding]) -> None:
    title = f"{path}: {run.model or 'model unknown'}, {run.mode.value}"
    who = f"{run.runner.value}, device {run.name or 'without a name'}"
    table = PlainTable(
        title=Text(printable(f"{title} ({who})")),
        title_justify="left",
    )
    for column in ("", "item", "found", "limit"):
        table.add_column(column)
    for finding in findings:
        table.add_row(
            Text(finding.outcome.value, style=_COLORS[finding.outcome]),
            Text(finding.item),
            Text(printable(finding.found)),
            Text(printable(finding.limit)),
        )
    print_result(table)
    for finding in findings:
        if finding.advice:
            print_result(Text(printable(f"  {finding.item}: {finding.advice}")))
    print_result("")


def _document(path: Path, run: MlperfRun, findings: list[Finding]) -> dict[str, object]:
    computed, clocks = accuracy_of(run), clock_ratio(run)
    known = {
        "path": str(path),
        "runner": run.runner.value,
        "mode": run.mode.value,
        "model": run.model,
        "name": run.name,
        "windows": len(run.windows),
        "median_throughput": median_throughput(run),
        "top1": computed.top1 if computed else None,
        "auc": computed.auc if computed else None,
        "clock_ratio": clocks[0] if clocks else None,
        "stated": dict(run.stated),
        "findings": [
            {
                "item": finding.item,
                "outcome": finding.outcome.value,
                "found": finding.found,
                "limit": finding.limit,
                "advice": finding.advice,
            }
            for finding in findings
        ],
    }
    return {key: value for key, value in known.items() if value is not None}
