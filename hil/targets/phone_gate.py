"""Waits until a phone is cool and steady: by `sleep` on the phone, by its own clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.android.facts_script import WATCHED, facts_script
from hil.android.phone_facts import read_facts
from hil.android.temperature_gate import GateRule, GateVerdict, TemperatureGate

if TYPE_CHECKING:
    from hil import vocab
    from hil.links.phone import Phone

_SHARE_OF_DEADLINE = 0.5  # the window itself needs the rest
_MAX_READINGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOutcome:
    """The last verdict, and how long the phone was waited for by its own clock."""

    verdict: GateVerdict
    waited_seconds: float
    readings: tuple[tuple[float, float | None], ...] = ()  # seconds, degrees

    @property
    def has_thermometer(self) -> bool:
        """Whether the phone tells any temperature."""
        return self.verdict.thermometer is not None

    def record(self) -> dict[str, object]:
        """Return it as JSON values for the evidence of a record."""
        step = max(1, len(self.readings) // _MAX_READINGS)
        return {
            **self.verdict.record(),
            "waited_seconds": round(self.waited_seconds, 2),
            "readings": [
                {"seconds": round(at, 2), "celsius": celsius}
                for at, celsius in self.readings[::step]
            ],
        }


@dataclass(slots=True)
class PhoneGate:
    """The gate of one phone.

    This machine's clock counts where the phone tells no uptime, and for the deadline.
    """

    link: Phone
    rule: GateRule = field(default_factory=GateRule)

    def rest(self, seconds: float, deadline: vocab.Deadline) -> None:
        """Let the phone rest for *seconds* of its own time."""
        if seconds > 0:
            self.link.shell(["sleep", f"{seconds:g}"], deadline)

    def wait(self, wait_seconds: float, deadline: vocab.Deadline) -> GateOutcome:
        """Return once the gate is open, or after *wait_seconds* of the phone's time.

        Half of what is left of *deadline* is the most that is waited for.
        """
        gate = TemperatureGate(self.rule)
        step = self.rule.over_seconds / 2  # three readings make a slope
        readings: list[tuple[float, float | None]] = []
        first_left = self.link.seconds_left(deadline)
        start: float | None = None
        script = self._look()
        while True:
            result = self.link.shell(script, deadline)
            facts = read_facts(result.stdout, WATCHED)
            uptime = facts.uptime_seconds
            left = self.link.seconds_left(deadline)
            at = first_left - left if uptime is None else uptime
            start = at if start is None else start
            verdict = gate.add(at, facts)
            readings.append((at - start, verdict.celsius))
            is_late = left <= first_left * (1 - _SHARE_OF_DEADLINE)
            is_over = at - start + step > wait_seconds or is_late
            if verdict.is_open or verdict.thermometer is None or is_over:
                return GateOutcome(
                    verdict=verdict,
                    waited_seconds=at - start,
                    readings=tuple(readings),
                )
            script = f"sleep {step:g}\n{self._look()}"

    def _look(self) -> str:
        return facts_script(WATCHED, token=self.link.draw())


def gate_rule(max_start_c: float | None) -> GateRule:
    """Return the usual rule, or one with *max_start_c* for every thermometer."""
    rule = GateRule()
    if max_start_c is None:
        return rule
    return GateRule(limits_c=dict.fromkeys(rule.limits_c, max_start_c))
