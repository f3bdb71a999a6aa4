"""A search from its settings to what stands on each device; made anew, or resumed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import prepare
from hil.bench.baseline import measure_baseline
from hil.bench.judge import Judge
from hil.bench.plan import AS_IS
from hil.bench.runner import Runner
from hil.bench.tuning.builder import Builder
from hil.bench.tuning.journal import Journal
from hil.bench.tuning.line_file import whole_lines
from hil.bench.tuning.origin import digest, require_same
from hil.bench.tuning.outcome import conclude, last_attempts
from hil.bench.tuning.screens import Screens
from hil.bench.tuning.search import Decision, plan_rungs, search
from hil.bench.tuning.space import PLAIN, default_space
from hil.bench.variants import calibrated_on, make_variant
from hil.errors import ConfigError, HilError, RecordingError, WrongQuantization
from hil.models.facts import read_model, sha256_of
from hil.models.graph import read_graph
from hil.models.input_spec import input_spec
from hil.quantization.calibration import CalibrationData
from hil.quantization.preprocessing import check_preprocessing
from hil.results.run_folder import load_records, load_scores
from hil.vocab import RunStatus, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.accuracy.dataset import Dataset
    from hil.accuracy.sample_scores import SampleScores
    from hil.bench.plan import PlannedModel
    from hil.bench.tuning.outcome import Standing
    from hil.bench.tuning.settings import Settings
    from hil.bench.tuning.space import Candidate
    from hil.bench.variants import Variant
    from hil.results.run_folder import RunFolder
    from hil.vocab import Deadline, DeviceProfile, Job, RunRecord, Target

_RECORDS = "records.jsonl"
_SCORES = "scores.jsonl"
# A device that could not be reached may be reachable when the search is resumed.
_FOR_GOOD = frozenset(
    {RunStatus.WRONG_OUTPUT, RunStatus.DOES_NOT_FIT, RunStatus.UNSUPPORTED_OP}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search came to; `cut` says that its budget ended it."""

    standings: tuple[Standing, ...]
    journal: Journal
    variants: dict[str, bytes]
    layers: dict[str, tuple[str, ...]]
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Until when this host may screen, and until when the devices may measure."""

    screening: Deadline
    measuring: Deadline


class _BudgetSpent(HilError):
    """Ends a run of the devices between two records; never leaves this module."""


def run_search(
    settings: Settings,
    folder: RunFolder,
    *,
    make_target: Callable[[DeviceProfile], Target],
    budget: Budget | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Found:
    """Search, measure the finalists on every device, and say what stands.

    What *folder* holds of an earlier, interrupted search is not done again. Raises
    ConfigError or ModelError where the model or the data do not allow a search; a
    candidate that fails is a record.
    """
    whole_lines(folder.path / _SCORES)
    dataset = _dataset(settings)
    screens = _screens(settings, folder, dataset, progress=progress)
    journal = Journal(folder.path)
    rungs = plan_rungs(
        trials=settings.trials, finalists=settings.finalists, samples=len(dataset.x)
    )
    finalists = search(
        default_space(phones=settings.phones),
        journal.remembered(screens),
        rungs,
        decided=journal.decide,
        out_of_time=lambda: budget is not None and budget.screening.expired,
    )
    variants = _variants(finalists, screens, journal, rung=len(rungs.samples))
    cut = _measure(
        settings,
        folder,
        variants,
        make_target=make_target,
        budget=budget,
        progress=progress,
    )
    measured, scores = _records(folder), load_scores(folder.path)[0]
    names = {variant.artifact.variant for variant in variants}
    return Found(
        standings=tuple(conclude(settings, measured, scores)),
        journal=journal,
        variants={v.artifact.variant: v.data for v in variants},
        layers={f.name: screens.layers(f) for f in finalists if f.name in names},
        cut=cut,
    )


def _screens(
    settings: Settings,
    folder: RunFolder,
    dataset: Dataset,
    *,
    progress: Callable[[str], None],
) -> Screens:
    """Return what tries candidates on this host, once model and data are checked."""
    planned = settings.model
    model = read_model(planned.path)
    spec = input_spec(read_graph(model, where=str(planned.path)))
    builder = _builder(settings, model, dataset)
    _require_same(folder, model, builder.calibration, dataset=dataset)
    check_preprocessing(
        builder.calibration.x,
        prepare(dataset, spec, pixels=planned.pixels),
        where=str(planned.calibration),
        against=dataset.name,
    )
    _require_plain(builder)
    return Screens(
        planned=planned,
        dataset=dataset,
        builder=builder,
        folder=folder,
        devices=settings.plan.devices,
        baseline=_baseline(planned, model, folder, dataset=dataset),
        gate=settings.gate,
        progress=progress,
    )


def _require_same(
    folder: RunFolder, model: bytes, calibration: CalibrationData, *, dataset: Dataset
) -> None:
    ranges = np.ascontiguousarray(calibration.x).tobytes()
    given = {
        "model": sha256_of(model),
        "calibration data": sha256_of(ranges),
        "dataset": digest(dataset),
    }
    require_same(folder, given)


def _dataset(settings: Settings) -> Dataset:
    """Return the samples in the order of the search: shuffled once, by its seed.

    The sequential test needs an order that has nothing to do with the answers.
    """
    assert settings.model.dataset is not None
    dataset = load_dataset(settings.model.dataset)
    if dataset.y is None:
        raise ConfigError(
            "the search needs labels to judge accuracy by",
            where=str(settings.model.dataset),
            found="samples without any",
            remedy="an .npz with y",
        )
    order = np.random.default_rng(settings.seed).permutation(len(dataset.x))
    order = order[: settings.plan.measure.samples]
    if not len(order):
        raise ConfigError(
            "the search needs samples", found="--samples 0", allowed="1 or more"
        )
    return dataclasses.replace(dataset, x=dataset.x[order], y=dataset.y[order])


def _builder(settings: Settings, model: bytes, dataset: Dataset) -> Builder:
    planned = settings.model
    assert planned.calibration is not None
    given = load_dataset(planned.calibration, float_targets=True)
    spec = input_spec(read_graph(model, where=str(planned.path)))
    if spec.dtype.kind != "f":
        raise ConfigError(
            "the search is for models that take floats",
            where=str(planned.path),
            found=f"an input of type {spec.dtype}",
            allowed="a float32 model, not one that is quantized already",
        )
    told = calibrated_on(given, planned.calibration, dataset)
    x = prepare(given, spec, pixels=planned.pixels)
    data = CalibrationData(name=told, x=x)
    return Builder(model, data, where=str(planned.path), keep_names=settings.phones)


def _require_plain(builder: Builder) -> None:
    """Raise what makes plain int8 impossible, for nothing else would go either.

    A file with float islands is a trial that failed, and others may not have them.
    """
    try:
        builder.build(PLAIN)
    except WrongQuantization:
        return


def _baseline(
    planned: PlannedModel, model: bytes, folder: RunFolder, *, dataset: Dataset
) -> SampleScores:
    """Return the float model's scores on this host, kept with the run."""
    known = [
        s
        for s in load_scores(folder.path)[0]
        if s.device is None and s.variant == AS_IS
    ]
    if known:
        return known[-1].scores
    variant = make_variant(
        planned, AS_IS, model, folder=folder, dataset=dataset, calibration=None
    )
    baseline = measure_baseline([variant])
    if baseline is None or baseline.scores is None:
        raise ConfigError(
            f"{planned.metric} cannot be measured on this dataset",
            where=str(planned.dataset),
        )
    folder.append_scores(baseline.scores)
    return baseline.scores.scores


