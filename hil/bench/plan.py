"""A plan: which models, as which variants, on which devices, measured how."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hil.accuracy.gate import POINTS, Gate
from hil.accuracy.inputs import Pixels
from hil.accuracy.metrics import find_metric
from hil.bench.examples import resolve_path
from hil.bench.gates import parse_gate
from hil.bench.phone_plan import (
    NO_PHONE_PLAN,
    PhonePlan,
    PhoneTable,
    phone_plan,
    phone_settings,
    require_a_gate,
    require_distinct_phones,
)
from hil.errors import ConfigError, nearest
from hil.profiles import config_error, find_profile
from hil.quantization.recipes import find_recipe
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.bench.gates import Gate as FigureGate
    from hil.vocab import DeviceProfile

AS_IS = "as-is"
HOST_BASELINE = "float"  # the model as it is, on this host


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedModel:
    """A model file, the data to judge it by, and the variants to make of it."""

    path: Path
    dataset: Path | None
    calibration: Path | None
    metric: str
    variants: tuple[str, ...]
    pixels: Pixels | None = None  # what the model wants of raw pixels, if not told


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How each variant is measured on each device.

    A window is one job: warm-up, then at least `min_runs` invocations and at least
    `min_seconds`. Six windows are the fewest whose medians give a 95 % interval.
    """

    warmup: int = 2
    min_runs: int = 20
    min_seconds: float = 0.1
    windows: int = 6
    samples: int | None = None  # at most so many of the dataset; None: all; 0: none
    order: str = "interleaved"
    timeout_seconds: float = 600.0  # for one job


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyGate:
    """What variants are held against, and how much they may lose, if that is limited.

    `baseline` is "float" (the model as it is, on this host) or a variant of the plan,
    on the same device. `most_drop` is a share: 0.01 is a point.
    """

    baseline: str = HOST_BASELINE
    most_drop: float | None = None
    confidence: float = 0.95
    accept_undecidable: bool = False

    @property
    def limit(self) -> Gate | None:
        """The gate to decide; None where the loss is not limited."""
        if self.most_drop is None:
            return None
        return Gate(most_drop=self.most_drop, confidence=self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `hil bench` does."""

    name: str
    models: tuple[PlannedModel, ...]
    devices: tuple[DeviceProfile, ...]
    measure: Measure
    accepted: tuple[RunStatus, ...] = (RunStatus.OK,)
    accuracy: AccuracyGate = AccuracyGate()
    limits: tuple[FigureGate, ...] = ()  # on any figure, by the grammar of gates
    phone: PhonePlan = NO_PHONE_PLAN


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSize:
    """How much a plan asks for; phones alone have a row for each of the settings."""

    variants: int  # of all models
    devices: int
    settings: int = 1
    windows: int


_DEFAULTS = Measure()
# What the rules of MLCommons ask of one result; see docs/statistics.md.
PRESETS: Final[Mapping[str, Mapping[str, int | float]]] = {
    "mlperf-tiny": {"warmup": 10, "min_runs": 10, "min_seconds": 10.0, "windows": 5},
    # A job has its break and its gate (of half the time that is left) beside the runs.
    "mlperf-mobile": {
        "min_runs": 1024,
        "min_seconds": 60.0,
        "windows": 1,
        "timeout_seconds": 1800.0,
    },
}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")  # of TOML; any other is quoted


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _PlanTable(_Table):
    name: Annotated[str, Field(min_length=1, max_length=100)] = "bench"


class _ModelTable(_Table):
    path: str
    dataset: str | None = None
    calibration: str | None = None
    metric: str = "top1"
    variants: Annotated[list[str], Field(min_length=1)] = [AS_IS]
    pixels: Literal["0..255", "0..1", "-1..1"] | None = None


class _DeviceTable(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)

    profile: str


class _MeasureTable(_Table):
    preset: Literal["mlperf-tiny", "mlperf-mobile"] | None = None
    warmup: Annotated[int, Field(ge=0, le=100_000)] = _DEFAULTS.warmup
    min_runs: Annotated[int, Field(ge=1, le=1_000_000)] = _DEFAULTS.min_runs
    min_seconds: Annotated[float, Field(ge=0, le=3600, strict=False)] = (
        _DEFAULTS.min_seconds
    )
    windows: Annotated[int, Field(ge=1, le=1000)] = _DEFAULTS.windows
    samples: Annotated[int, Field(ge=0)] | None = _DEFAULTS.samples
    order: Literal["interleaved", "sequential"] = "interleaved"
    timeout_seconds: Annotated[float, Field(gt=0, le=86_400, strict=False)] = (
        _DEFAULTS.timeout_seconds
    )


class _GateTable(_Table):
    accept: list[
        Literal[
            "wrong_output",
            "does_not_fit",
            "unsupported_op",
            "timed_out",
            "crashed",
            "throttled",
            "link_broken",
            "broken_setup",
        ]
    ] = []
    baseline: Annotated[str, Field(min_length=1)] = HOST_BASELINE
    accuracy_drop_points: Annotated[float, Field(ge=0, le=100, strict=False)] | None = (
        None
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    accept_undecidable: bool = False
    limits: list[str] = []


class _File(_Table):
    plan: _PlanTable = _PlanTable()
    model: Annotated[list[_ModelTable], Field(min_length=1)]
    device: Annotated[list[_DeviceTable], Field(min_length=1)]
    measure: _MeasureTable = _MeasureTable()
    gate: _GateTable = _GateTable()
    phone: PhoneTable = PhoneTable()


def read_plan(path: Path) -> Plan:
    """Read and check a plan file; paths in it are relative to it.

    Raises ConfigError with file, key, value found and values allowed.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(
            "the plan cannot be read", where=str(path), found=exc.strerror
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(
            "the plan is not TOML", where=str(path), found=str(exc)
        ) from exc
    return parse_plan(raw, where=str(path), folder=path.parent)


def parse_plan(raw: Mapping[str, object], *, where: str, folder: Path) -> Plan:
    """Check the tables of a plan and return it; *folder* is where its paths start."""
    try:
        file = _File.model_validate(raw)
    except ValidationError as exc:
        raise config_error(exc, _File, where=where) from exc
    devices = tuple(_device(table, folder) for table in file.device)
    names = [device.name for device in devices]
    if len(set(names)) < len(names):
        raise ConfigError(
            "a device stands in the plan twice",
            where=where,
            found=", ".join(names),
            remedy="a profile with another name for each device",
        )
    require_distinct_phones(devices, where)
    models = tuple(_model(table, folder) for table in file.model)
    _require_distinct(models, where)
    gate = _accuracy_gate(file.gate)
    _require_decidable(models, gate, where)
    require_a_gate(file.phone, where, has_gate=gate.most_drop is not None)
    return Plan(
        name=file.plan.name,
        models=models,
        devices=devices,
        measure=_measure(file.measure),
        accepted=(RunStatus.OK, *(RunStatus(name) for name in file.gate.accept)),
        accuracy=gate,
        limits=tuple(
            parse_gate(text, where=f"{where}, gate.limits") for text in file.gate.limits
        ),
        phone=phone_plan(file.phone, folder=folder, preset=file.measure.preset),
    )


def read_accuracy_gate(plan: str | None) -> AccuracyGate:
    """Return the accuracy gate of a plan's text; the default where it has none.

    A run is read long after its plan was checked, perhaps where its devices are not
    known, so nothing else of the plan is looked at.
    """
    try:
        table = tomllib.loads(plan or "").get("gate", {})
        return _accuracy_gate(_GateTable.model_validate(table))
    except (tomllib.TOMLDecodeError, ValidationError):
        return AccuracyGate()


def read_size(plan: str | None) -> PlanSize | None:
    """Return how much a plan's text asks for; None where it is none of `hil bench`.

    Read long after the run, as `read_accuracy_gate` is.
    """
    try:
        file = _File.model_validate(tomllib.loads(plan or ""))
    except (tomllib.TOMLDecodeError, ValidationError):
        return None
    return PlanSize(
        variants=sum(len(table.variants) for table in file.model),
        devices=len(file.device),
        settings=len(phone_settings(file.phone)),
        windows=_measure(file.measure).windows,
    )


def plan_document(
    *,
    name: str,
    model: str,
    dataset: str | None,
    calibration: str | None,
    pixels: str | None,
    variants: Sequence[str],
    devices: Sequence[str],
    measure: Mapping[str, object],
    accept: Sequence[str],
    metric: str | None = None,
    gate: Mapping[str, object] | None = None,
    phone: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return the tables of the plan that a command line stands for."""
    table: dict[str, object] = {"path": model, "variants": list(variants)}
    optional = {
        "dataset": dataset,
        "calibration": calibration,
        "pixels": pixels,
        "metric": metric,
    }
    table |= {key: value for key, value in optional.items() if value is not None}
    return {
        "plan": {"name": name},
        "model": [table],
        "device": [{"profile": device} for device in devices],
        "measure": dict(measure),
        "gate": {"accept": list(accept), **(gate or {})},
        "phone": dict(phone or {}),
    }


def with_link(
    document: Mapping[str, object], link: Mapping[str, str]
) -> dict[str, object]:
    """Return the tables of a plan with *link* laid over each device's.

    Raises ConfigError where one file would take the dialogues of several devices.
    """
    devices = document.get("device", [])
    if not link or not isinstance(devices, list):
        return dict(document)
    if "record" in link and len(devices) > 1:
        raise ConfigError(
            "one recording holds the dialogue with one device",
            where="--record",
            found=f"{len(devices)} devices",
            remedy="one --device, or link = { record = ... } of each in a plan",
        )
    laid = [{**table, "link": {**table.get("link", {}), **link}} for table in devices]
    return {**document, "device": laid}


def _measure(table: _MeasureTable) -> Measure:
    """Return the preset with the keys of the plan laid over it."""
    preset = PRESETS[table.preset] if table.preset else {}
    own = table.model_dump(exclude_unset=True, exclude={"preset"})
    return Measure(**{**preset, **own})


def _model(table: _ModelTable, folder: Path) -> PlannedModel:
    find_metric(table.metric)
    for variant in table.variants:
        if variant != AS_IS:
            find_recipe(variant)
    return PlannedModel(
        path=resolve_path(table.path, folder),
        dataset=_maybe_path(table.dataset, folder),
        calibration=_maybe_path(table.calibration, folder),
        metric=table.metric,
        variants=tuple(dict.fromkeys(table.variants)),
        pixels=Pixels(table.pixels) if table.pixels else None,
    )


def _accuracy_gate(table: _GateTable) -> AccuracyGate:
    points = table.accuracy_drop_points
    return AccuracyGate(
        baseline=table.baseline,
        most_drop=None if points is None else points / POINTS,
        confidence=table.confidence,
        accept_undecidable=table.accept_undecidable,
    )


def _require_distinct(models: Sequence[PlannedModel], where: str) -> None:
    """Rows of two files with one name would be pooled into one."""
    names = [model.path.stem for model in models]
    if len(set(names)) < len(names):
        raise ConfigError(
            "two models of the plan have the same name",
            where=where,
            found=", ".join(names),
            remedy="files with different names, or one [[model]] with all variants",
        )


def _require_decidable(
    models: Sequence[PlannedModel], gate: AccuracyGate, where: str
) -> None:
    for model in models:
        known = (HOST_BASELINE, *model.variants)
        if gate.baseline not in known:
            raise ConfigError(
                f"gate.baseline is no variant of {model.path.stem}",
                where=where,
                found=repr(gate.baseline),
                allowed=", ".join(known),
                remedy=nearest(gate.baseline, known),
            )
        metric = find_metric(model.metric)
        if gate.most_drop is None or (model.dataset and metric.in_points):
            continue
        missing = (
            "no dataset"
            if model.dataset is None
            else f"metric {model.metric!r}, which has no points"
        )
        raise ConfigError(
            f"gate.accuracy_drop_points cannot be decided for {model.path.stem}",
            where=where,
            found=missing,
            allowed="a dataset, and topK, macro-f1, auc or cosine",
        )


def _maybe_path(text: str | None, folder: Path) -> Path | None:
    return None if text is None else resolve_path(text, folder)


def _device(table: _DeviceTable, folder: Path) -> DeviceProfile:
    name = table.profile
    if name.endswith(".toml"):
        name = str(folder / name)
    overrides = list(_lines(table.model_extra or {}))
    own = folder / "device_profiles"
    return find_profile(name, overrides=overrides, extra=[own])


def _lines(table: Mapping[str, object], prefix: str = "") -> list[str]:
    """Return the settings below *table* as lines of TOML, one per value."""
    lines = []
    for key, value in table.items():
        # A phone's properties have dots in their names, which would part tables.
        name = key if _BARE_KEY.fullmatch(key) else _toml(key)
        if isinstance(value, dict):
            lines.extend(_lines(value, f"{prefix}{name}."))
        else:
            lines.append(f"{prefix}{name}={_toml(value)}")
    return lines


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    # TOML's literal strings cannot hold a quote; its basic ones escape as Python does.
    return str(value) if isinstance(value, int | float) else '"' + _escaped(value) + '"'


def _escaped(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def to_toml(document: Mapping[str, object]) -> str:
    """Return the tables of a plan as TOML text."""
    lines: list[str] = []
    for name, value in document.items():
        tables = value if isinstance(value, list) else [value]
        head = f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
        for table in tables:
            assert isinstance(table, dict)
            lines += [head, *(_lines(table)), ""]
    return "\n".join(lines)
