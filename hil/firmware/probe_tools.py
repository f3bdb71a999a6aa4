"""The tools that write to a board or restart it: how each is told, how each fails."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil import tools
from hil.errors import BrokenSetup, ToolError, ToolMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.links.serial_identity import PortIdentity
    from hil.vocab import Deadline

# A megabyte over a slow probe takes half a minute; no tool needs longer than this.
LONGEST_SECONDS: Final = 180.0

# A serial number is text from a device; in openocd's it becomes part of a script.
_SAFE_SERIAL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_PLACEHOLDER = re.compile(r"\{(image|port|usb_serial)\}")
_UDEV = "the user may not use the probe: add a udev rule (docs/boards.md)"
_NO_PROBE = "plug the debug probe in; check the cable, and that it carries data"
_NO_CORE = (
    "check the board's power and jumpers; hold its reset button while the tool starts"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTool:
    """How one tool is installed, told which board, and what its complaints mean."""

    install: str
    serial_options: tuple[str, ...] = ()  # by which a user names the board himself
    remedies: tuple[tuple[str, str], ...] = ()  # a pattern of the output, and its cure


TOOLS: Final[Mapping[str, ProbeTool]] = {
    "openocd": ProbeTool(
        install="apt-get install openocd",
        serial_options=("adapter serial", "hla_serial"),
        remedies=(
            (r"LIBUSB_ERROR_ACCESS", _UDEV),
            (r"Can't find .*\.cfg", "correct the -f file in flash.arguments"),
            (r"open failed|unable to find a matching|no device found", _NO_PROBE),
            (r"init mode failed|target voltage|unable to connect", _NO_CORE),
            (r"Verify Failed", "flash again; a board that fails twice is worn or bad"),
        ),
    ),
    "pyocd": ProbeTool(
        install="python3 -m pip install pyocd",
        serial_options=("--uid", "-u", "--probe"),
        remedies=(
            (r"[Aa]ccess denied|insufficient permissions", _UDEV),
            (r"No available debug probes|no probe", _NO_PROBE),
            (
                r"Target type .* not recognized",
                "pyocd pack install TARGET, or correct --target in flash.arguments",
            ),
            (r"No ACK|transfer timed out|core .* not", _NO_CORE),
        ),
    ),
    "st-flash": ProbeTool(
        install="apt-get install stlink-tools",
        serial_options=("--serial",),
        remedies=(
            (r"LIBUSB_ERROR_ACCESS|Could not open USB", _UDEV),
            (r"Couldn't find any ST-Link|not find .*ST-Link", _NO_PROBE),
            (r"[Ff]ailed to connect|unknown chip id|Failed to enter SWD", _NO_CORE),
        ),
    ),
    "esptool": ProbeTool(
        install="python3 -m pip install esptool",
        serial_options=("--port", "-p"),
        remedies=(
            (r"[Pp]ermission denied", "sudo usermod -aG dialout $USER, then log in"),
            (r"port is busy|doesn't exist", "close the other program on the port"),
            (
                r"Failed to connect|No serial data",
                "hold BOOT while the board restarts; check that it is an ESP board",
            ),
        ),
    ),
    "picotool": ProbeTool(
        install="apt-get install picotool, or build it from raspberrypi/picotool",
        serial_options=("--ser", "--bus"),
        remedies=(
            (r"permission|LIBUSB_ERROR_ACCESS", _UDEV),
            (
                r"No accessible RP",
                "hold BOOTSEL while it is plugged in; add a udev rule (docs/boards.md)",
            ),
        ),
    ),
}


def run_tool(argv: tuple[str, ...], deadline: Deadline, *, what: str) -> None:
    """Run a tool of the board's; *what* it does ("flashing") is named in errors.

    Raises ToolMissing with the command that installs it, and ToolError with the tool's
    last words and, where they are known, what helps.
    """
    known = TOOLS.get(argv[0])
    limit = deadline.sooner(LONGEST_SECONDS)
    try:
        tools.run(argv, deadline=limit)
    except ToolMissing as exc:
        install = known.install if known else exc.remedy or tools.install_hint(argv[0])
        raise ToolMissing(argv, remedy=install) from exc
    except ToolError as exc:
        raise ToolError(
            argv,
            exit_code=exc.exit_code,
            tail=exc.tail,
            remedy=exc.remedy or _remedy(known, exc, what),
        ) from exc


def filled(
    arguments: tuple[str, ...], values: Mapping[str, str | None]
) -> tuple[str, ...]:
    """Return *arguments* with {image}, {port} and {usb_serial} filled in.

    Only these three are replaced, since braces are quotes in openocd's own language.
    Raises BrokenSetup where one is asked for that is not known.
    """
    return tuple(_PLACEHOLDER.sub(lambda m: _value(m[1], values), a) for a in arguments)


def serial_for(
    tool: str, arguments: tuple[str, ...], port: PortIdentity | None
) -> str | None:
    """Return the probe's serial number that must be handed to *tool*, if one must.

    None where the user's arguments name the probe, or the port is no probe's. Raises
    BrokenSetup where the number has characters that no tool takes.
    """
    named = any(
        word == option or word.startswith((f"{option} ", f"{option}="))
        for word in arguments
        for option in TOOLS[tool].serial_options
    )
    serial = port.probe_serial if port else None
    if named or serial is None:
        return None
    if not _SAFE_SERIAL.fullmatch(serial):
        raise BrokenSetup(
            "the probe's serial number cannot be given to a tool",
            where=str(port),
            found=repr(serial),
            allowed="letters, digits, '.', '_' and '-'",
            remedy=f"name the probe in flash.arguments: {TOOLS[tool].serial_options}",
        )
    return serial


def _value(name: str, values: Mapping[str, str | None]) -> str:
    value = values.get(name)
    if value is None:
        raise BrokenSetup(
            f"a tool's arguments ask for {{{name}}}, which is not known here",
            allowed=", ".join(f"{{{key}}}" for key, known in values.items() if known),
        )
    return value


def _remedy(known: ProbeTool | None, exc: ToolError, what: str) -> str | None:
    if exc.exit_code is None:
        return (
            f"{what} was stopped at the deadline; unplug the board and plug it in again"
        )
    for pattern, remedy in known.remedies if known else ():
        if re.search(pattern, exc.tail):
            return remedy
    return None
