"""RunRecord to one line of JSON and back."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter, ValidationError

from hil.errors import ConfigError
from hil.vocab import RunRecord

SCHEMA: Final = 1
_ADAPTER: Final = TypeAdapter(RunRecord)


def to_line(record: RunRecord) -> bytes:
    """Return the record as one line of JSON; what was not measured is left out."""
    return _ADAPTER.dump_json(record, exclude_none=True) + b"\n"


def from_line(line: bytes, *, where: str) -> RunRecord:
    """Read one line; ConfigError for a damaged line or a newer schema."""
    try:
        record = _ADAPTER.validate_json(line)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        raise ConfigError(
            "the record cannot be read",
            where=where,
            found=f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}",
        ) from exc
    if record.schema > SCHEMA:
        raise ConfigError(
            "the record was written by a newer hil",
            where=where,
            found=f"schema {record.schema}",
            allowed=f"up to {SCHEMA}",
            remedy="upgrade hil",
        )
    return record
