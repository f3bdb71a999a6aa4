"""Rows taken out of the store, and run folders only where that was asked for."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete

from hil.errors import ConfigError, RecordingError
from hil.results.store.lines import Prefix, whole_lines
from hil.results.store.query import Wanted, read_runs
from hil.results.store.schema import RECORD, RUN
from hil.results.store.sources import RECORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.results.store.database import Store
    from hil.results.store.query import StoredRun

# What hil itself names a run folder; only such a one is ever deleted.
_RUN_FOLDER: Final = re.compile(r"[0-9]{8}-[0-9]{6}-[A-Za-z0-9._-]+")


def find_prunable(
    store: Store, *, missing: bool, before: str | None
) -> list[StoredRun]:
    """Return the runs whose file is gone, or whose last record is older than *before*.

    Of runs that were imported on another machine nobody here can say what is missing.
    """
    with store.reading() as connection:
        runs = read_runs(connection, Wanted())
    here = platform.node()
    return [
        run
        for run in runs
        if (missing and run.host == here and not Path(run.path).exists())
        or (before is not None and run.last_utc is not None and run.last_utc < before)
    ]


def forget(store: Store, runs: Sequence[StoredRun]) -> None:
    """Take the rows of *runs* out of the store; no folder is touched."""
    for run in runs:
        with store.writing() as connection:
            # The run first: in this order everyone locks them.
            locked = RUN.update().where(RUN.c.id == run.id).values(name=run.name)
            connection.execute(locked)
            connection.execute(delete(RECORD).where(RECORD.c.run_id == run.id))
            connection.execute(delete(RUN).where(RUN.c.id == run.id))


def why_kept(run: StoredRun) -> str | None:
    """Return why the folder of *run* must not be deleted, or None if it may be."""
    path = Path(run.path)
    if run.host != platform.node():
        return f"it is on {run.host}"
    if path.name != RECORDS or not _RUN_FOLDER.fullmatch(path.parent.name):
        return "it has not the name of a run folder that hil made"
    if path.parent.is_symlink() or path.is_symlink():
        return "it is a symbolic link"
    try:
        return _unlike(run, path)
    except FileNotFoundError:
        return "it is gone"
    except OSError as exc:
        return f"it cannot be read: {exc.strerror}"


def _unlike(run: StoredRun, path: Path) -> str | None:
    with path.open("rb") as file:
        first = next(whole_lines(file, after=Prefix()), None)
    if first is None or hashlib.sha256(first.data).hexdigest() != run.identity:
        return "another run is in it now"
    if path.stat().st_size != run.indexed_bytes:
        return "it holds lines that are not in the store"
    return None


def delete_folder(run: StoredRun) -> None:
    """Delete the run folder with all that is in it.

    Raises ConfigError where `why_kept` says why not, RecordingError where it fails.
    """
    reason = why_kept(run)
    folder = Path(run.path).parent
    if reason is not None:
        raise ConfigError("the folder is not deleted", where=str(folder), found=reason)
    try:
        shutil.rmtree(folder)
    except OSError as exc:
        raise RecordingError(
            "the folder cannot be deleted",
            where=str(exc.filename or folder),
            found=exc.strerror,
            remedy="what is left of it is still there",
        ) from exc
