"""What the comparison of two runs found: plain values, for reports to show.

A change is of one figure of one row that both runs have. Its figures are in the unit of
the figure; `difference` and its interval are shares of the base, except for accuracy,
where they are differences of the shares (0.01 is a point).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.Enum):
    """What a change shows."""

    EQUAL = "same"  # exactly
    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "no change shown"
    UNDECIDED = "undecided"  # a figure is missing, or too little was measured


class GateOutcome(enum.Enum):
    """Whether a limit holds."""

    HELD = "held"
    BROKEN = "broken"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKey:
    """What makes two rows the same one.

    `device` names the setting too, where it had one. `engine` is None where none ever
    answered.
    """

    model: str
    variant: str
    device: str
    engine: str | None

    def __str__(self) -> str:
        """Return the row as a reader calls it."""
        engine = f" ({self.engine})" if self.engine else ""
        return f"{self.model} {self.variant} on {self.device}{engine}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure in both runs; `how` is what the verdict rests on, with its n.

    `unit` is us, insn, B, share, or what the metric counts in. `exact` figures are
    counted and need no interval.
    """

    figure: str
    unit: str
    verdict: Verdict
    how: str
    base: float | None = None
    new: float | None = None
    n_base: int | None = None
    n_new: int | None = None
    basis: str | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    p_value: float | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something beside the figures that is not the same: a cause to look at."""

    group: str  # model, runtime, delegate, cores, clock, heat, firmware, settings, host
    name: str
    base: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """A row of both runs: what changed, and what else is different.

    A status that is not "ok" has no speed; `problem` is the new run's.
    """

    key: RowKey
    base_status: str
    new_status: str
    changes: tuple[Change, ...]
    facts: tuple[Fact, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFinding:
    """One limit held against one row."""

    gate: str
    key: RowKey
    outcome: GateOutcome
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """Two runs, row by row; facts that are true of all rows stand in `facts`."""

    base: str
    new: str
    rows: tuple[ComparedRow, ...]
    only_base: tuple[RowKey, ...]
    only_new: tuple[RowKey, ...]
    facts: tuple[Fact, ...]
    gates: tuple[GateFinding, ...] = ()
    notes: tuple[str, ...] = ()
