"""The control lines of a serial port, which many boards wire to their reset pin."""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING, Protocol

import serial

from hil.errors import BrokenSetup, LinkTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.vocab import Deadline

_PULSE_SECONDS = 0.1


class ControlLine(enum.Enum):
    """An output of the port; asserted, its pin is low."""

    DTR = "dtr"
    RTS = "rts"


class LinedPort(Protocol):
    """A port that is not open yet and has the two lines; pyserial's Serial is one."""

    dtr: bool
    rts: bool

    def open(self) -> None:
        """Open it with the lines as they were set."""

    def close(self) -> None:
        """Close it."""


def _unopened(path: str) -> LinedPort:
    port: LinedPort = serial.serial_for_url(path, do_not_open=True)
    return port


def pulse(
    path: str,
    line: ControlLine,
    deadline: Deadline,
    *,
    make_port: Callable[[str], LinedPort] = _unopened,
) -> None:
    """Assert *line* of the port for a tenth of a second, the other one released.

    Raises BrokenSetup where the port cannot be opened or has no such lines.
    """
    if deadline.remaining < _PULSE_SECONDS:
        raise LinkTimeout("no time was left to reset the board", where=path)
    try:
        port = make_port(path)
        # On ESP boards DTR holds the boot pin: both asserted starts the loader.
        port.dtr = port.rts = False
        port.open()
        try:
            setattr(port, line.value, True)
            time.sleep(_PULSE_SECONDS)
            setattr(port, line.value, False)
        finally:
            port.close()
    except (OSError, ValueError) as exc:
        raise BrokenSetup(
            f"the port's {line.name} line cannot be switched",
            where=path,
            found=str(exc),
            remedy="reset by a tool: [reset] tool = 'openocd', or a command of yours",
        ) from exc
