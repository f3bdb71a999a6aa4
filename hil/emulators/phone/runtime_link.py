"""The server's side of the runtime: starts it and asks it for runs of benchmark_model.

One runtime process per phone is started on first use and does the heavy imports once;
each run is a fork of it. They talk over a Unix socket in a private folder: one message
is one JSON object, and a request carries the two ends that the child prints to.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.deadline import Deadline
from hil.emulators.phone.paths import refusal
from hil.tools import Child

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_MESSAGE_BYTES: Final = 1 << 17
_MAX_ARGUMENT_CHARACTERS: Final = 1 << 15
_MAX_RUNS: Final = 32
_START_SECONDS: Final = 60.0
# The pools of numpy's BLAS would be threads at the time of the fork.
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Run:
    """One child at work."""

    def __init__(
        self,
        link: RuntimeLink,
        number: int,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader,
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.pid = 0  # on this machine
        self._link = link
        self._number = number
        self._started = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
