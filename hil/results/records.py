"""RunRecord to one line of JSON and back."""

from __future__ import annotations

import json
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
        # A newer schema may know words that this one does not.
        _refuse_newer(_schema_of(line), where=where)
        first = exc.errors(include_url=False, include_input=False)[0]
        raise ConfigError(
            "the record cannot be read",
            where=where,
            found=f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}",
        ) from exc
    _refuse_newer(record.schema, where=where)
    if record.accuracy is not None and record.accuracy.n < 1:
        raise ConfigError(
            "the record cannot be read",
            where=where,
            found=f"an accuracy of {record.accuracy.n} samples",
            allowed="at least one, or no accuracy",
        )
    return record


def _schema_of(line: bytes) -> int:
    try:
        told = json.loads(line)
    except ValueError:
        return SCHEMA
    schema = told.get("schema") if isinstance(told, dict) else None
    return schema if isinstance(schema, int) else SCHEMA


def _refuse_newer(schema: int, *, where: str) -> None:
    if schema > SCHEMA:
        raise ConfigError(
            "the record was written by a newer hil",
            where=where,
            found=f"schema {schema}",
            allowed=f"up to {SCHEMA}",
            remedy="upgrade hil",
        )
