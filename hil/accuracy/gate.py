"""Non-inferiority: "at most so much worse, with so much confidence", decided or not.

A gate is passed only where the one-sided bound of the difference says so, failed only
where the opposite bound says the loss is larger. Between them lies "undecidable with n
samples", which is an answer too: it comes with the number of samples that would decide.
"""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from hil.accuracy.paired import POWER, difference_interval, shared_disagreement
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_RULE = re.compile(r"\s*drop\s*<=\s*(\d{1,3}(?:\.\d+)?)\s*(?:points?|pt|%)?\s*")
POINTS: Final = 100.0
_MOST_SAMPLES: Final = 1_000_000_000


class Outcome(enum.Enum):
    """What the samples say of a gate."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDABLE = "undecidable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The most that a model may lose, as a share (0.01 is a point), how surely."""

    most_drop: float
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """The outcome with the one-sided bounds that it rests on.

    `samples_needed` is absent where the gate is decided, and where no number of
    samples would do since the loss seen is the limit itself.
    """

    gate: Gate
    outcome: Outcome
    low: float
    high: float
    samples_needed: int | None = None


def parse_gate(text: str, *, confidence: float = 0.95) -> Gate:
    """Return the gate that `drop<=1` stands for, in points; ConfigError otherwise."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise ConfigError(
            "the gate cannot be read",
            found=repr(text),
            allowed="drop<=POINTS, such as 'drop<=1' or 'drop<=0.5'",
        )
    return Gate(most_drop=float(match[1]) / POINTS, confidence=confidence)


def decide_counts(lost: int, gained: int, *, n: int, gate: Gate) -> GateResult:
    """Decide from paired counts, by Tango's score interval.

    Two one-sided bounds of a confidence are the ends of one interval of 2 * it - 1.
    """
    low, high = difference_interval(lost, gained, n=n, confidence=_two_sided(gate))
    disagreement = shared_disagreement(lost, gained, n=n)
    seen = (gained - lost) / n
    variance = max(disagreement - seen * seen, 0.0)
    needed = _needed(seen, math.sqrt(variance), gate)
    # However alike the models are, so many samples without a loss prove the gate.
    z = NormalDist().inv_cdf(gate.confidence)
    share = max(gate.most_drop, 1 / _MOST_SAMPLES)
    least = math.ceil(z * z * (1 - share) / share)
    if needed is not None:
        needed = max(needed, least, n + 1)
    return _decided(low, high, gate=gate, needed=needed)


def decide_draws(
    difference: float,
    bounds: Callable[[float], tuple[float, float]],
    *,
    n: int,
    spread: float,
    gate: Gate,
) -> GateResult:
    """Decide from resampled differences, of which a rise is good.

    *bounds* gives their two-sided interval of a confidence; *spread* is their standard
    deviation, which falls with the root of n.
    """
    low, high = bounds(_two_sided(gate))
    needed = _needed(difference, spread * math.sqrt(n), gate)
    return _decided(
        low, high, gate=gate, needed=None if needed is None else max(needed, n + 1)
    )


def _two_sided(gate: Gate) -> float:
    return 2 * gate.confidence - 1


def _needed(difference: float, deviation: float, gate: Gate) -> int | None:
    """Return the samples that decide with 80 % power if the difference stays."""
    distance = abs(difference + gate.most_drop)
    z = NormalDist().inv_cdf(gate.confidence) + NormalDist().inv_cdf(POWER)
    if distance * math.sqrt(_MOST_SAMPLES) <= z * deviation:
        return None
    return math.ceil((z * deviation / distance) ** 2)


def _decided(low: float, high: float, *, gate: Gate, needed: int | None) -> GateResult:
    outcome = Outcome.UNDECIDABLE
    if low >= -gate.most_drop:
        outcome = Outcome.PASSED
    elif high < -gate.most_drop:
        outcome = Outcome.FAILED
    return GateResult(
        gate=gate,
        outcome=outcome,
        low=low,
        high=high,
        samples_needed=needed if outcome is Outcome.UNDECIDABLE else None,
    )