def _variants(
    finalists: Sequence[Candidate], screens: Screens, journal: Journal, *, rung: int
) -> list[Variant]:
    """Return what the devices measure; what cannot be built was told on a rung."""
    found = []
    for finalist in finalists:
        try:
            found.append(screens.variant(finalist))
        except RecordingError:
            raise
        except HilError as exc:
            reason = f"{exc.status.value}: {exc.what}"
            journal.decide(
                Decision(rung=rung, candidate=finalist.name, kept=False, reason=reason)
            )
    return found


def _measure(
    settings: Settings,
    folder: RunFolder,
    variants: Sequence[Variant],
    *,
    make_target: Callable[[DeviceProfile], Target],
    budget: Budget | None,
    progress: Callable[[str], None],
) -> bool:
    """Measure what is not measured yet; return whether the budget cut it short."""
    clocked, others = _by_clock(settings.plan.devices)
    known = last_attempts(_records(folder))

    def started(job: Job) -> None:
        progress(f"{job.device.name}: {job.model.variant}, window {job.window}")

    def ended(_: RunRecord) -> None:
        if budget is not None and budget.measuring.expired:
            raise _BudgetSpent("the budget is spent")

    for devices in (others, clocked):
        left = _left(variants, devices, known, settings, together=devices is clocked)
        if not left:
            continue
        runner = Runner(
            folder=folder,
            judge=Judge(keep=folder.append_scores),
            make_target=make_target,
            measure=settings.plan.measure,
            on_start=started,
            on_record=ended,
        )
        try:
            runner.run(left, devices)
        except _BudgetSpent:
            return True
    return False


def _by_clock(
    devices: Sequence[DeviceProfile],
) -> tuple[list[DeviceProfile], list[DeviceProfile]]:
    """Return the devices that keep this machine's time, and the others."""
    clocked = [d for d in devices if d.time_basis is TimeBasis.HOST_CLOCK]
    return clocked, [d for d in devices if d.time_basis is not TimeBasis.HOST_CLOCK]


def _left(
    variants: Sequence[Variant],
    devices: Sequence[DeviceProfile],
    known: Sequence[RunRecord],
    settings: Settings,
    *,
    together: bool,
) -> list[Variant]:
    """Return what these devices have to measure yet.

    *together*: all that can run, where anything is left. What else this machine does
    changes from day to day, so only times of one sitting may be compared.
    """
    windows = settings.plan.measure.windows
    left = [v for v in variants if not _is_measured(v, devices, known, windows=windows)]
    if not (left and together):
        return left
    return [v for v in variants if not _is_measured(v, devices, known, windows=None)]


def _is_measured(
    variant: Variant,
    devices: Sequence[DeviceProfile],
    known: Sequence[RunRecord],
    *,
    windows: int | None,
) -> bool:
    """Return whether every device has measured it, or refused it for good.

    Without a number of *windows* only refusals count.
    """
    own = [r for r in known if r.variant == variant.artifact.variant]
    for device in devices:
        statuses = [r.status for r in own if r.device == device.name]
        well = windows is not None and len(statuses) >= windows
        whole = well and set(statuses) == {RunStatus.OK}
        if not (whole or set(statuses) & _FOR_GOOD):
            return False
    return True


def _records(folder: RunFolder) -> list[RunRecord]:
    """Return the records so far, however often the search was interrupted."""
    # A line that was cut would spoil the next one.
    written = whole_lines(folder.path / _RECORDS)
    return load_records(folder.path)[0] if written else []
