"""One run of a comparison as it was read from the disk, in rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.bench.summary import summarize
from hil.errors import ConfigError
from hil.results.comparison import RowKey
from hil.results.run_folder import load_records, load_scores
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.results.scores import StoredScores
    from hil.vocab import Result, RunRecord

_ENVIRONMENT = "environment.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All windows of one variant on one device; `scores` where samples were kept."""

    key: RowKey
    records: tuple[RunRecord, ...]
    result: Result
    scores: StoredScores | None = None

    @property
    def timed(self) -> list[RunRecord]:
        """The windows whose times mean something; none where one of them failed."""
        return [] if self.result.status is not RunStatus.OK else list(self.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A run: its rows, what it ran on, and what was skipped when it was read."""

    name: str
    rows: tuple[Row, ...]
    environment: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def load_side(path: Path) -> Side:
    """Read a run folder or a records.jsonl.

    Raises ConfigError where there are no records, or records of two runs in one file.
    """
    records, notes = load_records(path)
    scores, more = load_scores(path)
    if not records:
        raise ConfigError(
            "the run has no records",
            where=str(path),
            remedy="a run whose jobs ended: hil bench writes a record as each one does",
        )
    environment, damage = _environment(path)
    return make_side(
        records,
        name=str(path),
        scores=scores,
        environment=environment,
        notes=[*notes, *more, *damage],
    )


def make_side(
    records: Sequence[RunRecord],
    *,
    name: str,
    scores: Sequence[StoredScores] = (),
    environment: Mapping[str, object] | None = None,
    notes: Sequence[str] = (),
) -> Side:
    """Return the rows of some records, each with its scores."""
    runs = sorted({record.run for record in records})
    if len(runs) > 1:
        raise ConfigError(
            "one side of a comparison is one run",
            where=name,
            found=f"records of {len(runs)} runs: {', '.join(runs[:5])}",
            remedy="name the folder of one of them",
        )
    groups: dict[tuple[str, str, str], list[RunRecord]] = {}
    for record in records:
        group = (record.model, record.variant, record.place)
        groups.setdefault(group, []).append(record)
    known = {(s.model, s.variant, s.device): s for s in scores}
    rows = tuple(
        _row(group, known.get(key), where=name) for key, group in groups.items()
    )
    return Side(name=name, rows=rows, environment=environment or {}, notes=tuple(notes))


def _row(
    records: Sequence[RunRecord], scores: StoredScores | None, *, where: str
) -> Row:
    (result,) = summarize(records)
    key = RowKey(
        model=result.model,
        variant=result.variant,
        device=result.place,
        engine=result.engine,
    )
    bases = {record.time_basis.value for record in records}
    if len(bases) > 1:
        raise ConfigError(
            "the windows of one row count different times",
            where=f"{where}: {key}",
            found=", ".join(sorted(bases)),
            remedy="measure the row again, with one profile",
        )
    return Row(key=key, records=tuple(records), result=result, scores=scores)


def _environment(path: Path) -> tuple[dict[str, object], list[str]]:
    """Return what a run ran on; where that cannot be read, nothing and why."""
    file = (path if path.is_dir() else path.parent) / _ENVIRONMENT
    try:
        read = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}, []
    except (OSError, ValueError) as exc:
        return {}, [f"{file}: not read, so the hosts are not compared: {exc}"]
    return (read, []) if isinstance(read, dict) else ({}, [f"{file}: no JSON object"])
