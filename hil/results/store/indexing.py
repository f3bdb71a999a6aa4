"""From a records.jsonl into the store, in batches that many processes may write.

A batch and how far the file was read are kept in one transaction, which only happens
if the store still is where the batch began. So an import that is stopped goes on later,
and of two that read the same file each line is taken once.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from hil.errors import ConfigError
from hil.results.records import from_line
from hil.results.store.lines import Prefix, read_prefix, whole_lines
from hil.results.store.rows import to_row
from hil.results.store.schema import RECORD, RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from hil.results.store.database import Store
    from hil.results.store.lines import Line
    from hil.results.store.rows import Value
    from hil.vocab import Result, RunRecord

    Summarize = Callable[[Sequence[RunRecord]], Sequence[Result]]

BATCH: Final = 2000  # lines a transaction
_EMPTY_SHA256: Final = Prefix().sha256


@dataclass(slots=True, kw_only=True)
class Imported:
    """What became of one file; `run` is None where it holds no record."""

    path: Path
    run: str | None = None
    added: int = 0
    notes: list[str] = field(default_factory=list)


def import_records(
    store: Store,
    path: Path,
    *,
    summarize: Summarize,
    rebuild: bool = False,
    advance: Callable[[int], None] = lambda _size: None,
    batch: int = BATCH,
    told: Imported | None = None,
) -> Imported:
    """Index what is new in the file of records at *path*, or all of it to *rebuild*.

    *summarize* turns the records of one job into its result; *advance* is told the
    bytes that were dealt with. What became of the file stands in *told*, where that is
    given, also if the import fails. Raises ConfigError for a damaged line or a record
    of a newer schema, with everything before it indexed, and RecordingError where the
    database fails.
    """
    try:
        with path.open("rb") as file:
            return _Import(
                store, told or Imported(path=path), file, summarize, batch=batch
            ).run(rebuild=rebuild, advance=advance)
    except OSError as exc:
        raise ConfigError(
            "the records cannot be read", where=str(path), found=exc.strerror
        ) from exc


class _Overtaken(Exception):
    """Another process wrote to the same run; raised and caught in this module."""


class _Import:
    def __init__(
        self,
        store: Store,
        told: Imported,
        file: BinaryIO,
        summarize: Summarize,
        *,
        batch: int,
    ) -> None:
        self._store = store
        self._path = told.path
        self._file = file
        self._summarize = summarize
        self._batch = batch
        self._told = told

    def run(self, *, rebuild: bool, advance: Callable[[int], None]) -> Imported:
        first = next(whole_lines(self._file, after=Prefix()), None)
        if first is None:
            self._told.notes.append(f"{self._path}: it holds no record yet")
            return self._told
        name = from_line(first.data, where=f"{self._path}:1").run
        identity = hashlib.sha256(first.data).hexdigest()
        self._told.run = name
        done_bytes = 0
        while True:
            run_id = self._claim(identity, name, take_over=rebuild)
            if run_id is None:
                return self._told
            if rebuild:
                self._forget_lines(run_id)
                rebuild = False
            try:
                prefix = self._start(run_id)
                advance(max(0, prefix.size_bytes - done_bytes))
                done_bytes = max(done_bytes, prefix.size_bytes)
                self._go_on(run_id, prefix, advance)
            except _Overtaken:
                continue
            self._tell_of_a_cut_line(prefix)
            return self._told

    def _claim(self, identity: str, name: str, *, take_over: bool) -> int | None:
        """Return the key of the run, which is made if it is new; None for a copy."""
        new = {
            "identity": identity,
            "name": name.replace("\0", "\\x00"),
            **self._place(),
            "indexed_bytes": 0,
            "indexed_sha256": _EMPTY_SHA256,
        }
        try:
            with self._store.writing() as connection:
                return self._claimed(connection, new, take_over=take_over)
        except IntegrityError:
            # Between our look and our insert another process made the run.
            with self._store.writing() as connection:
                return self._claimed(connection, new, take_over=take_over)

    def _claimed(
        self, connection: Connection, new: dict[str, Value], *, take_over: bool
    ) -> int | None:
        columns = (RUN.c.id, RUN.c.host, RUN.c.path)
        by_identity = select(*columns).where(RUN.c.identity == new["identity"])
        known = connection.execute(by_identity).one_or_none()
        if known is None:
            self._drop_what_stood_here(connection)
            made = connection.execute(insert(RUN).values(new).returning(RUN.c.id))
            return int(made.scalar_one())
        if (known.host, known.path) != (new["host"], new["path"]):
            elsewhere = known.host != new["host"]
            there = elsewhere or Path(known.path).exists()
            if there and not take_over:
                place = f"{known.host}:{known.path}" if elsewhere else known.path
                self._told.notes.append(
                    f"{self._path}: skipped, it is a copy of {place}, which is in "
                    "the store; --rebuild takes this one instead"
                )
                return None
            self._drop_what_stood_here(connection)
        place = update(RUN).where(RUN.c.id == known.id).values(self._place())
        connection.execute(place)
        return int(known.id)

    def _place(self) -> dict[str, Value]:
        return {
            "host": platform.node(),
            "path": str(self._path),
            "environment": self._environment(),
        }

    def _environment(self) -> str | None:
        file = self._path.with_name("environment.json")
        try:
            return json.dumps(json.loads(file.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as exc:
            self._told.notes.append(f"{file}: left out, it cannot be read: {exc}")
            return None

    def _drop_what_stood_here(self, connection: Connection) -> None:
        """Take the rows of another run away that this very path held before."""
        here = (RUN.c.host == platform.node()) & (RUN.c.path == str(self._path))
        for run_id in connection.execute(select(RUN.c.id).where(here)).scalars().all():
            connection.execute(delete(RECORD).where(RECORD.c.run_id == run_id))
            connection.execute(delete(RUN).where(RUN.c.id == run_id))
            self._told.notes.append(f"{self._path}: another run than before is there")

    def _forget_lines(self, run_id: int) -> None:
        with self._store.writing() as connection:
            none = {"indexed_bytes": 0, "indexed_sha256": _EMPTY_SHA256}
            # The run first: everyone locks in this order, and none waits in a ring.
            connection.execute(update(RUN).where(RUN.c.id == run_id).values(none))
            connection.execute(delete(RECORD).where(RECORD.c.run_id == run_id))

    def _start(self, run_id: int) -> Prefix:
        """Return what of the file is in the store; nothing if it is not what it was."""
        columns = (RUN.c.indexed_bytes, RUN.c.indexed_sha256)
        with self._store.reading() as connection:
            found = connection.execute(select(*columns).where(RUN.c.id == run_id))
            known = found.one_or_none()
        if known is None:
            raise _Overtaken  # pruned, since we claimed it
        size, sha256 = known
        prefix = read_prefix(self._file, size)
        if prefix.sha256 == sha256:
            return prefix
        self._told.notes.append(f"{self._path}: it was changed; all of it is read anew")
        self._forget_lines(run_id)
        return Prefix()

    def _go_on(
        self, run_id: int, prefix: Prefix, advance: Callable[[int], None]
    ) -> None:
        """Index the lines behind *prefix*, which moves along."""
        rows: list[dict[str, Value]] = []
        start = prefix.size_bytes, prefix.sha256
        try:
            for line in whole_lines(self._file, after=prefix):
                if line.data != b"\n":
                    rows.append(self._row(line))
                prefix.add(line.data)
                if len(rows) == self._batch:
                    self._keep(run_id, rows, before=start, after=prefix)
                    advance(prefix.size_bytes - start[0])
                    rows, start = [], (prefix.size_bytes, prefix.sha256)
        except ConfigError:
            # What stands before a damaged line is kept, then the damage is told.
            self._keep(run_id, rows, before=start, after=prefix)
            raise
        self._keep(run_id, rows, before=start, after=prefix)
        advance(prefix.size_bytes - start[0])

    def _row(self, line: Line) -> dict[str, Value]:
        where = f"{self._path}:{line.number}"
        record = from_line(line.data, where=where)
        (result,) = self._summarize([record])
        place = {"line_offset": line.offset, "line_bytes": len(line.data)}
        return to_row(record, result, where=where) | place

    def _keep(
        self,
        run_id: int,
        rows: list[dict[str, Value]],
        *,
        before: tuple[int, str],
        after: Prefix,
    ) -> None:
        if not rows:
            return
        as_we_know_it = (
            (RUN.c.id == run_id)
            & (RUN.c.indexed_bytes == before[0])
            & (RUN.c.indexed_sha256 == before[1])
        )
        now = {"indexed_bytes": after.size_bytes, "indexed_sha256": after.sha256}
        with self._store.writing() as connection:
            moved = connection.execute(update(RUN).where(as_we_know_it).values(now))
            if moved.rowcount != 1:
                raise _Overtaken
            connection.execute(insert(RECORD), [{"run_id": run_id} | r for r in rows])
        self._told.added += len(rows)

    def _tell_of_a_cut_line(self, prefix: Prefix) -> None:
        self._file.seek(prefix.size_bytes)
        if self._file.read(1):
            self._told.notes.append(
                f"{self._path}:{prefix.lines + 1}: the last line is cut; it stays in "
                "the file and out of the store"
            )
