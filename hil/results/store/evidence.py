"""The line of a run folder that a row of the store was made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.results.records import from_line

if TYPE_CHECKING:
    from hil.results.store.rows import StoredRecord


def read_line(row: StoredRecord) -> dict[str, object]:
    """Return the line that *row* was made of, as it stands in its file.

    Raises ConfigError where the file is gone, or holds something else there now.
    """
    where = f"{row.path} at byte {row.line_offset}"
    try:
        with Path(row.path).open("rb") as file:
            file.seek(row.line_offset)
            line = file.read(row.line_bytes)
    except OSError as exc:
        raise ConfigError(
            "the line of this record cannot be read",
            where=where,
            found=exc.strerror,
            remedy=f"it was imported on {row.host}; hil results import PATH where the "
            "run folder is now, or hil results prune --missing",
        ) from exc
    record = from_line(line, where=where)
    if (record.run, record.job_id) != (row.run, row.job_id):
        raise ConfigError(
            "another record stands there now",
            where=where,
            found=record.job_id,
            allowed=row.job_id,
            remedy=f"hil results import --rebuild {row.path}",
        )
    found: dict[str, object] = json.loads(line)
    return found
