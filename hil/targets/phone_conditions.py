"""Under which conditions a phone is measured; what a plan's table [phone] asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DRIFT_SHARE = 0.05  # MLPerf Mobile's limit on what tries of one model may differ by


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneConditions:
    """What is asked of every window on a phone.

    `temperature_gate` None waits where the phone tells a temperature, true demands
    one, false does not wait. `max_start_c` lies over every limit of the gate.
    `cooldown_seconds` pass before each window, whatever the temperature.
    """

    temperature_gate: bool | None = None
    max_start_c: float | None = None
    gate_wait_seconds: float = 600.0
    cooldown_seconds: float = 0.0
    fixed_performance: bool = True  # where Android offers it
    sentinel: Path | None = None
    binary: Path | None = None
    op_profile: bool = False
    stop_early: bool = False


DEFAULT_CONDITIONS = PhoneConditions()
