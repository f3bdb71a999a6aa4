"""Restart a board, or give it power, the way that its profile says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.firmware.probe_tools import TOOLS, filled, run_tool, serial_for
from hil.links.control_lines import ControlLine, pulse

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.links.serial_identity import PortIdentity
    from hil.vocab import CommandSettings, Deadline

_LINES = {line.value: line for line in ControlLine}


def reset(
    settings: CommandSettings,
    port: PortIdentity,
    deadline: Deadline,
    *,
    pulse: Callable[[str, ControlLine, Deadline], None] = pulse,
) -> str:
    """Restart the board whose closed serial port is *port*; return how, for records.

    `reset.tool` is dtr or rts, a tool that hil knows, or a command of the user's. A
    board that is its own USB device may come back on another port. Raises BrokenSetup,
    ToolMissing or ToolError.
    """
    line = _LINES.get(settings.tool)
    if line is not None:
        _refuse_arguments(settings)
        pulse(port.device, line, deadline)
        return f"{line.name} of {port.device}"
    argv = reset_argv(settings, port)
    run_tool(argv, deadline, what="the reset")
    return " ".join(argv)


def reset_argv(settings: CommandSettings, port: PortIdentity) -> tuple[str, ...]:
    """Return the command line that restarts the board.

    For a tool that hil knows the arguments are options, unless they are a command of
    their own: then they hold {port} or {usb_serial}, or the tool is not one of these.
    """
    tool, arguments = settings.tool, settings.arguments
    own = any("{port}" in word or "{usb_serial}" in word for word in arguments)
    if own or tool not in TOOLS:
        return command_argv(settings, port)
    if tool == "esptool":
        return (tool, "--port", port.device, *arguments, "run")
    serial = serial_for(tool, arguments, port)
    if tool == "openocd":
        probe = ("-c", f"adapter serial {serial}") if serial else ()
        return (tool, *arguments, *probe, "-c", "init; reset run; exit")
    if tool == "pyocd":
        return (tool, "reset", *arguments, *(("--uid", serial) if serial else ()))
    if tool == "st-flash":
        return (tool, *(("--serial", serial) if serial else ()), *arguments, "reset")
    assert tool == "picotool"
    probe = ("--ser", serial) if serial else ()
    return (tool, "reboot", "-f", *arguments, *probe)


def power_on(
    settings: CommandSettings, port: PortIdentity | None, deadline: Deadline
) -> str:
    """Run the user's power command and return it; ToolMissing or ToolError."""
    argv = command_argv(settings, port)
    run_tool(argv, deadline, what="switching the power")
    return " ".join(argv)


def command_argv(
    settings: CommandSettings, port: PortIdentity | None
) -> tuple[str, ...]:
    """Return a command of the user's with {port} and {usb_serial} filled in."""
    values = {
        "port": port.device if port else None,
        "usb_serial": port.usb_serial if port else None,
    }
    return (settings.tool, *filled(settings.arguments, values))


def _refuse_arguments(settings: CommandSettings) -> None:
    if settings.arguments:
        raise ConfigError(
            f"reset by {settings.tool} takes no arguments",
            found=" ".join(settings.arguments),
            remedy=f"[reset] tool = '{settings.tool}' alone",
        )
