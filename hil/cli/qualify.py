"""`hil qualify`: whether a device's link, timer, memory and answers can be trusted."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hil.bench.evaluation import answers
from hil.bench.examples import resolve_path
from hil.bench.jobs import plan_jobs
from hil.bench.judge import make_engine, reference_engine
from hil.bench.plan import AS_IS, Measure, PlannedModel
from hil.bench.qualify import Subject, qualify, qualify_phone
from hil.bench.qualifying.board import device_seen
from hil.bench.qualifying.issue import Issue
from hil.bench.qualifying.limits import DEFAULT_LIMITS, PHONES, read_limits
from hil.bench.qualifying.observation import DeviceSeen
from hil.bench.qualifying.verify import verify
from hil.bench.variants import build_variants
from hil.cli.output import note, print_json, print_result
from hil.cli.tapes import Tapes
from hil.cli.targets import make_target
from hil.deadline import Deadline
from hil.errors import ConfigError, DoesNotFit, ModelError, TargetError
from hil.printable import printable
from hil.profiles import find_profile
from hil.report.plain_table import PlainTable
from hil.results.certificate import CERTIFICATE, PAGE, Item, Outcome
from hil.results.run_folder import RunFolder
from hil.targets.layers import Prepared, Wrapped
from hil.targets.mcu import McuTarget
from hil.vocab import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hil.bench.qualifying.limits import Limits
    from hil.bench.qualifying.observation import Observation
    from hil.bench.qualifying.verify import Verification
    from hil.bench.variants import Variant
    from hil.session.session import Session
    from hil.vocab import DeviceProfile, Job, Target

_EXAMPLE_MODEL = "example:digits.tflite"
_EXAMPLE_DATASET = "example:digits_test.npz"
_NO_DATASET = "none"
_BOARD_SECONDS = 120.0
_PHONE_SECONDS = 1800.0  # it is let cool before each window
_VERIFY = "verify"

_device_app = typer.Typer(add_completion=False)
_verify_app = typer.Typer(add_completion=False)


def app(args: list[str], prog_name: str) -> None:
    """Run one command line: `verify CERTIFICATE`, or else the name of a device.

    A device may be called verify: then no certificate follows the word.
    """
    if _names_certificate(args):
        _verify_app(args=args[1:], prog_name=f"{prog_name} {_VERIFY}")
    else:
        _device_app(args=args, prog_name=prog_name)


def _names_certificate(args: Sequence[str]) -> bool:
    if args[:1] != [_VERIFY] or len(args) == 1:
        return False
    after = args[1:]
    return (
        not after[0].startswith("-")
        or after[0] in {"--help", "--records"}
        or any(word.endswith(".json") for word in after)
    )


@_device_app.command("qualify")
def qualify_device(
    device: Annotated[
        str, typer.Argument(help="A profile's name, or the path of its TOML.")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="The model to run; default: digits. Repeat for more."),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            help="Its inputs (.npz, IDX, folder); one for each --model, or none."
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(help="Use at most so many samples.", min=1)
    ] = 50,
    seconds: Annotated[
        float, typer.Option(help="How long the timer is tested.", min=0.1, max=600)
    ] = 3.0,
    limits: Annotated[
        Path | None, typer.Option(help="A TOML of limits; default: hil's own.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A new folder for the certificate and its records."),
    ] = None,
    timeout_seconds: Annotated[
        float | None,
        typer.Option(
            help="The deadline of everything; default: 120, of a phone 1800.", min=1
        ),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE laid over the profile.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Test link, timer, clock, memory, repeatability, heat and answers of a device.

    Exit 1 where an item fails. `hil qualify verify CERTIFICATE` checks, without the
    device, a certificate that --out has written.
    """
    profile = _profile(device, setting or [])
    held, data = read_limits(limits or DEFAULT_LIMITS)
    source = str(limits) if limits else f"hil's own ({DEFAULT_LIMITS.name})"
    issue = None if out is None else Issue(out, held, data, source)
    on_phone = profile.kind in PHONES
    default = _PHONE_SECONDS if on_phone else _BOARD_SECONDS
    seen: list[Observation] = []
    with tempfile.TemporaryDirectory(prefix="hil-qualify-") as scratch:
        run = _Run(
            profile=profile,
            folder=RunFolder.create(Path(scratch), profile.name),
            deadline=Deadline(timeout_seconds or default),
            seconds=seconds,
            limits=held,
            keep=lambda one: _keep(one, seen, issue),
        )
        tests = _tests(run, model or [_EXAMPLE_MODEL], dataset, samples=samples)
        items = _phone_items(run, tests) if on_phone else _board_items(run, tests)
    if issue is not None:
        issue.close(profile, items)
    told = next(one for one in seen if isinstance(one, DeviceSeen))
    if json:
        print_json(_document(profile, told, items))
    else:
        _print(profile, told, items)
    if out is not None:
        note(f"written: {out / CERTIFICATE}, {out / PAGE}")
        note(f"check it later: hil qualify verify {out / CERTIFICATE}")
    raise typer.Exit(int(any(item.outcome is Outcome.FAILED for item in items)))


