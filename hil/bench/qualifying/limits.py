"""The limits that a device is held against: a TOML file, checked strictly."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hil.errors import ConfigError
from hil.profiles import config_error
from hil.results.certificate import UsedLimits, digest
from hil.vocab import TargetKind, TimeBasis

DEFAULT_LIMITS: Final = Path(__file__).resolve().parent / "default.toml"
PHONES: Final = (TargetKind.PHONE, TargetKind.EMULATED_PHONE)

_Share = Annotated[float, Field(ge=0, le=1, strict=False)]
_Amount = Annotated[float, Field(ge=0, le=1000, strict=False)]
_Count = Annotated[int, Field(ge=0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LinkLimits(_Table):
    """What a link may lose, and how slow it may be."""

    most_errors: _Count
    least_line_share: _Share


class TimerLimits(_Table):
    """How coarse a timer may be."""

    most_bad_runs: _Count
    most_step_share: _Share


class ClockLimits(_Table):
    """How far a clock may be from what is told of it."""

    tolerance_share: _Share
    most_room_share: _Share


class MemoryLimits(_Table):
    """How much of its memory a device must have, and how much may be taken."""

    least_told_share: _Share
    most_arena_share: _Share
    most_stack_share: _Share
    most_image_share: _Share
    most_rss_share: _Share


class SpreadLimits(_Table):
    """How far windows may lie apart, by what their time means."""

    least_windows: Annotated[int, Field(ge=2)]
    most_spread_cpu_cycles: _Amount
    most_spread_device_clock: _Amount
    most_spread_host_clock: _Amount
    most_spread_phone: _Amount
    most_spread_instructions: _Amount

    def most(self, basis: TimeBasis, kind: TargetKind) -> float:
        """Return the limit for a device that keeps time by *basis*."""
        if kind is TargetKind.PHONE:
            return self.most_spread_phone
        return {
            TimeBasis.CPU_CYCLES: self.most_spread_cpu_cycles,
            TimeBasis.DEVICE_CLOCK: self.most_spread_device_clock,
            TimeBasis.HOST_CLOCK: self.most_spread_host_clock,
            TimeBasis.EMULATED_INSTRUCTIONS: self.most_spread_instructions,
        }[basis]


class ThermalLimits(_Table):
    """How far a device may drift in the course of the windows."""

    most_drift_cpu_cycles: _Amount
    most_drift_device_clock: _Amount
    most_drift_host_clock: _Amount
    most_drift_phone: _Amount

    def most(self, basis: TimeBasis, kind: TargetKind) -> float:
        """Return the limit for a device that keeps time by *basis*."""
        if kind is TargetKind.PHONE:
            return self.most_drift_phone
        return {
            TimeBasis.CPU_CYCLES: self.most_drift_cpu_cycles,
            TimeBasis.DEVICE_CLOCK: self.most_drift_device_clock,
        }.get(basis, self.most_drift_host_clock)


class ParityLimits(_Table):
    """How far answers may be from the reference engine's."""

    least_samples: Annotated[int, Field(ge=1)]
    most_steps_tflm: _Count
    most_steps_compiled: _Count
    most_steps_phone: _Count
    most_relative: _Share
    most_relative_phone: _Share


class AccuracyLimits(_Table):
    """How many answers must be right."""

    most_drop_points: Annotated[float, Field(ge=0, le=100, strict=False)]
    least_share: dict[str, _Share]


class Limits(_Table):
    """All limits of one file. Every key must be there."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    link: LinkLimits
    timer: TimerLimits
    clock: ClockLimits
    memory: MemoryLimits
    repeatability: SpreadLimits
    thermal: ThermalLimits
    parity: ParityLimits
    accuracy: AccuracyLimits


def read_limits(path: Path) -> tuple[Limits, bytes]:
    """Return the limits of a file and its bytes; ConfigError names file and key."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ConfigError(
            "the limits cannot be read", where=str(path), found=exc.strerror
        ) from exc
    return parse_limits(data, where=str(path)), data


def parse_limits(data: bytes, *, where: str) -> Limits:
    """Return the limits of the bytes of a file; ConfigError as `read_limits`."""
    try:
        raw = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(
            "the limits are not TOML", where=where, found=str(exc)
        ) from exc
    try:
        return Limits.model_validate(raw)
    except ValidationError as exc:
        raise config_error(exc, Limits, where=where) from exc


def used_limits(limits: Limits, data: bytes, *, source: str) -> UsedLimits:
    """Return what a certificate says of the limits."""
    return UsedLimits(
        source=source, sha256=digest(data), values=limits.model_dump(by_alias=True)
    )
