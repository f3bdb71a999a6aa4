"""Whether a phone is cool and steady enough for a window to start.

Both count: a phone that is cool but still warming measures another clock at the end
than at the start, and one that still cools down measures the run before. Pure: it is
given samples and returns a verdict; the caller waits.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.android.thermal_service import status_name
from hil.android.warmth import choose_thermometer, read_thermometer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.android.phone_facts import PhoneFacts
    from hil.android.warmth import Thermometer

_LIMITS_C = {"skin": 36.0, "cpu": 45.0, "zone": 45.0, "battery": 35.0}
_MINUTE = 60.0
_LEAST_SAMPLES = 3
_MOST_SAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """What opens the gate; `limits_c` by the kind of the thermometer."""

    limits_c: Mapping[str, float] = field(default_factory=lambda: dict(_LIMITS_C))
    max_slope_c_per_minute: float = 1.0  # up or down
    over_seconds: float = 20.0  # the slope is taken over as long


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """Open or not, why, and what was seen.

    `is_early` where nothing speaks against it but that it was not watched for long.
    """

    is_open: bool
    reason: str
    is_early: bool = False
    celsius: float | None = None
    slope_c_per_minute: float | None = None
    thermometer: str | None = None

    def record(self) -> dict[str, object]:
        """Return it as JSON values for the evidence of a record."""
        return {
            "is_open": self.is_open,
            "reason": self.reason,
            "c": self.celsius,
            "slope_c_per_minute": self.slope_c_per_minute,
            "thermometer": self.thermometer,
        }


class TemperatureGate:
    """Takes a sample at a time; the last verdict is the one that holds."""

    def __init__(self, rule: GateRule | None = None) -> None:
        """Take the rule; the thermometer is chosen with the first sample."""
        self._rule = rule or GateRule()
        self._thermometer: Thermometer | None = None
        self._samples: deque[tuple[float, float]] = deque(maxlen=_MOST_SAMPLES)

    def add(self, at_seconds: float, facts: PhoneFacts) -> GateVerdict:
        """Return the verdict with the sample of *at_seconds* on any steady clock."""
        if self._thermometer is None:
            self._thermometer = choose_thermometer(facts)
        if self._thermometer is None:
            return GateVerdict(
                is_open=False, reason="the phone tells no temperature at all"
            )
        celsius = read_thermometer(self._thermometer, facts)
        if celsius is None:
            self._samples.clear()  # a gap has no slope
            return self._verdict(None, "a sensor that was read before is silent")
        self._samples.append((at_seconds, celsius))
        obstacle = self._obstacle(self._thermometer.kind, celsius, facts)
        if obstacle is not None:
            return self._verdict(celsius, obstacle)
        if self._slope() is None:
            early = f"not watched for {self._rule.over_seconds:g} s yet"
            return self._verdict(celsius, early, is_early=True)
        return self._verdict(celsius, "cool and steady", is_open=True)

    def _obstacle(self, kind: str, celsius: float, facts: PhoneFacts) -> str | None:
        """Return what keeps the gate shut now, None where nothing does."""
        limit = self._rule.limits_c[kind]
        if celsius > limit:
            return f"{celsius:.1f} C is above {limit:.1f} C"
        if hot := _throttled_status(facts):
            return f"Android tells the thermal status {hot}"
        slope = self._slope()
        if slope is not None and abs(slope) > self._rule.max_slope_c_per_minute:
            way = "warms" if slope > 0 else "cools"
            most = self._rule.max_slope_c_per_minute
            return f"it {way} by {abs(slope):.1f} C a minute, more than {most:.1f}"
        return None

    def _verdict(
        self,
        celsius: float | None,
        reason: str,
        *,
        is_open: bool = False,
        is_early: bool = False,
    ) -> GateVerdict:
        assert self._thermometer is not None
        return GateVerdict(
            is_open=is_open,
            reason=reason,
            is_early=is_early,
            celsius=celsius,
            slope_c_per_minute=self._slope(),
            thermometer=self._thermometer.kind,
        )

    def _slope(self) -> float | None:
        """Return the straight line's degrees a minute; None before there is one."""
        if not self._samples:
            return None
        end = self._samples[-1][0]
        # The oldest that is needed to cover the whole span counts too.
        recent = [s for s in self._samples if end - s[0] <= self._rule.over_seconds]
        older = [s for s in self._samples if end - s[0] > self._rule.over_seconds]
        points = older[-1:] + recent
        if len(points) < _LEAST_SAMPLES:
            return None
        if end - points[0][0] < self._rule.over_seconds:
            return None
        mean_at = sum(at for at, _ in points) / len(points)
        mean_c = sum(c for _, c in points) / len(points)
        spread = sum((at - mean_at) ** 2 for at, _ in points)
        lean = sum((at - mean_at) * (c - mean_c) for at, c in points)
        return lean / spread * _MINUTE


def _throttled_status(facts: PhoneFacts) -> str | None:
    """Return the name of a status above none that Android itself has found."""
    thermal = facts.thermal
    if thermal is None or not thermal.status or thermal.is_overridden:
        return None
    return status_name(thermal.status)
