"""What is in the store: rows by filter, the runs, one line of a run folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import case, distinct, func, select

from hil.errors import ConfigError, nearest
from hil.results.store.rows import StoredRecord
from hil.results.store.schema import RECORD, RUN
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection

    from hil.vocab import TimeBasis

_CHUNK_ROWS: Final = 5000
_MOST_NAMES: Final = 500  # to look for a similar one among
_COLUMNS: Final = tuple(
    RUN.c[name] if name in {"host", "path"} else RECORD.c[name]
    for name in StoredRecord._fields
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records; what is None does not matter.

    Names may hold `*` for anything, and are then compared without regard to case.
    Times are those of `rows.timestamp`; `before` is left out itself.
    """

    run: str | None = None
    model: str | None = None
    variant: str | None = None
    device: str | None = None
    engine: str | None = None
    sha256: str | None = None  # of the model: its first digits are enough
    status: RunStatus | None = None
    basis: TimeBasis | None = None
    since: str | None = None
    before: str | None = None


_NAMES: Final = ("run", "model", "variant", "device", "engine")


class StoredRun(NamedTuple):
    """One file of records, and what the store holds of it."""

    id: int
    name: str
    host: str
    path: str
    identity: str
    environment: str | None
    indexed_bytes: int
    records: int
    ok: int
    models: int
    devices: int
    first_utc: str | None
    last_utc: str | None


def count(connection: Connection, wanted: Wanted) -> int:
    """Return how many records are wanted."""
    query = select(func.count()).select_from(RECORD).where(*_conditions(wanted))
    return connection.execute(query).scalar_one()


def read(
    connection: Connection, wanted: Wanted, *, limit: int | None = None
) -> Iterator[StoredRecord]:
    """Yield the wanted records, newest first, as a stream."""
    query = (
        select(*_COLUMNS)
        .select_from(RECORD.join(RUN, RECORD.c.run_id == RUN.c.id))
        .where(*_conditions(wanted))
        .order_by(RECORD.c.started_utc.desc(), RECORD.c.id.desc())
        .limit(limit)
    )
    found = connection.execution_options(yield_per=_CHUNK_ROWS).execute(query)
    for rows in found.partitions():
        yield from map(StoredRecord._make, rows)


def read_one(connection: Connection, record_id: int) -> StoredRecord:
    """Return the record with that number, or raise ConfigError."""
    query = select(*_COLUMNS).select_from(RECORD.join(RUN, RECORD.c.run_id == RUN.c.id))
    found = connection.execute(query.where(RECORD.c.id == record_id)).one_or_none()
    if found is None:
        raise ConfigError(
            "there is no such record in the store",
            found=str(record_id),
            remedy="hil results list tells the numbers; an import with --rebuild "
            "gives new ones",
        )
    return StoredRecord._make(found)


def read_runs(
    connection: Connection, wanted: Wanted, *, limit: int | None = None
) -> list[StoredRun]:
    """Return the runs that hold a wanted record, newest first.

    The counts are those of the wanted records.
    """
    ok = func.sum(case((RECORD.c.status == RunStatus.OK.value, 1), else_=0))
    last = func.max(RECORD.c.started_utc)
    counted = (
        select(
            RECORD.c.run_id,
            func.count().label("records"),
            ok.label("ok"),
            func.count(distinct(RECORD.c.model)).label("models"),
            func.count(distinct(RECORD.c.device)).label("devices"),
            func.min(RECORD.c.started_utc).label("first_utc"),
            last.label("last_utc"),
        )
        .where(*_conditions(wanted))
        .group_by(RECORD.c.run_id)
        .order_by(last.desc(), RECORD.c.run_id.desc())
        .limit(limit)
        .subquery()
    )
    columns = (
        counted.c[name] if name in counted.c else RUN.c[name]
        for name in StoredRun._fields
    )
    query = (
        select(*columns)
        .select_from(RUN.join(counted, counted.c.run_id == RUN.c.id))
        .order_by(counted.c.last_utc.desc(), RUN.c.id.desc())
    )
    return [StoredRun._make(row) for row in connection.execute(query)]


def unknown_names(connection: Connection, wanted: Wanted) -> list[str]:
    """Return a sentence for each name that no record has, with the nearest one."""
    told = []
    for name in _NAMES:
        value = getattr(wanted, name)
        if value is None or "*" in value:
            continue
        known = select(RECORD.c[name]).where(RECORD.c[name] == value).limit(1)
        if connection.execute(known).first() is not None:
            continue
        some = select(RECORD.c[name]).distinct().limit(_MOST_NAMES)
        names = [text for text in connection.execute(some).scalars() if text]
        hint = nearest(value, names) or f"there are: {', '.join(sorted(names)[:8])}"
        told.append(f"no record has the {name} {value!r}; {hint}")
    return told


def environment_of(run: StoredRun) -> dict[str, object]:
    """Return the environment of the run; empty where none was kept."""
    found = json.loads(run.environment or "{}")
    return found if isinstance(found, dict) else {}


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found = [
        _matches(RECORD.c[name], getattr(wanted, name))
        for name in _NAMES
        if getattr(wanted, name) is not None
    ]
    if wanted.sha256 is not None:
        found.append(RECORD.c.model_sha256.startswith(wanted.sha256, autoescape=True))
    if wanted.status is not None:
        found.append(RECORD.c.status == wanted.status.value)
    if wanted.basis is not None:
        found.append(RECORD.c.time_basis == wanted.basis.value)
    if wanted.since is not None:
        found.append(RECORD.c.started_utc >= wanted.since)
    if wanted.before is not None:
        found.append(RECORD.c.started_utc < wanted.before)
    return found


def _matches(column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    if "*" not in pattern:
        return column == pattern
    escaped = pattern
    for sign in "\\%_":
        escaped = escaped.replace(sign, f"\\{sign}")
    return column.ilike(escaped.replace("*", "%"), escape="\\")
