"""The order of rows: that of the plan, whichever device was done first."""

from __future__ import annotations

import tomllib
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.vocab import Result

Value = TypeVar("Value")


def ordered(results: Iterable[Result], plan: str | None) -> list[Result]:
    """Return *results* by run, model, variant and device.

    Models and variants keep the order in which they come: each device has run them in
    that of the plan. Devices come as the *plan* (TOML) names them, then by name.
    """
    rows = list(results)
    devices = [] if plan is None else _devices(plan)
    runs = _places(row.run for row in rows)
    variants = _places((row.model, row.variant) for row in rows)
    models = _places(row.model for row in rows)

    def place(row: Result) -> tuple[int, int, int, int, str]:
        known = row.device in devices
        return (
            runs[row.run],
            models[row.model],
            variants[row.model, row.variant],
            devices.index(row.device) if known else len(devices),
            row.device,
        )

    return sorted(rows, key=place)


def _devices(plan: str) -> list[str]:
    """Return the names of a plan's devices; none where it cannot be read any more."""
    try:
        tables = tomllib.loads(plan).get("device", [])
    except tomllib.TOMLDecodeError:
        return []
    if not isinstance(tables, list):
        return []
    return [_name(table) for table in tables if isinstance(table, dict)]


def _name(table: dict[str, object]) -> str:
    """Return what a device is called: by the plan, or by its profile's file."""
    profile = str(table.get("profile", ""))
    file = PurePath(profile).name.removesuffix(".toml")
    return str(table.get("name", file))


def _places(values: Iterable[Value]) -> dict[Value, int]:
    return {value: place for place, value in enumerate(dict.fromkeys(values))}
