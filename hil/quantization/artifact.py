"""A quantized model written to disk, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import ConfigError, RecordingError

if TYPE_CHECKING:
    from hil.quantization.quantize import QuantizedModel

# What a device that is full or failing answers; anything else is a wrong folder.
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_FILE_MODE = 0o666  # as any other new file; the temporary one is private


def write(result: QuantizedModel, folder: Path, *, stem: str) -> Path:
    """Write *result* to `<stem>_<recipe>.tflite` in *folder* and return the path.

    The folder is made where it is missing; an older file is replaced in one step.
    Raises ConfigError for a folder or name that cannot be, RecordingError where the
    disk is full or fails.
    """
    if not stem or Path(stem).name != stem or "\0" in stem:
        raise ConfigError(
            "the name of the model cannot be a file name",
            where=str(folder),
            found=repr(stem),
            allowed="a name without slashes",
        )
    path = folder / f"{stem}_{result.recipe.name}.tflite"
    write_file(path, result.data, what="model")
    return path


def write_file(path: Path, data: bytes, *, what: str) -> None:
    """Write *data* to *path* in one step; *what* names it in errors, as in `write`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
    except OSError as exc:
        if exc.errno in _DISK:
            raise RecordingError(
                f"the {what} could not be written",
                where=str(path),
                found=f"{exc.strerror}; {len(data):,} bytes to write",
                remedy="make room on the disk, or name another folder",
            ) from exc
        raise ConfigError(
            f"the {what} cannot be written there",
            where=str(path),
            found=exc.strerror or str(exc),
            allowed="a folder in which this user may make files",
        ) from exc


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(_FILE_MODE & ~mask)
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
