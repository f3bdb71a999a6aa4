"""What was measured of one variant of a model, as a claim is held against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.vocab import TimeBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """A metric's value over n samples; `correct` is there where it is a count."""

    metric: str
    value: float
    low: float
    high: float
    n: int
    correct: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Samples that *baseline* alone got right, and that the variant alone did."""

    baseline: str
    metric: str
    lost: int
    gained: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """A median latency in us (or instructions, as the basis says) and its interval."""

    basis: TimeBasis
    median: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is known of one variant of one model, on one device where it ran on one.

    `kind` is what the file is (`float`, `dynamic`, `int8`, ...), by its truth label
    where the file or a document that tells it was there, else by the recipe's name.
    What was not measured is None.
    """

    where: str
    model: str
    variant: str
    kind: str
    label: str | None = None
    per_channel: bool | None = None
    device: str | None = None
    size_bytes: int | None = None
    size_ratio: float | None = None  # given by a person, without the files
    accuracy: Rated | None = None
    paired: Paired | None = None
    time: Time | None = None
    arena_bytes: int | None = None
    quantization_bytes: int | None = None
    name_bytes: int | None = None
