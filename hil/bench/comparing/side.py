"""One run of a comparison as it was read from the disk, in rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hil.bench.cut_off import missing
from hil.bench.plan import read_size
from hil.bench.summary import summarize
from hil.errors import ConfigError
from hil.results.comparison import RowKey
from hil.results.row_records import by_row, open_records
from hil.results.run_folder import load_plan, load_scores
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hil.results.scores import StoredScores
    from hil.vocab import Result, RunRecord

_ENVIRONMENT = "environment.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All windows of one variant on one device; `scores` where samples were kept."""

    key: RowKey
    records: Sequence[RunRecord]
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
    records, notes = open_records(path)
    scores, more = load_scores(path)
    if not records:
        raise ConfigError(
            "the run has no records",
            where=str(path),
            remedy="a run whose jobs ended: hil bench writes a record as each one does",
        )
    environment, damage = _environment(path)
    side = make_side(
        records,
        name=str(path),
        scores=scores,
        environment=environment,
        notes=[*notes, *more, *damage],
    )
    lost = missing([row.result for row in side.rows], read_size(load_plan(path)))
    return (
        side if lost is None else replace(side, notes=(*side.notes, f"{path}: {lost}"))
    )


def make_side(
    records: Iterable[RunRecord],
    *,
    name: str,
    scores: Sequence[StoredScores] = (),
    environment: Mapping[str, object] | None = None,
    notes: Sequence[str] = (),
) -> Side:
    """Return the rows of some records, each with its scores."""
    groups = by_row(records)
    runs = sorted({run for run, *_ in groups})
    if len(runs) > 1:
        raise ConfigError(
            "one side of a comparison is one run",
            where=name,
            found=f"records of {len(runs)} runs: {', '.join(runs[:5])}",
            remedy="name the folder of one of them",
        )
    known = {(s.model, s.variant, s.device): s for s in scores}
    rows = tuple(_row(group.records, known, where=name) for group in groups.values())
    _refuse_doubles(rows, where=name)
    return Side(name=name, rows=rows, environment=environment or {}, notes=tuple(notes))


def _row(
    records: Sequence[RunRecord],
    known: Mapping[tuple[str, str, str | None], StoredScores],
    *,
    where: str,
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
    scores = known.get((result.model, result.variant, result.place))
    return Row(key=key, records=records, result=result, scores=scores)


def _refuse_doubles(rows: Sequence[Row], *, where: str) -> None:
    """Raise ConfigError where settings that read alike would make one row of two."""
    seen = set()
    for row in rows:
        result = row.result
        place = result.model, result.variant, result.place
        if place in seen:
            raise ConfigError(
                "two rows of a run have one name",
                where=where,
                found=f"{result.model} {result.variant} on {result.place}",
                remedy="give the settings of the device another text, or measure again",
            )
        seen.add(place)


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
