"""Write a firmware image to a board with the tool that its profile names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.firmware.probe_tools import TOOLS, filled, run_tool, serial_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.links.serial_identity import PortIdentity
    from hil.vocab import CommandSettings, Deadline, Evidence

# What each tool can read, the best form first.
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "openocd": (".elf", ".hex"),
    "pyocd": (".elf", ".hex"),
    "st-flash": (".bin", ".hex"),
    "esptool": (".bin",),
    "picotool": (".uf2", ".elf"),
}
_ST_FLASH_ADDRESS = "0x08000000"  # where flash begins on every STM32
_TCL_SPECIAL = "{}\\"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashImage:
    """A built firmware, and the build id by which it answers HELLO.

    `memory` and `evidence` are what its build knows of it, for records.
    """

    path: Path
    build_id: str
    memory: Mapping[str, int] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=dict)


def flash(
    settings: CommandSettings,
    image: Path,
    deadline: Deadline,
    *,
    port: PortIdentity | None = None,
) -> tuple[str, ...]:
    """Write *image* and return the command line that did it.

    *port* is the board's serial port: it tells which of several probes is meant. It
    must not be open. Raises ConfigError where there is no image that the tool can
    read, ToolMissing or ToolError where the tool fails.
    """
    argv = flash_argv(settings, image, port=port)
    run_tool(argv, deadline, what="flashing")
    return argv


def flash_argv(
    settings: CommandSettings, image: Path, *, port: PortIdentity | None = None
) -> tuple[str, ...]:
    """Return the command line that writes *image*; see `flash`.

    Where `flash.arguments` hold {image} they are the whole command line, of whatever
    tool. Else they are options, and hil adds what the tool needs beside them.
    """
    tool, arguments = settings.tool, settings.arguments
    if any("{image}" in argument for argument in arguments):
        values = {
            "image": str(_there(image)),
            "port": port.device if port else None,
            "usb_serial": port.usb_serial if port else None,
        }
        return (tool, *filled(arguments, values))
    if tool not in TOOLS:
        raise ConfigError(
            f"flash: hil does not know how {tool} is called",
            found=" ".join((tool, *arguments)),
            allowed=f"{', '.join(TOOLS)}, or arguments with {{image}} in them",
            remedy=f"[flash] tool = '{tool}', arguments = ['...', '{{image}}']",
        )
    readable = _readable(tool, image)
    return (tool, *_known_arguments(tool, arguments, readable, port))


def _known_arguments(
    tool: str, arguments: tuple[str, ...], image: Path, port: PortIdentity | None
) -> tuple[str, ...]:
    path = str(image)
    if tool == "esptool":
        serial_port = _port_option(arguments, port)
        return (*serial_port, *arguments, "write_flash", "0x0", path)
    serial = serial_for(tool, arguments, port)
    if tool == "openocd":
        _refuse_tcl(path)
        probe = ("-c", f"adapter serial {serial}") if serial else ()
        return (*arguments, *probe, "-c", f"program {{{path}}} verify reset exit")
    if tool == "pyocd":
        return ("flash", *arguments, *(("--uid", serial) if serial else ()), path)
    if tool == "st-flash":
        probe = ("--serial", serial) if serial else ()
        if image.suffix == ".hex":
            return (*probe, "--reset", "--format", "ihex", *arguments, "write", path)
        return (*probe, "--reset", *arguments, "write", path, _ST_FLASH_ADDRESS)
    assert tool == "picotool"
    # -f: from running firmware into the loader; -v: verify; -x: start it.
    probe = ("--ser", serial) if serial else ()
    return ("load", "-v", "-x", *arguments, path, "-f", *probe)


def _port_option(
    arguments: tuple[str, ...], port: PortIdentity | None
) -> tuple[str, ...]:
    named = set(arguments) & set(TOOLS["esptool"].serial_options)
    return ("--port", port.device) if port and not named else ()


def _readable(tool: str, image: Path) -> Path:
    """Return *image*, or the same in a form that *tool* reads."""
    suffixes = _SUFFIXES[tool]
    if image.suffix in suffixes:
        return _there(image)
    for suffix in suffixes:
        other = image.with_suffix(suffix)
        if other.is_file():
            return other
    raise ConfigError(
        f"{tool} cannot read the image",
        found=str(image),
        allowed=f"{image.stem}{f', {image.stem}'.join(suffixes)}",
        remedy="objcopy makes it from the .elf, which openocd and pyocd read as it is",
    )


def _there(image: Path) -> Path:
    if not image.is_file():
        raise ConfigError(
            "there is no image to flash", found=str(image), remedy="hil firmware build"
        )
    return image


def _refuse_tcl(path: str) -> None:
    if any(character in path for character in _TCL_SPECIAL):
        raise ConfigError(
            "openocd cannot be given this path",
            found=path,
            allowed="a path without braces and backslashes",
        )