@_verify_app.command(_VERIFY)
def verify_certificate(
    certificate: Annotated[
        Path,
        typer.Argument(
            help="The certificate.json that --out has written, or its folder."
        ),
    ],
    records: Annotated[
        Path | None,
        typer.Option(help="Where its records are; default: beside the certificate."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Check a certificate without the device; exit 1 where it is not as it was issued.

    Its bytes, its signature and its records are checked, and the verdicts are made
    again of the records.
    """
    found = verify(certificate, records)
    if json:
        document = asdict(found)
        document["outcome"] = found.outcome.value if found.outcome else None
        print_json({"certificate": str(certificate), **document})
    else:
        _print_verification(certificate, found)
    raise typer.Exit(int(bool(found.findings)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What one qualification is made with."""

    profile: DeviceProfile
    folder: RunFolder
    deadline: Deadline
    seconds: float
    limits: Limits
    keep: Callable[[Observation], None]


def _profile(device: str, setting: Sequence[str]) -> DeviceProfile:
    try:
        return find_profile(device, overrides=setting)
    except ConfigError as exc:
        if device != _VERIFY:
            raise
        raise ConfigError(
            "no certificate is named, and no device profile is called 'verify'",
            where=exc.where,
            remedy="hil qualify verify CERTIFICATE.json",
        ) from exc


def _keep(one: Observation, seen: list[Observation], issue: Issue | None) -> None:
    seen.append(one)
    if issue is not None:
        issue.keep(one)


def _tests(
    run: _Run, models: Sequence[str], datasets: Sequence[str] | None, *, samples: int
) -> list[tuple[Subject, Job]]:
    """Return each model with what the host engine answers, and its job."""
    if datasets and len(datasets) != len(models):
        raise ConfigError(
            "each model needs a dataset of its own",
            found=f"{len(models)} --model, {len(datasets)} --dataset",
            allowed=f"one --dataset for each --model, in their order; {_NO_DATASET!r} "
            "for one that has none",
        )
    own = [_EXAMPLE_DATASET if m == _EXAMPLE_MODEL else _NO_DATASET for m in models]
    tests = []
    for model, dataset in zip(models, datasets or own, strict=True):
        variant = _variant(run.folder, model, dataset, samples=samples)
        _, job = next(plan_jobs([variant], [run.profile], Measure()))
        tests.append((_subject(run.profile, variant), job))
    names = [subject.name for subject, _ in tests]
    if len(set(names)) < len(names):
        raise ConfigError(
            "two models have the same name",
            found=", ".join(names),
            remedy="files with different names",
        )
    return tests


def _variant(folder: RunFolder, model: str, dataset: str, *, samples: int) -> Variant:
    planned = PlannedModel(
        path=resolve_path(model, Path()),
        dataset=None if dataset == _NO_DATASET else resolve_path(dataset, Path()),
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
        expected = answers(make_engine(name), variant.data, variant.samples)
    return Subject(
        model=variant.data,
        probe=variant.probe,
        samples=variant.samples,
        expected=expected,
        reference=name,
        labels=variant.labels,
        name=variant.artifact.name,
        sha256=variant.artifact.sha256,
    )


def _board_items(run: _Run, tests: Sequence[tuple[Subject, Job]]) -> list[Item]:
    target = make_target(run.profile, run.folder, Tapes())
    subject, job = tests[0]
    try:
        target.open(run.deadline)
        image = _image(target, job, run.deadline)
        session = _session_of(target, job, run.deadline)
        return qualify(
            session,
            subject,
            run.deadline,
            device=device_seen(
                session.device, profile=run.profile, evidence=image.evidence
            ),
            image=image.memory,
            more=_more(target, tests[1:], run.deadline),
            limits=run.limits,
            keep=run.keep,
            seconds=run.seconds,
        )
    finally:
        target.close()


def _phone_items(run: _Run, tests: Sequence[tuple[Subject, Job]]) -> list[Item]:
    target = make_target(run.profile, run.folder, Tapes())
    try:
        target.open(run.deadline)
        return qualify_phone(
            target,
            tests,
            run.deadline,
            limits=run.limits,
            keep=run.keep,
            seconds=run.seconds,
        )
    finally:
        target.close()


def _image(target: Target, job: Job, deadline: Deadline) -> Measurement:
    """Run the model once, which tells what its image takes and how it was built.

    What goes wrong here goes wrong again, and is told, where it is looked for.
    """
    once = dataclasses.replace(job, samples=None, min_runs=1, min_seconds=0.0)
    try:
        return target.measure(once, deadline)
    except (ModelError, DoesNotFit, TargetError):
        return Measurement(engine="")


def _more(
    target: Target, tests: Sequence[tuple[Subject, Job]], deadline: Deadline
) -> Iterator[tuple[Session, Subject]]:
    for subject, job in tests:
        yield _session_of(target, job, deadline), subject


def _session_of(target: Target, job: Job, deadline: Deadline) -> Session:
    """Return the dialogue with the device behind *target*, ready for *job*."""
    if isinstance(target, Prepared):
        target.prepare(job, deadline)
    while isinstance(target, Wrapped):
        target = target.target
    assert isinstance(target, McuTarget)
    return target.session


def _document(
    profile: DeviceProfile, told: DeviceSeen, items: Sequence[Item]
) -> dict[str, object]:
    return {
        "device": profile.name,
        "board": told.board,
        "build_id": told.build_id,
        "engine": told.engine,
        "time_basis": told.time_basis.value if told.time_basis else None,
        "items": [{**asdict(item), "outcome": item.outcome.value} for item in items],
    }


def _print(profile: DeviceProfile, told: DeviceSeen, items: Sequence[Item]) -> None:
    ids = [printable(text) for text in (told.board, told.build_id) if text]
    table = PlainTable(
        title=f"{profile.name}: {', '.join(ids or [printable(told.engine)])}",
        title_justify="left",
    )
    for column in ("", "item", "found", "limit"):
        table.add_column(column)
    for item in items:
        words = (item.outcome.value, item.name, item.figure, item.limit)
        table.add_row(*(Text(printable(word)) for word in words))
    print_result(table)


def _print_verification(certificate: Path, found: Verification) -> None:
    for line in found.findings:
        print_result(Text(f"finding: {printable(line)}"))
    for line in found.notes:
        note(f"note: {line}")
    if found.findings:
        print_result(
            Text(
                f"{printable(str(certificate))} is not as it was issued; do not use it"
            )
        )
        return
    assert found.outcome is not None
    print_result(
        Text(
            f"{printable(str(certificate))} is as it was issued: "
            f"{printable(found.device or '')}, {found.outcome.value}; {found.items} "
            f"items made again of {found.files} files"
        )
    )
