"""All that can be said of a command line without converting anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.conversion.legacy import story
from hil.conversion.legacy.command import parse_line
from hil.conversion.legacy.findings import Case, Finding
from hil.conversion.legacy.generations import Verdict, find_generation
from hil.conversion.legacy.grammar import read
from hil.conversion.legacy.intent import understand
from hil.conversion.legacy.rules import judge
from hil.conversion.legacy.translation import translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.conversion.legacy.flags import Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagLine:
    """One flag of the line, explained; `then` is absent where no generation had it."""

    written: str
    standing: str
    then: str | None
    today: str | None
    default: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a line is, did, and would do today."""

    case: Case
    verdict: Verdict
    flags: tuple[FlagLine, ...]
    findings: tuple[Finding, ...]
    then: tuple[str, ...]
    now: tuple[str, ...]
    boundary: tuple[str, ...]
    code: str

    @property
    def is_sound(self) -> bool:
        """Whether the line did what it says, and today's converter does the same."""
        return not any(finding.severity.is_broken for finding in self.findings)


def explain(words: Sequence[str], told: Generation | None = None) -> Explanation:
    """Explain the line in *words*; ConfigError where it is none.

    *told* is the generation, where the person knows it.
    """
    command = parse_line(words)
    verdict = find_generation(command, told)
    readings = read(command, verdict.generation)
    case = Case(
        command=command,
        generation=verdict.generation,
        readings=readings,
        intent=understand(readings),
    )
    findings = judge(case)
    return Explanation(
        case=case,
        verdict=verdict,
        flags=_flag_lines(case),
        findings=findings,
        then=story.then(case, findings),
        now=story.now(case, findings),
        boundary=story.boundary(case.intent),
        code=translate(case.intent),
    )


def _flag_lines(case: Case) -> tuple[FlagLine, ...]:
    return tuple(
        FlagLine(
            written=item.use.written,
            standing=item.standing.value,
            then=item.flag.then if item.flag else None,
            today=item.flag.today if item.flag else None,
            default=item.flag.default if item.flag else None,
        )
        for item in case.readings.items
    )
