"""A converted model written to disk, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import RecordingError

if TYPE_CHECKING:
    from hil.conversion.convert import Converted

_FILE_MODE = 0o666  # as any other new file; the temporary one is private


def write(converted: Converted, folder: Path, *, stem: str) -> Path:
    """Write `<stem>_<mode>.tflite` into *folder* and return its path.

    The folder is made where it is missing; an older file is replaced in one step.
    Raises RecordingError where the file cannot be written.
    """
    path = folder / f"{stem}_{converted.request.mode.value}.tflite"
    beside = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
        beside = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(converted.data)
        mask = os.umask(0)
        os.umask(mask)
        beside.chmod(_FILE_MODE & ~mask)
        beside.replace(path)
    except OSError as exc:
        raise RecordingError(
            "the model cannot be written",
            where=str(path),
            found=f"{exc.strerror or exc}; {len(converted.data):,} bytes to write",
            allowed="a folder that can be written, on a disk with room",
            remedy="give another folder with -o",
        ) from exc
    finally:
        if beside is not None:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
    return path
