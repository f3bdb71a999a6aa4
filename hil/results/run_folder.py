"""The folder of one run: records as they are made, and the evidence beside them.

runs/YYYYMMDD-HHMMSS-NAME/
  records.jsonl     one line per job, written and fsynced as it ends
  scores.jsonl      one line per job that was judged: each sample right or wrong
  plan.toml         the plan as used (JSON-compatible TOML)
  environment.json  versions, commit, host
  models/           every model that was run, by its sha256
  outputs/          raw outputs of each job that streamed samples, as .npy
  logs/             what each device printed
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import re
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from hil.errors import ConfigError, RecordingError
from hil.results import records, scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from hil.results.scores import StoredScores
    from hil.vocab import RunRecord

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_RECORDS = "records.jsonl"
_SCORES = "scores.jsonl"
_PLAN = "plan.toml"


class RunFolder:
    """An open run, to which records and evidence are added."""

    def __init__(self, path: Path) -> None:
        """Open the folder that `create` has made."""
        self.path = path
        self.name = path.name

    @classmethod
    def create(cls, parent: Path, name: str) -> RunFolder:
        """Make a new folder below *parent*; RecordingError where that is impossible."""
        stamp = dt.datetime.now(tz=dt.UTC).strftime("%Y%m%d-%H%M%S")
        stem = f"{stamp}-{safe_name(name)}"
        for suffix in ["", *(f"-{n}" for n in range(2, 100))]:
            path = parent / f"{stem}{suffix}"
            try:
                path.mkdir(parents=True)
                for part in ("models", "outputs", "logs"):
                    (path / part).mkdir()
            except FileExistsError:
                continue
            except OSError as exc:
                raise _cannot_write(path, exc) from exc
            return cls(path)
        raise RecordingError(
            "no free name for the run folder", where=str(parent), found=stem
        )

    def append(self, record: RunRecord) -> None:
        """Write one line and force it to the disk.

        Where the disk is full the cut line is taken back, so that every line in the
        file stays a whole record, and RecordingError is raised.
        """
        self._append(_RECORDS, records.to_line(record))

    def append_scores(self, stored: StoredScores) -> None:
        """Keep what each sample's answer was worth, as `append` keeps a record."""
        self._append(_SCORES, scores.to_line(stored))

    def _append(self, name: str, line: bytes) -> None:
        path = self.path / name
        try:
            with path.open("ab", buffering=0) as file:
                start = file.tell()
                try:
                    _write_all(file, line)
                    os.fsync(file.fileno())
                except OSError:
                    # What made the write fail is told, not what the repair met.
                    with contextlib.suppress(OSError):
                        file.truncate(start)
                    raise
        except OSError as exc:
            raise _cannot_write(path, exc) from exc

    def write_text(self, name: str, text: str) -> None:
        """Write one small file, such as the plan; RecordingError where it fails.

        Whoever reads it meanwhile sees the whole old or the whole new one.
        """
        self._write_whole(self.path / name, text.encode())

    def write_json(self, name: str, value: Mapping[str, object]) -> None:
        """Write one JSON document."""
        self.write_text(name, json.dumps(value, indent=2) + "\n")

    def add_model(self, data: bytes, sha256: str) -> Path:
        """Keep a model under its sha256 and return the path."""
        path = self.path / "models" / f"{sha256}.tflite"
        if not path.exists():
            self._write_whole(path, data)
        return path

    def add_outputs(self, job_id: str, outputs: npt.NDArray[np.generic]) -> Path:
        """Keep a job's raw outputs and return the path."""
        path = self.path / "outputs" / f"{safe_name(job_id)}.npy"
        buffer = io.BytesIO()
        np.save(buffer, outputs, allow_pickle=False)
        self._write_whole(path, buffer.getvalue())
        return path

    def log_path(self, device: str) -> Path:
        """Return where the log of *device* goes."""
        return self.path / "logs" / f"{safe_name(device)}.log"

    def _write_whole(self, path: Path, data: bytes) -> None:
        partial = path.with_name(path.name + ".part")
        try:
            partial.write_bytes(data)
            partial.replace(path)
        except OSError as exc:
            partial.unlink(missing_ok=True)
            raise _cannot_write(path, exc) from exc


def load_records(path: Path) -> tuple[list[RunRecord], list[str]]:
    """Return the records of a run folder (or a records.jsonl) and what was skipped.

    A last line that is cut, as a power failure leaves it, is skipped and told; any
    other damage raises ConfigError with the line's number.
    """
    notes: list[str] = []
    return [record for _, record in read_records(records_file(path), notes)], notes


def records_file(path: Path) -> Path:
    """Return the file of records that a run folder, or the file itself, stands for."""
    return path / _RECORDS if path.is_dir() else path


def read_records(file: Path, notes: list[str]) -> Iterator[tuple[int, RunRecord]]:
    """Yield each record of a file with the byte at which its line begins.

    Damage is treated as in `load_records`; a line that is cut is added to *notes*.
    """
    try:
        with file.open("rb") as opened:
            for where, offset, line in _whole_lines(opened, file, notes):
                yield offset, records.from_line(line, where=where)
    except OSError as exc:
        raise cannot_read(file, exc) from exc


def cannot_read(file: Path, exc: OSError) -> ConfigError:
    """Return the error of a file of records that is not there or cannot be read."""
    return ConfigError(
        "there are no records to read",
        where=str(file),
        found=exc.strerror,
        remedy="give a run folder: hil bench writes them to ./runs, or to --out",
    )


def load_scores(path: Path) -> tuple[list[StoredScores], list[str]]:
    """Return the scores of a run folder (or beside a records.jsonl), if it has some.

    Damage is treated as in `load_records`.
    """
    file = (path if path.is_dir() else path.parent) / _SCORES
    notes: list[str] = []
    try:
        with file.open("rb") as opened:
            lines = _whole_lines(opened, file, notes)
            return [scores.from_line(line, where=at) for at, _, line in lines], notes
    except FileNotFoundError:
        return [], []
    except OSError as exc:
        raise ConfigError(
            "the scores cannot be read", where=str(file), found=exc.strerror
        ) from exc


def _whole_lines(
    opened: BinaryIO, file: Path, notes: list[str]
) -> Iterator[tuple[str, int, bytes]]:
    """Yield each whole line with its place and its first byte; a cut one is told."""
    offset = 0
    for number, line in enumerate(opened, 1):
        if not line.endswith(b"\n"):
            notes.append(f"{file}:{number}: the last line is cut; skipped")
        elif line != b"\n":
            yield f"{file}:{number}", offset, line[:-1]
        offset += len(line)


def load_plan(path: Path) -> str | None:
    """Return the plan of a run folder (or beside a records.jsonl), if it is there."""
    folder = path if path.is_dir() else path.parent
    try:
        return (folder / _PLAN).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def safe_name(name: str) -> str:
    """Return *name* with what could leave the folder or confuse a shell replaced."""
    return _UNSAFE.sub("_", name).strip("._")[:100] or "run"


def _write_all(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _cannot_write(path: Path, exc: OSError) -> RecordingError:
    return RecordingError(
        "the run cannot be recorded",
        where=str(path),
        found=exc.strerror or str(exc),
        remedy="free space, or another folder with --out; records before this one "
        "are whole",
    )
