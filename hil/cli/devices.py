"""`hil devices`: the profiles that are known, what is in one, and what is attached."""

from __future__ import annotations

import dataclasses
import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from hil.cli.output import print_json, print_result
from hil.errors import ConfigError
from hil.printable import printable
from hil.profiles import find_profile, profile_files, read_profile, schema
from hil.report.figures import BASIS_NAMES
from hil.report.plain_table import PlainTable
from hil.vocab import SerialSettings, TargetKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.cli.probe import BoardProbe
    from hil.links.serial_identity import PortIdentity
    from hil.vocab import DeviceProfile

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def devices() -> None:
    """List or show the profiles of devices; find out what is attached."""


@app.command("list")
def list_profiles(
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """List every profile, the user's own folders before the shipped one."""
    folders: dict[Path, list[DeviceProfile]] = {}
    for path in profile_files().values():
        folders.setdefault(path.parent, []).append(read_profile(path))
    if json:
        profiles = [profile for found in folders.values() for profile in found]
        print_json({"devices": [plain(profile) for profile in profiles]})
        return
    for folder, found in folders.items():
        print_result(Group(Text(f"{printable(str(folder))}:"), _listed(found), Text()))


def _listed(profiles: Sequence[DeviceProfile]) -> PlainTable:
    table = PlainTable()
    for head in ("name, core", "kind", "RAM", "flash", "time basis"):
        right = head in {"RAM", "flash"}
        table.add_column(head, justify="right" if right else "left")
    for profile in profiles:
        row = (
            f"{profile.name}\n  {profile.core}",
            profile.kind.value,
            _size(profile.ram_bytes),
            _size(profile.flash_bytes),
            BASIS_NAMES[profile.time_basis],
        )
        table.add_row(*(Text(printable(cell, keep_lines=True)) for cell in row))
    return table


def _size(size_bytes: int) -> str:
    """Return a size of memory in the largest unit that has it as a whole number."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor:,} {unit}"
    return f"{size_bytes:,} B"


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
    table = PlainTable(show_header=False)
    for key, value in _flat(found):
        table.add_row(key, Text(printable(str(value))))
    print_result(table)


@app.command()
def probe(
    name: Annotated[
        str | None, typer.Argument(help="One profile of kind mcu; default: all.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE laid over the profile.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Show the serial ports, and which board answers where; changes nothing.

    Exit 3 where the named board does not answer as its profile says.
    """
    # pyserial and the session are of no use to `list` and `show`.
    from hil.cli.probe import probe_boards  # noqa: PLC0415
    from hil.links.serial_identity import attached_ports  # noqa: PLC0415

    if name is None:
        every = (read_profile(path) for path in profile_files().values())
        profiles = [profile for profile in every if profile.kind is TargetKind.MCU]
    else:
        profiles = [find_profile(name, overrides=setting or [])]
        if not isinstance(profiles[0].link, SerialSettings):
            raise ConfigError(
                "only boards on a serial port can be probed",
                where=str(profiles[0].source),
                found=f"kind {profiles[0].kind.value}",
            )
    ports = attached_ports()
    boards = probe_boards(profiles, ports)
    if json:
        document = {
            "ports": [plain(port) for port in ports],
            "boards": [plain(board) for board in boards],
        }
        print_json(document)
    else:
        _print_probe(ports, boards)
    if name is not None and not all(board.ready for board in boards):
        raise typer.Exit(3)


def _print_probe(ports: Sequence[PortIdentity], boards: Sequence[BoardProbe]) -> None:
    table = PlainTable()
    for column in ("port", "usb_serial", "vid_pid", "location", "product"):
        table.add_column(column)
    for port in ports:
        known = (port.usb_serial, port.vid_pid, port.location, port.product)
        table.add_row(*(Text(printable(cell or "-")) for cell in (port.device, *known)))
    print_result(table if ports else "no serial port is attached")
    table = PlainTable()
    for column in ("profile", "port", "", "answer"):
        table.add_column(column)
    for board in boards:
        mark = "ok" if board.ready else "-"
        row = (board.profile, board.port or "-", mark, board.told)
        table.add_row(*(Text(printable(cell, keep_lines=True)) for cell in row))
    print_result("")
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
