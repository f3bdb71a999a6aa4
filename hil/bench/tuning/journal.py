"""tune.jsonl: what each rung found and decided, written as it happens, read to resume.

Two kinds of lines, told apart by `event`: "trial" (one candidate screened on this host
to a number of samples) and "decision" (who went on, and why). What the device measured
stands in records.jsonl, as in any run.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hil.accuracy.gate import Outcome
from hil.bench.tuning.line_file import whole_lines
from hil.bench.tuning.search import Decision, Screening
from hil.bench.tuning.space import read_candidate, written
from hil.errors import ConfigError, RecordingError
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from pathlib import Path

    from hil.bench.tuning.search import Screen
    from hil.bench.tuning.space import Candidate

SCHEMA = 1
FILE = "tune.jsonl"


class _Trial(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    schema_: Annotated[int, Field(alias="schema")] = SCHEMA
    event: Literal["trial"] = "trial"
    samples: int  # that were asked for
    variant: str
    changes: dict[str, str]
    status: str
    n: int  # that were looked at: fewer where the test had decided
    problem: str | None = None
    model_sha256: str | None = None
    size_bytes: int | None = None
    arena_bytes: int | None = None
    loss: float | None = None
    outcome: str


class _Decision(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    schema_: Annotated[int, Field(alias="schema")] = SCHEMA
    event: Literal["decision"] = "decision"
    rung: int
    variant: str
    kept: bool
    reason: str


_LINE: TypeAdapter[_Trial | _Decision] = TypeAdapter(
    Annotated[_Trial | _Decision, Field(discriminator="event")]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    candidate: Candidate
    samples: int


class Journal:
    """The open file of a search; what it holds already is not done again."""

    def __init__(self, folder: Path) -> None:
        """Read what is there; ConfigError where it is damaged before its last line."""
        self._path = folder / FILE
        self._screenings: dict[_Asked, Screening] = {}
        self.decisions: list[Decision] = []
        self._read()

    @property
    def screenings(self) -> list[Screening]:
        """Every trial, in the order in which they were made."""
        return list(self._screenings.values())

    def remembered(self, screen: Screen) -> Screen:
        """Return *screen* that asks only what the journal does not know."""

        def ask(found: Candidate, *, samples: int) -> Screening:
            key = _Asked(candidate=found, samples=samples)
            if key not in self._screenings:
                answer = screen(found, samples=samples)
                self._append(_trial(answer, samples))
                self._screenings[key] = answer
            return self._screenings[key]

        return ask

    def decide(self, decision: Decision) -> None:
        """Keep a decision, once."""
        if decision not in self.decisions:
            self.decisions.append(decision)
            self._append(
                _Decision(
                    rung=decision.rung,
                    variant=decision.candidate,
                    kept=decision.kept,
                    reason=decision.reason,
                )
            )

    def _append(self, line: _Trial | _Decision) -> None:
        values = line.model_dump(by_alias=True, exclude_none=True)
        try:
            with self._path.open("ab", buffering=0) as file:
                file.write(json.dumps(values).encode() + b"\n")
                os.fsync(file.fileno())
        except OSError as exc:
            raise RecordingError(
                "the search cannot be recorded",
                where=str(self._path),
                found=exc.strerror or str(exc),
                remedy="free space; then hil tune --resume goes on from here",
            ) from exc

    def _read(self) -> None:
        for where, line in whole_lines(self._path):
            self._take(line, where)

    def _take(self, text: bytes, where: str) -> None:
        try:
            line = _LINE.validate_json(text)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            raise ConfigError(
                "the search cannot be read", where=where, found=str(first["msg"])
            ) from exc
        if line.schema_ > SCHEMA:
            raise ConfigError(
                "the search was written by a newer hil",
                where=where,
                found=f"schema {line.schema_}",
                allowed=f"up to {SCHEMA}",
                remedy="upgrade hil",
            )
        if isinstance(line, _Decision):
            self.decisions.append(
                Decision(
                    rung=line.rung,
                    candidate=line.variant,
                    kept=line.kept,
                    reason=line.reason,
                )
            )
            return
        found = _screening(line, where)
        key = _Asked(candidate=found.candidate, samples=line.samples)
        self._screenings[key] = found


def _trial(found: Screening, samples: int) -> _Trial:
    return _Trial(
        samples=samples,
        variant=found.candidate.name,
        changes=written(found.candidate),
        status=found.status.value,
        n=found.n,
        problem=found.problem,
        model_sha256=found.sha256,
        size_bytes=found.size_bytes,
        arena_bytes=found.arena_bytes,
        loss=found.loss,
        outcome=found.outcome.value,
    )


def _screening(line: _Trial, where: str) -> Screening:
    try:
        status, outcome = RunStatus(line.status), Outcome(line.outcome)
    except ValueError as exc:
        raise ConfigError(
            "the search cannot be read", where=where, found=str(exc)
        ) from exc
    return Screening(
        candidate=read_candidate(line.changes, where=where),
        status=status,
        n=line.n,
        problem=line.problem,
        sha256=line.model_sha256,
        size_bytes=line.size_bytes,
        arena_bytes=line.arena_bytes,
        loss=line.loss,
        outcome=outcome,
    )
