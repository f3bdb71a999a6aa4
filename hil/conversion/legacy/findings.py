"""What a rule sees and what it says."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.conversion.legacy.flags import Generation

if TYPE_CHECKING:
    from hil.conversion.legacy.command import LegacyCommand
    from hil.conversion.legacy.grammar import Readings
    from hil.conversion.legacy.intent import Intent


class Severity(enum.Enum):
    """How much a finding matters, the worst first."""

    REFUSED = "refused"  # the tool ended with an error
    IGNORED = "ignored"  # the tool did not do what the line says, and did not say so
    DIFFERS = "differs"  # the converter of today makes something else of it
    CHECK = "check"  # depends on the graph: --run decides
    NOTE = "note"  # worth knowing, nothing to do

    @property
    def is_broken(self) -> bool:
        """Whether a line with such a finding is not sound."""
        return self in {Severity.REFUSED, Severity.IGNORED, Severity.DIFFERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know about the line.

    `said` is the message that the tool gave. `stops` says that the line cannot be
    converted today either before it is mended.
    """

    rule: str
    severity: Severity
    what: str
    said: str | None = None
    today: str | None = None
    remedy: str | None = None
    stops: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A line as one generation read it."""

    command: LegacyCommand
    generation: Generation
    readings: Readings
    intent: Intent

    @property
    def is_toco(self) -> bool:
        """Whether the TOCO binary read it."""
        return self.generation is Generation.TOCO

    @property
    def reads_flags(self) -> bool:
        """Whether the tool looked at more than input and output (v2 does not)."""
        return self.generation is not Generation.V2
