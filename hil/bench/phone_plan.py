"""The plan's table [phone]: settings that each variant runs in, and conditions."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hil.bench.examples import resolve_path
from hil.errors import ConfigError
from hil.targets.phone_conditions import DEFAULT_CONDITIONS, PhoneConditions
from hil.vocab import AdbSettings, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.vocab import DeviceProfile

_CORES = re.compile(
    r"[a-z]+(?:-[a-z]+)*|[0-9]{1,3}(?:-[0-9]{1,3})?(?:,[0-9]{1,3}(?:-[0-9]{1,3})?)*"
)
_LISTS = ("threads", "cores", "delegates")
# Rules of MLPerf Mobile v4.0: breaks of up to 5 minutes between tasks. The rules know
# no temperature gate; a phone that is warm after the break waits for up to 5 more.
_PRESETS: Final[Mapping[str, Mapping[str, float | bool]]] = {
    "mlperf-mobile": {
        "cooldown_seconds": 300.0,
        "gate_wait_seconds": 300.0,
        "temperature_gate": True,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePlan:
    """In which settings each variant runs on a phone, and under which conditions."""

    settings: tuple[Setting, ...] = (Setting(),)
    conditions: PhoneConditions = DEFAULT_CONDITIONS


NO_PHONE_PLAN: Final = PhonePlan()


class PhoneTable(BaseModel):
    """[phone] as it is written."""

    model_config = ConfigDict(extra="forbid", strict=True)

    threads: Annotated[
        list[Annotated[int, Field(ge=1, le=64)]], Field(min_length=1)
    ] = [1]
    cores: Annotated[list[str], Field(min_length=1)] | None = None
    delegates: (
        Annotated[
            list[Literal["none", "xnnpack", "gpu", "nnapi", "npu"]],
            Field(min_length=1),
        ]
        | None
    ) = None
    temperature_gate: bool | None = None
    max_start_c: Annotated[float, Field(ge=15, le=80, strict=False)] | None = None
    gate_wait_seconds: Annotated[float, Field(ge=0, le=86_400, strict=False)] = (
        DEFAULT_CONDITIONS.gate_wait_seconds
    )
    cooldown_seconds: Annotated[float, Field(ge=0, le=86_400, strict=False)] = (
        DEFAULT_CONDITIONS.cooldown_seconds
    )
    fixed_performance: bool = DEFAULT_CONDITIONS.fixed_performance
    sentinel: Annotated[str, Field(min_length=1)] | None = None
    binary: Annotated[str, Field(min_length=1)] | None = None
    op_profile: bool = False
    stop_early: bool = False

    @field_validator("cores")
    @classmethod
    def _cores_are_choices(cls, cores: list[str] | None) -> list[str] | None:
        for choice in cores or []:
            if not _CORES.fullmatch(choice):
                message = (
                    f"{choice!r} is no choice of cores: all, fastest, slowest, "
                    "not-slowest, little, mid, big, prime, or a list such as 4-7"
                )
                raise ValueError(message)
        return cores


def phone_plan(table: PhoneTable, *, folder: Path, preset: str | None) -> PhonePlan:
    """Return what *table* asks for, laid over what the preset of [measure] brings.

    Paths start at *folder*. ConfigError where one of them is no file.
    """
    own = table.model_dump(exclude_unset=True, exclude={*_LISTS, "sentinel", "binary"})
    conditions = PhoneConditions(
        **{**_PRESETS.get(preset or "", {}), **own},
        sentinel=_file(table.sentinel, folder, "phone.sentinel"),
        binary=_file(table.binary, folder, "phone.binary"),
    )
    return PhonePlan(settings=phone_settings(table), conditions=conditions)


def phone_settings(table: PhoneTable) -> tuple[Setting, ...]:
    """Return every combination of what *table* lists."""
    cores: list[str | None] = [*table.cores] if table.cores else [None]
    delegates: list[str | None] = [None]
    if table.delegates:
        delegates = [*table.delegates]
    choices = itertools.product(
        dict.fromkeys(table.threads), dict.fromkeys(cores), dict.fromkeys(delegates)
    )
    return tuple(
        Setting(threads=threads, cores=cores, delegate=delegate)
        for threads, cores, delegate in choices
    )


def phone_options(
    *,
    threads: str | None,
    cores: str | None,
    delegates: str | None,
    binary: Path | None,
) -> dict[str, object]:
    """Return the keys of [phone] that options of a command line stand for.

    ConfigError where --threads is no list of whole numbers.
    """
    keys: dict[str, object] = {}
    if threads is not None:
        words = [word.strip() for word in threads.split(",")]
        if not all(word.isdecimal() for word in words):
            raise ConfigError(
                "--threads is no list of whole numbers",
                found=repr(threads),
                allowed="1, or 1,2,4",
            )
        keys["threads"] = [int(word) for word in words]
    if cores is not None:
        # A comma parts choices here; a list of cores has dashes or stands in a plan.
        keys["cores"] = [word.strip() for word in cores.split(",")]
    if delegates is not None:
        keys["delegates"] = [word.strip() for word in delegates.split(",")]
    if binary is not None:
        keys["binary"] = str(binary.resolve())
    return keys


def require_a_gate(table: PhoneTable, where: str, *, has_gate: bool) -> None:
    """Refuse to stop as soon as a gate is decided where there is none: ConfigError."""
    if table.stop_early and not has_gate:
        raise ConfigError(
            "phone.stop_early needs an accuracy gate that may be decided",
            where=where,
            remedy="gate.accuracy_drop_points = 1.0",
        )


def require_distinct_phones(devices: Sequence[DeviceProfile], where: str) -> None:
    """Refuse two profiles with one address or one serial number: ConfigError."""
    seen: dict[tuple[object, ...], str] = {}
    for device in devices:
        link = device.link
        if not isinstance(link, AdbSettings) or (link.serial or link.host) is None:
            continue
        key = (link.host, link.port) if link.host else (link.serial,)
        other = seen.setdefault(key, device.name)
        if other != device.name:
            raise ConfigError(
                "two profiles reach the same phone",
                where=where,
                found=f"{other} and {device.name}: {':'.join(map(str, key))}",
                remedy="`adb devices -l` shows the serial of each phone",
            )


def _file(text: str | None, folder: Path, key: str) -> Path | None:
    if text is None:
        return None
    path = resolve_path(text, folder)
    if not path.is_file():
        raise ConfigError(f"{key} is no file", where=str(path), found=repr(text))
    return path
