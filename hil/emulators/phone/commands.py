"""Every built-in command of the phone by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.emulators.phone import (
    control_commands,
    file_commands,
    system_commands,
    text_commands,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from hil.emulators.phone.call import Call

COMMANDS: Mapping[str, Callable[[Call], Awaitable[int]]] = {
    **control_commands.COMMANDS,
    **file_commands.COMMANDS,
    **system_commands.COMMANDS,
    **text_commands.COMMANDS,
}
