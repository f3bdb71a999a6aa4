"""What a native library prints, taken at the file descriptors.

TFLite Micro and LiteRT write to the descriptors of stdout and stderr behind Python's
back. Their errors are only there, and their chatter must not mix with our results.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Descriptors belong to the whole process: two captures at once would undo each other.
_LOCK = threading.Lock()
_STDOUT, _STDERR = 1, 2


class NativeOutput:
    """The text of one capture; complete once the `with` block has ended."""

    text = ""


@contextlib.contextmanager
def captured() -> Iterator[NativeOutput]:
    """Collect what is written to descriptors 1 and 2 inside the `with` block."""
    result = NativeOutput()
    with _LOCK, tempfile.TemporaryFile() as sink:
        saved = [(fd, os.dup(fd)) for fd in (_STDOUT, _STDERR)]
        try:
            for fd, _ in saved:
                os.dup2(sink.fileno(), fd)
            yield result
        finally:
            for fd, copy in saved:
                os.dup2(copy, fd)
                os.close(copy)
            sink.seek(0)
            result.text = sink.read().decode(errors="replace")
