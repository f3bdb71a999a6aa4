"""Datasets in NumPy's .npz files: `x`, perhaps `y`, perhaps `preprocessing`.

The format is a zip of .npy members (numpy.org, "NEP 1" and `numpy.lib.format`). A
member's header is read before its data, so that a file can neither make us allocate
what it does not hold nor run code: pickled objects are refused.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from hil.accuracy.dataset import (
    MAX_BYTES,
    Content,
    Dataset,
    checked_labels,
    checked_samples,
    checked_targets,
)
from hil.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

# What zipfile, zlib and numpy raise for files that are damaged or made up.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    OverflowError,
    MemoryError,
    TypeError,
    IndexError,
)
_LONGEST_TEXT = 200
_PIXEL_DIMENSIONS = (3, 4)  # [n, height, width] or [n, height, width, channels]


def load_npz(path: Path, *, float_targets: bool = False) -> Dataset:
    """Read the dataset in *path*, or raise ConfigError. Pickles are never loaded.

    With *float_targets* a `y` of floats is what the model should answer, not labels.
    """
    where = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.removesuffix(".npy") for name in archive.namelist()}
            _require_x(members, where=where)
            x = _member(archive, "x", where=where)
            y = _member(archive, "y", where=where) if "y" in members else None
            text = _text(archive, members, where=where)
    except OSError as exc:
        raise ConfigError(
            "the dataset cannot be read", where=where, found=exc.strerror or str(exc)
        ) from exc
    except _DAMAGED as exc:
        raise ConfigError(
            "not a dataset: the file is no readable .npz",
            where=where,
            found=f"{type(exc).__name__}: {exc}"[:_LONGEST_TEXT],
            allowed="an .npz with arrays x and y, as numpy.savez writes it",
        ) from exc
    checked_samples(x, where=where)
    pixels = x.dtype == np.uint8 and x.ndim in _PIXEL_DIMENSIONS
    wanted = float_targets and y is not None and y.dtype.kind == "f"
    labels = None if wanted else y
    return Dataset(
        name=path.stem,
        x=x,
        y=None if labels is None else checked_labels(labels, n=len(x), where=where),
        content=Content.PIXELS if pixels else Content.VALUES,
        preprocessing=text,
        source=path,
        targets=checked_targets(y, n=len(x), where=where)
        if wanted and y is not None
        else None,
    )


def _require_x(members: set[str], *, where: str) -> None:
    if "x" not in members:
        raise ConfigError(
            "the dataset has no array x",
            where=where,
            found=", ".join(sorted(members)) or "no array at all",
            allowed="x (samples) and y (labels)",
            remedy="numpy.savez(path, x=samples, y=labels)",
        )


def _text(archive: zipfile.ZipFile, members: set[str], *, where: str) -> str:
    if "preprocessing" not in members:
        return "not stated"
    value = _member(archive, "preprocessing", where=where)
    if value.dtype.kind != "U" or value.ndim != 0:
        raise ConfigError(
            "preprocessing is no text",
            where=where,
            found=f"type {value.dtype}, shape {list(value.shape)}",
            allowed="one string",
        )
    return str(value)


def _member(
    archive: zipfile.ZipFile, name: str, *, where: str
) -> npt.NDArray[np.generic]:
    listed = f"{name}.npy" if f"{name}.npy" in archive.namelist() else name
    info = archive.getinfo(listed)
    with archive.open(info) as stream:
        shape, dtype = _header(stream)
        if dtype.hasobject:
            raise ConfigError(
                f"{name} holds pickled Python objects",
                where=where,
                found=f"an array of type {dtype}",
                allowed="numbers; unpickling a file can run any code, so it never is",
                remedy="save it as a numeric array",
            )
        size_bytes = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or size_bytes > MAX_BYTES:
            raise ConfigError(
                f"{name} is too large",
                where=where,
                found=f"shape {list(shape)} of {dtype}: {size_bytes:,} bytes",
                allowed=f"at most {MAX_BYTES:,} bytes",
            )
        if size_bytes > info.file_size:
            raise ConfigError(
                f"{name} is not what its header says",
                where=where,
                found=f"{info.file_size:,} bytes stored",
                allowed=f"the {size_bytes:,} bytes of shape {list(shape)} of {dtype}",
            )
    with archive.open(info) as stream:
        array: npt.NDArray[np.generic] = npy.read_array(stream, allow_pickle=False)
    return array


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = npy.read_magic(stream)
    read = {
        (1, 0): npy.read_array_header_1_0,
        (2, 0): npy.read_array_header_2_0,
    }.get(version)
    if read is None:
        message = f"version {version} of the .npy format"
        raise ValueError(message)
    shape, _, dtype = read(stream)
    return shape, dtype
