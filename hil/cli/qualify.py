"""`hil qualify`: whether a device's link, timer and answers can be trusted."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from hil.bench.examples import resolve_path
from hil.bench.jobs import plan_jobs
from hil.bench.judge import make_engine, reference_engine
from hil.bench.plan import AS_IS, Measure, PlannedModel
from hil.bench.qualify import Item, Outcome, Subject, qualify
from hil.bench.variants import build_variants
from hil.cli.output import print_json, print_result
from hil.cli.targets import make_target
from hil.deadline import Deadline
from hil.errors import ConfigError
from hil.printable import printable
from hil.profiles import find_profile
from hil.results.run_folder import RunFolder
from hil.targets.layers import Prepared, Wrapped
from hil.targets.mcu import McuTarget
from hil.vocab import TargetKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.bench.variants import Variant
    from hil.session.session import Session
    from hil.vocab import DeviceProfile, Job, Target
    from hil.wire.hello import HelloReply

app = typer.Typer(add_completion=False)

_QUALIFIED = (
    TargetKind.EMULATED_MCU,
    TargetKind.MCU,
    TargetKind.NATIVE,
    TargetKind.QEMU,
)
_EXAMPLE_MODEL = "example:digits.tflite"
_EXAMPLE_DATASET = "example:digits_test.npz"


@app.command("qualify")
def qualify_device(
    device: Annotated[
        str, typer.Argument(help="A profile's name, or the path of its TOML.")
    ],
    model: Annotated[
        str, typer.Option(help="The model to run; default: digits.")
    ] = _EXAMPLE_MODEL,
    dataset: Annotated[
        str | None, typer.Option(help="Its inputs (.npz, IDX, folder).")
    ] = None,
    samples: Annotated[
        int, typer.Option(help="Use at most so many samples.", min=1)
    ] = 50,
    seconds: Annotated[
        float, typer.Option(help="How long the timer is tested.", min=0.1, max=600)
    ] = 3.0,
    timeout_seconds: Annotated[
        float, typer.Option(help="The deadline of everything.", min=1)
    ] = 120.0,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE laid over the profile.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Test link, timer, repeatability and answers; exit 1 where an item fails."""
    profile = find_profile(device, overrides=setting or [])
    if profile.kind not in _QUALIFIED:
        raise ConfigError(
            "only microcontrollers can be qualified",
            where=str(profile.source),
            found=f"kind {profile.kind.value}",
            allowed=", ".join(kind.value for kind in _QUALIFIED),
        )
    if dataset is None and model == _EXAMPLE_MODEL:
        dataset = _EXAMPLE_DATASET
    deadline = Deadline(timeout_seconds)
    with tempfile.TemporaryDirectory(prefix="hil-qualify-") as scratch:
        folder = RunFolder.create(Path(scratch), profile.name)
        variant = _variant(folder, model, dataset, samples=samples)
        subject = _subject(profile, variant)
        target = make_target(profile, folder)
        try:
            target.open(deadline)
            _, job = next(plan_jobs([variant], [profile], Measure()))
            session = _session_of(target, job, deadline)
            items = qualify(session, subject, deadline, seconds=seconds)
            hello = session.device
        finally:
            target.close()
    if json:
        print_json(_document(profile, hello, items))
    else:
        _print(profile, hello, items)
    raise typer.Exit(int(any(item.outcome is Outcome.FAILED for item in items)))


def _variant(
    folder: RunFolder, model: str, dataset: str | None, *, samples: int
) -> Variant:
    planned = PlannedModel(
        path=resolve_path(model, Path()),
        dataset=resolve_path(dataset, Path()) if dataset else None,
        calibration=None,
        metric="none",
        variants=(AS_IS,),
    )
    return build_variants(planned, folder, samples=samples)[0]


def _subject(profile: DeviceProfile, variant: Variant) -> Subject:
    """Return the model with its inputs, and what the host engine answers to them."""
    name = reference_engine(profile)
    expected = None
    if variant.samples is not None:
        engine = make_engine(name)
        engine.load(variant.data)
        rows = [engine.invoke([row[None]])[0][0] for row in variant.samples]
        expected = np.stack(rows)
    return Subject(
        model=variant.data,
        probe=variant.probe,
        samples=variant.samples,
        expected=expected,
        reference=name,
    )


def _session_of(target: Target, job: Job, deadline: Deadline) -> Session:
    """Return the dialogue with the device behind *target*, ready for *job*."""
    if isinstance(target, Prepared):
        target.prepare(job, deadline)
    while isinstance(target, Wrapped):
        target = target.target
    assert isinstance(target, McuTarget)
    return target.session


def _document(
    profile: DeviceProfile, hello: HelloReply, items: Sequence[Item]
) -> dict[str, object]:
    return {
        "device": profile.name,
        "board": hello.board,
        "build_id": hello.build_id,
        "engine": hello.engine,
        "time_basis": hello.time_basis.value if hello.time_basis else None,
        "items": [{**asdict(item), "outcome": item.outcome.value} for item in items],
    }


def _print(profile: DeviceProfile, hello: HelloReply, items: Sequence[Item]) -> None:
    table = Table(
        box=None,
        pad_edge=False,
        title=f"{profile.name}: {printable(hello.board)}, {printable(hello.build_id)}",
        title_justify="left",
    )
    for column in ("", "item", "found", "limit"):
        table.add_column(column, overflow="fold")
    for item in items:
        words = (item.outcome.value, item.name, item.figure, item.limit)
        table.add_row(*(Text(printable(word)) for word in words))
    print_result(table)
