"""The records of a run by row, left in their file and read when they are asked for.

A million records do not fit the memory, and a report looks at a row at a time: what is
kept of each is the byte at which its line begins.
"""

from __future__ import annotations

import stat
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from hil.results import records as lines
from hil.results.run_folder import cannot_read, read_records, records_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from hil.vocab import Result, RunRecord, Setting

# Of lines; the records that are made of them take some times as much.
_MOST_HELD_BYTES = 2 << 20
Key = tuple[str, str, str, str, "Setting | None"]


@dataclass(slots=True, kw_only=True)
class RowRecords:
    """The records of one row, how long they took, and when the first of them began."""

    records: Sequence[RunRecord]
    seconds: float = 0.0
    started_utc: str = ""

    def count(self, record: RunRecord) -> None:
        """Take a record's time; the record itself is kept by whoever calls."""
        self.seconds += record.seconds
        first = self.started_utc or record.started_utc
        self.started_utc = min(first, record.started_utc)


class StoredRecords(Sequence["RunRecord"]):
    """Some records of a file. Reading raises ConfigError where it has changed."""

    __slots__ = ("_offsets", "_source")

    def __init__(self, source: _Source) -> None:
        """Begin with no record at all."""
        self._source = source
        self._offsets = array("Q")

    def add(self, offset: int) -> None:
        """Take the record whose line begins at that byte."""
        self._offsets.append(offset)

    def __len__(self) -> int:
        """Return how many there are; nothing is read for it."""
        return len(self._offsets)

    @overload
    def __getitem__(self, index: int) -> RunRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[RunRecord]: ...
    def __getitem__(self, index: int | slice) -> RunRecord | list[RunRecord]:
        """Read one, or some."""
        if isinstance(index, slice):
            return self._source.read(self._offsets[index])
        return self._source.read([self._offsets[index]])[0]

    def __iter__(self) -> Iterator[RunRecord]:
        """Read all of them; rows that were read a moment ago still are in memory."""
        return iter(self._source.read_row(self, self._offsets))


class RunRecords:
    """All records of a file, in its order and by row."""

    def __init__(self, file: Path, notes: list[str]) -> None:
        """Read the file once; raises and tells what `load_records` does."""
        self._file = file
        self.rows: dict[Key, RowRecords] = {}
        source = _Source(file)
        for offset, record in read_records(file, notes):
            key = row_key(record)
            if key not in self.rows:
                self.rows[key] = RowRecords(records=StoredRecords(source))
            row = self.rows[key]
            row.count(record)
            assert isinstance(row.records, StoredRecords)
            row.records.add(offset)

    def __bool__(self) -> bool:
        """Whether there is any record."""
        return bool(self.rows)

    def __iter__(self) -> Iterator[RunRecord]:
        """Read the file again, without what was added to it since."""
        left = sum(len(row.records) for row in self.rows.values())
        for _, record in read_records(self._file, []):
            if not left:
                return
            left -= 1
            yield record


def open_records(path: Path) -> tuple[RunRecords | list[RunRecord], list[str]]:
    """Return the records of a run folder (or a records.jsonl) and what was skipped.

    Damage is treated as in `load_records`; all records are looked at. What can be read
    only once, as a pipe, is a list.
    """
    file, notes = records_file(path), list[str]()
    try:
        is_file = stat.S_ISREG(file.stat().st_mode)
    except OSError as exc:
        raise cannot_read(file, exc) from exc
    if is_file:
        return RunRecords(file, notes), notes
    return [record for _, record in read_records(file, notes)], notes


def by_row(records: Iterable[RunRecord]) -> Mapping[Key, RowRecords]:
    """Return the records of each row, in order of appearance."""
    if isinstance(records, RunRecords):
        return records.rows
    rows: dict[Key, RowRecords] = {}
    kept: dict[Key, list[RunRecord]] = {}
    for record in records:
        key = row_key(record)
        if key not in rows:
            kept[key] = []
            rows[key] = RowRecords(records=kept[key])
        rows[key].count(record)
        kept[key].append(record)
    return rows


def row_key(part: Result | RunRecord) -> Key:
    """Return what parts one row from another."""
    return part.run, part.model, part.variant, part.device, part.setting


class _Source:
    """The file that records are read from, and the rows that were read last."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._rows: dict[StoredRecords, list[RunRecord]] = {}
        self._held_bytes = 0

    def read_row(
        self, row: StoredRecords, offsets: Iterable[int]
    ) -> Sequence[RunRecord]:
        if row not in self._rows:
            found, size_bytes = self._read(offsets)
            if self._held_bytes + size_bytes > _MOST_HELD_BYTES:
                self._rows.clear()
                self._held_bytes = 0
            self._rows[row] = found
            self._held_bytes += size_bytes
        return self._rows[row]

    def read(self, offsets: Iterable[int]) -> list[RunRecord]:
        return self._read(offsets)[0]

    def _read(self, offsets: Iterable[int]) -> tuple[list[RunRecord], int]:
        """Return the records, and how many bytes their lines have."""
        found, size_bytes = [], 0
        try:
            with self._file.open("rb") as file:
                for offset in offsets:
                    file.seek(offset)
                    line = file.readline()
                    where = f"{self._file}, byte {offset:,}"
                    found.append(lines.from_line(line, where=where))
                    size_bytes += len(line)
        except OSError as exc:
            raise cannot_read(self._file, exc) from exc
        return found, size_bytes
