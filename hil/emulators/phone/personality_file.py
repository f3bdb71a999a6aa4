"""A personality of an emulated phone as a TOML file of this package, checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hil.errors import ConfigError, nearest
from hil.profiles import config_error

if TYPE_CHECKING:
    from collections.abc import Mapping

# A profile names its personality in this property: `getprop` of an emulated phone
# tells what it plays.
PROPERTY = "ro.hil.personality"
_FOLDER = Path(__file__).resolve().parent / "personalities"

Share = Annotated[float, Field(ge=0, le=1)]
Clock = Annotated[float, Field(gt=0, le=1)]
Degrees = Annotated[float, Field(ge=-30, le=150)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ClusterTable(_Table):
    """Equal cores; numbered in the order of the file."""

    cores: Annotated[int, Field(ge=1, le=16)]
    capacity: Annotated[int, Field(ge=1, le=1024)]
    max_khz: Annotated[int, Field(ge=10_000)]
    min_khz: Annotated[int, Field(ge=10_000)]
    governor: str = "schedutil"
    implementer: str = "0x41"
    part: str


class TripTable(_Table):
    """From these degrees on the clocks are lower."""

    above_c: Degrees
    clock: Clock
    status: Annotated[int, Field(ge=0, le=6)]


class SensorTable(_Table):
    """A reading: room temperature plus *share* of the body's warmth."""

    name: str
    type: Annotated[int, Field(ge=-1, le=30)] = 3
    share: Share = 1.0


class ZoneTable(SensorTable):
    """A thermal zone of the kernel."""

    unit: Literal["millidegrees", "degrees"] = "millidegrees"
    is_readable: bool = True


class HeatTable(_Table):
    """The body of heat, and the sensors that tell of it."""

    ambient_c: Degrees = 25.0
    start_c: Degrees = 25.0
    rise_c: Annotated[float, Field(ge=0, le=200)]
    time_constant_seconds: Annotated[float, Field(ge=0.01, le=3600)]
    hysteresis_c: Annotated[float, Field(ge=0.1, le=20)] = 2.0
    trips: list[TripTable] = []
    fixed_clock: Clock | None = None
    hal: Literal["2.0", "AIDL 1 "] | None = None  # None: no thermal service
    tells_status: bool = True  # false: status 0 however hot, as on some phones
    sensors: list[SensorTable] = []
    zones: list[ZoneTable] = []
    battery_share: Share = 0.3

    @model_validator(mode="after")
    def _trips_rise(self) -> HeatTable:
        degrees = [trip.above_c for trip in self.trips]
        if degrees != sorted(set(degrees)):
            message = "trips: the coolest comes first, and none twice"
            raise ValueError(message)
        return self


class PersonalityTable(_Table):
    """One phone; texts in `services` and `files` stand as they are."""

    kernel: str
    hardware: str | None = None  # the line in /proc/cpuinfo
    tells_capacity: bool = True
    has_cmd: bool = True  # Android 7 and later
    background: Share = 0.0
    clusters: Annotated[list[ClusterTable], Field(min_length=1)]
    heat: HeatTable
    services: dict[str, str] = {}
    files: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_cluster_is_the_fastest(self) -> PersonalityTable:
        if max(cluster.capacity for cluster in self.clusters) != 1024:  # noqa: PLR2004 - the kernel's own number
            message = "clusters: the fastest has the capacity 1024"
            raise ValueError(message)
        return self


def personality_files() -> Mapping[str, Path]:
    """Return the personalities of this package by name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def find_personality(name: str, *, where: str) -> PersonalityTable:
    """Return the personality called *name*; *where* names who asked, in an error."""
    files = personality_files()
    if name not in files:
        raise ConfigError(
            f"no emulated phone has the personality {name!r}",
            where=f"{where}: {PROPERTY}",
            allowed=", ".join(files),
            remedy=nearest(name, files),
        )
    return read_personality(files[name])


def read_personality(path: Path) -> PersonalityTable:
    """Read and check one file; ConfigError names file, key, found, allowed."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(
            "the personality cannot be read", where=str(path), found=exc.strerror
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(
            "the personality is not TOML", where=str(path), found=str(exc)
        ) from exc
    try:
        return PersonalityTable.model_validate(raw)
    except ValidationError as exc:
        raise config_error(exc, PersonalityTable, where=str(path)) from exc
