"""What a search is told, as the plan.toml of its run folder holds it."""

from __future__ import annotations

import enum
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hil.accuracy.gate import POINTS, Gate
from hil.accuracy.metrics import Kind, find_metric
from hil.bench.plan import Plan, parse_plan, plan_document, to_toml
from hil.errors import ConfigError, nearest
from hil.profiles import config_error
from hil.vocab import TargetKind, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.bench.plan import PlannedModel
    from hil.vocab import DeviceProfile

DEFAULT_TRIALS = 24
DEFAULT_FINALISTS = 6
_JUDGED = frozenset({Kind.TOP_K, Kind.MACRO_F1, Kind.AUC})
_PHONES = frozenset({TargetKind.PHONE, TargetKind.EMULATED_PHONE})


class Objective(enum.Enum):
    """What is to be small on the device, besides the loss of accuracy."""

    LATENCY = "latency"  # the median of a time
    INSTRUCTIONS = "instructions"  # that an emulator counted
    ARENA = "arena"
    FLASH = "flash"  # of the image where one is built, else the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The plan of a search. The *gate* is held against the float model.

    `objectives` are in the order in which they count for the winner.
    """

    plan: Plan
    objectives: tuple[Objective, ...]
    trials: int
    finalists: int
    seed: int

    @property
    def model(self) -> PlannedModel:
        """The one model."""
        return self.plan.models[0]

    @property
    def gate(self) -> Gate:
        """The most that a variant may lose against the float model."""
        limit = self.plan.accuracy.limit
        assert limit is not None
        return limit

    @property
    def phones(self) -> bool:
        """Whether a phone is among the devices."""
        return any(device.kind in _PHONES for device in self.plan.devices)


class _TuneTable(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    objectives: list[str]
    trials: Annotated[int, Field(ge=1, le=10_000)]
    finalists: Annotated[int, Field(ge=1, le=1000)]
    seed: Annotated[int, Field(ge=0)]


class _Tuning(BaseModel):
    model_config = ConfigDict(extra="ignore")

    tune: _TuneTable


def settings_document(
    *,
    model: Path,
    dataset: Path,
    calibration: Path,
    pixels: str | None,
    metric: str,
    devices: Sequence[str],
    measure: Mapping[str, object],
    gate: Gate,
    accept_undecidable: bool,
    objectives: Sequence[str],
    trials: int,
    finalists: int,
    seed: int,
) -> str:
    """Return the plan.toml that a command line stands for; paths become absolute."""
    document = plan_document(
        name=f"tune-{model.stem}",
        model=str(model.resolve()),
        dataset=str(dataset.resolve()),
        calibration=str(calibration.resolve()),
        pixels=pixels,
        variants=["int8"],
        devices=devices,
        measure=measure,
        accept=[],
        metric=metric,
        gate={
            "accuracy_drop_points": gate.most_drop * POINTS,
            "confidence": gate.confidence,
            "accept_undecidable": accept_undecidable,
        },
    )
    document["tune"] = {
        "objectives": list(objectives),
        "trials": trials,
        "finalists": finalists,
        "seed": seed,
    }
    return to_toml(document)


def read_settings(text: str, *, where: str, folder: Path) -> Settings:
    """Read and check a search's plan.toml; raises ConfigError as plans do."""
    try:
        raw = tomllib.loads(text)
        table = _Tuning.model_validate(raw).tune
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError("the plan is not TOML", where=where, found=str(exc)) from exc
    except ValidationError as exc:
        raise config_error(exc, _Tuning, where=where) from exc
    rest = {name: value for name, value in raw.items() if name != "tune"}
    plan = parse_plan(rest, where=where, folder=folder)
    settings = Settings(
        plan=plan,
        objectives=tuple(_objective(name) for name in table.objectives),
        trials=table.trials,
        finalists=table.finalists,
        seed=table.seed,
    )
    _require_judged(settings, where)
    for device in plan.devices:
        objectives_of(device, settings.objectives)
    return settings


def objectives_of(
    device: DeviceProfile, objectives: Sequence[Objective]
) -> tuple[Objective, ...]:
    """Return those that *device* can tell; all that it can where none were asked.

    Raises ConfigError where it can tell none of them.
    """
    counts = device.time_basis is TimeBasis.EMULATED_INSTRUCTIONS
    speed = Objective.INSTRUCTIONS if counts else Objective.LATENCY
    told = [speed, Objective.FLASH]
    if device.kind not in _PHONES:
        told.append(Objective.ARENA)
    if not objectives:
        return tuple(told)
    found = tuple(objective for objective in objectives if objective in told)
    if not found:
        raise ConfigError(
            f"{device.name} tells none of the objectives",
            found=", ".join(objective.value for objective in objectives),
            allowed=", ".join(objective.value for objective in told),
        )
    return found


def _objective(name: str) -> Objective:
    names = [objective.value for objective in Objective]
    if name not in names:
        raise ConfigError(
            "unknown objective",
            found=repr(name),
            allowed=", ".join(names),
            remedy=nearest(name, names),
        )
    return Objective(name)


def _require_judged(settings: Settings, where: str) -> None:
    model = settings.model
    if len(settings.plan.models) > 1 or not (model.dataset and model.calibration):
        raise ConfigError(
            "a search takes one model, a dataset and calibration data", where=where
        )
    if find_metric(model.metric).kind not in _JUDGED:
        raise ConfigError(
            f"a search cannot be judged by {model.metric}",
            where=where,
            allowed="topK, macro-f1 or auc, of which a gate in points can be asked",
        )
    if settings.plan.accuracy.limit is None:
        raise ConfigError(
            "a search needs a gate", where=where, allowed="gate.accuracy_drop_points"
        )
