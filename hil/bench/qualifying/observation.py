"""What is seen of a device while it is qualified: one line of JSON each, raw.

No verdict stands in them. `judge` makes the verdicts of them, on the day and whenever
a certificate is verified.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping  # noqa: TC003 - pydantic reads it
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, Literal

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from hil.errors import ConfigError, HilError
from hil.vocab import (  # pydantic reads them at run time
    Evidence,  # noqa: TC001
    TargetKind,  # noqa: TC001
    TimeBasis,  # noqa: TC001
    TimingSummary,  # noqa: TC001
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

SCHEMA: Final = 1
_STRICT: Final = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSeen:
    """What the device is by its profile, and what it tells of itself."""

    __pydantic_config__ = _STRICT

    kind: TargetKind
    profile_ram_bytes: int | None = None
    profile_flash_bytes: int | None = None
    profile_clock_hz: int | None = None
    engine: str
    board: str = ""
    build_id: str = ""
    time_basis: TimeBasis | None = None
    tick_hz: int | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None
    arena_capacity_bytes: int | None = None
    baud: int | None = None
    evidence: Evidence = field(default_factory=dict)
    seen: Literal["device"] = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSeen:
    """Echoes over a link; `wrong` came back changed, `lost` had to be sent again."""

    __pydantic_config__ = _STRICT

    echoes: int
    echo_bytes: int
    wrong: int
    seconds: float
    trip_seconds: tuple[float, ...]
    lost: tuple[str, ...] = ()
    seen: Literal["link"] = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSeen:
    """Some runs in one go: their ticks or what a tool told of them, and host seconds.

    `seconds` are this host's, with the way there and back.
    """

    __pydantic_config__ = _STRICT

    seconds: float
    ticks: tuple[int, ...] = ()
    summary: TimingSummary | None = None
    retries: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsSeen:
    """The windows, the short calls that tell what a call costs, and what a byte costs.

    `short` are calls of a single run.
    """

    __pydantic_config__ = _STRICT

    windows: tuple[WindowSeen, ...]
    short: tuple[WindowSeen, ...]
    byte_seconds: float = 0.0
    seen: Literal["windows"] = "windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySeen:
    """Bytes by the names of the result JSON, of the image and after the runs."""

    __pydantic_config__ = _STRICT

    figures: Mapping[str, int]
    seen: Literal["memory"] = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Answers to the last bit: [n, ...], little-endian, in base64."""

    __pydantic_config__ = _STRICT

    dtype: Literal["|i1", "|u1", "<i2", "<u2", "<i4", "<i8", "<f4", "<f8"]
    shape: tuple[int, ...]
    data: str

    @classmethod
    def of(cls, array: npt.NDArray[np.generic]) -> Rows:
        """Return the rows of *array*."""
        stored = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
        return _ROWS.validate_python(
            {
                "dtype": stored.dtype.str,
                "shape": stored.shape,
                "data": base64.b64encode(stored.tobytes()).decode(),
            }
        )

    def array(self) -> npt.NDArray[np.generic]:
        """Return them as they were; ValueError where the bytes are not so many."""
        data = base64.b64decode(self.data, validate=True)
        return np.frombuffer(data, np.dtype(self.dtype)).reshape(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersSeen:
    """A model's answers on the device and on the host engine, to the same samples."""

    __pydantic_config__ = _STRICT

    model: str
    model_sha256: str
    engine: str
    reference: str
    answers: Rows
    expected: Rows
    labels: tuple[int, ...] | None = None
    seen: Literal["answers"] = "answers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What could not be observed: a fault of the device, or a reason why not."""

    __pydantic_config__ = _STRICT

    part: str
    why: str
    is_fault: bool
    model: str | None = None
    seen: Literal["trouble"] = "trouble"

    @classmethod
    def fault(cls, part: str, exc: HilError, *, model: str | None = None) -> Trouble:
        """Return that the device failed with *exc*."""
        found = f": {exc.found}" if exc.found else ""
        return cls(part=part, why=f"{exc.what}{found}", is_fault=True, model=model)

    @classmethod
    def open(cls, part: str, why: str, *, model: str | None = None) -> Trouble:
        """Return that nothing can be told, for no fault of the device."""
        return cls(part=part, why=why, is_fault=False, model=model)


Observation = DeviceSeen | LinkSeen | WindowsSeen | MemorySeen | AnswersSeen | Trouble


def to_line(observation: Observation) -> bytes:
    """Return one line of JSON; what was not seen is left out."""
    told = _ADAPTER.dump_python(observation, mode="json", exclude_none=True)
    return json.dumps({"schema": SCHEMA, **told}).encode() + b"\n"


def from_lines(lines: Iterable[bytes], *, where: str) -> list[Observation]:
    """Read lines; ConfigError names the one that is damaged or of a newer schema."""
    found: list[Observation] = []
    for number, line in enumerate(lines, 1):
        place = f"{where}:{number}"
        try:
            told = json.loads(line)
            if not isinstance(told, dict):
                raise _damaged(place, "no JSON object")
            schema = told.pop("schema", None)
            if schema != SCHEMA:
                raise ConfigError(
                    "the record is of another schema",
                    where=place,
                    found=str(schema),
                    allowed=str(SCHEMA),
                )
            found.append(_ADAPTER.validate_python(told, strict=False))
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise _damaged(place, f"{key}: {first['msg']}") from exc
        except (ValueError, RecursionError) as exc:
            raise _damaged(place, str(exc)) from exc
    return found


def _damaged(where: str, found: str) -> ConfigError:
    return ConfigError("the record cannot be read", where=where, found=found)


_ROWS: Final = TypeAdapter(Rows)
_ADAPTER: Final[TypeAdapter[Observation]] = TypeAdapter(
    Annotated[Observation, Field(discriminator="seen")]
)
