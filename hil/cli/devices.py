"""`hil devices`: the profiles that are known, and what is in one."""

from __future__ import annotations

import dataclasses
import enum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hil.cli.output import print_json, print_result
from hil.errors import ConfigError
from hil.printable import printable
from hil.profiles import find_profile, profile_files, read_profile, schema

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def devices() -> None:
    """List or show the profiles of devices."""


@app.command("list")
def list_profiles(
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """List every profile, the user's own folders before the shipped one."""
    profiles = {name: read_profile(path) for name, path in profile_files().items()}
    if json:
        print_json({"devices": [plain(profile) for profile in profiles.values()]})
        return
    table = Table(box=None, pad_edge=False)
    for name in ("name", "kind", "core", "RAM", "flash", "time basis", "profile"):
        table.add_column(name, justify="right" if name in {"RAM", "flash"} else "left")
    for name, profile in profiles.items():
        row = (
            name,
            profile.kind.value,
            profile.core,
            f"{profile.ram_bytes:,} B",
            f"{profile.flash_bytes:,} B",
            profile.time_basis.value,
            str(profile.source),
        )
        table.add_row(*(Text(printable(cell)) for cell in row))
    print_result(table)


@app.command()
def show(
    name: Annotated[
        str | None, typer.Argument(help="A profile's name, or the path of its TOML.")
    ] = None,
    as_schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of profiles.")
    ] = False,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE laid over the file.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Show one profile as it is understood, or the schema of all."""
    if as_schema:
        print_json(schema())
        return
    if name is None:
        raise ConfigError(
            "which device?",
            allowed=", ".join(profile_files()),
            remedy="hil devices show NAME",
        )
    found = plain(find_profile(name, overrides=setting or []))
    if json:
        print_json(found)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in _flat(found):
        table.add_row(key, Text(printable(str(value))))
    print_result(table)


def plain(value: object) -> dict[str, object]:
    """Return a dataclass of ours as plain JSON values; what is None is left out."""
    assert dataclasses.is_dataclass(value)
    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return {name: _plain(item) for name, item in fields.items() if item is not None}


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return plain(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _flat(table: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value))
    return rows
