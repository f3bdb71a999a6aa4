"""One emulated phone: what all of its connections share."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

from hil.emulators.phone.personality import Personality, PhoneTree
from hil.emulators.phone.processes import Processes
from hil.emulators.phone.program import MARKER, PROGRAM_PATH
from hil.emulators.phone.runtime_link import RuntimeLink
from hil.emulators.phone.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

Result = TypeVar("Result")


class Phone:
    """Storage, processes, properties and the runtime of one phone."""

    def __init__(
        self, personality: Personality, *, root: Path, storage_bytes: int
    ) -> None:
        self.personality = personality
        self.processes = Processes()
        self.storage = Storage(
            root,
            limit_bytes=storage_bytes,
            tree=PhoneTree(personality, self.processes),
        )
        self.runtime = RuntimeLink()
        self._detached: set[asyncio.Task[object]] = set()
        program = self.storage.open_write(PROGRAM_PATH, append=False, mode=0o755)
        with contextlib.closing(program):
            program.write(MARKER)

    def detach(self, work: Coroutine[object, object, Result]) -> asyncio.Task[Result]:
        """Start *work* as a task that lives until it ends or the phone does."""
        task = asyncio.create_task(work)
        self._detached.add(task)
        task.add_done_callback(self._detached.discard)
        return task

    async def close(self) -> None:
        """End everything that still runs; the files stay."""
        left = list(self._detached)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self.runtime.close()
