"""Datasets in MNIST's IDX files, plain or gzipped, images and labels side by side.

An IDX file is two zero bytes, a type byte, the number of dimensions, that many 32-bit
big-endian sizes, and the data (Y. LeCun's MNIST page, "THE IDX FILE FORMAT").
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.dataset import (
    MAX_BYTES,
    Content,
    Dataset,
    checked_labels,
    checked_samples,
)
from hil.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

_DTYPES: dict[int, np.dtype[np.generic]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_IMAGES = ("-images-idx3-ubyte", "-images.idx3-ubyte")
_GREY_DIMENSIONS = 3  # [n, height, width], which becomes [n, height, width, 1]


def find_images(folder: Path) -> Path | None:
    """Return the file of images in *folder*, MNIST's test set before its training set.

    Returns None where there is none; ConfigError where it is unclear which is meant.
    """
    found = sorted(path for path in folder.iterdir() if is_images(path))
    tests = [path for path in found if path.name.startswith("t10k")]
    candidates = tests or found
    if len(candidates) > 1:
        raise ConfigError(
            "several IDX files of images: it is unclear which is meant",
            where=str(folder),
            found=", ".join(path.name for path in candidates),
            remedy="name the file of images instead of the folder",
        )
    return candidates[0] if candidates else None


def is_images(path: Path) -> bool:
    """Whether the name of *path* is that of an IDX file of images."""
    return path.name.removesuffix(".gz").endswith(_IMAGES)


def load_idx(images: Path) -> Dataset:
    """Read *images* and the labels that stand beside it, or raise ConfigError.

    The pixels stay raw (uint8, 0..255); grey images get a channel: [n, 28, 28, 1].
    """
    x = checked_samples(_read(images), where=str(images))
    labels = _labels_beside(images)
    y = checked_labels(_read(labels), n=len(x), where=str(labels))
    grey = x.ndim == _GREY_DIMENSIONS
    return Dataset(
        name=images.name.split("-images", 1)[0],
        x=x[..., np.newaxis] if grey else x,
        y=y,
        content=Content.PIXELS if x.dtype == np.uint8 else Content.VALUES,
        preprocessing="none: raw pixels, 0..255",
        source=images,
    )


def _labels_beside(images: Path) -> Path:
    stem = images.name.removesuffix(".gz")
    name = stem.replace("images", "labels").replace("idx3", "idx1")
    for candidate in (name, name + ".gz"):
        path = images.with_name(candidate)
        if path.is_file():
            return path
    raise ConfigError(
        "the images have no labels",
        where=str(images),
        found="no such file beside it",
        allowed=f"{name} or {name}.gz",
    )


def _read(path: Path) -> npt.NDArray[np.generic]:
    opened = gzip.open if path.name.endswith(".gz") else open
    try:
        with opened(path, "rb") as stream:
            head = stream.read(4)
            if len(head) < 4 or head[:2] != b"\0\0":  # noqa: PLR2004 - the magic's size
                raise _not_idx(path, f"starts with {head.hex(' ')}")
            dtype = _DTYPES.get(head[2])
            if dtype is None:
                raise _not_idx(path, f"element type 0x{head[2]:02x}")
            sizes = stream.read(4 * head[3])
            if len(sizes) < 4 * head[3]:
                raise _not_idx(path, "a header that ends early")
            shape = struct.unpack(f">{head[3]}I", sizes)
            size_bytes = math.prod(shape) * dtype.itemsize
            if size_bytes > MAX_BYTES:
                raise _not_idx(path, f"a header that asks for {size_bytes:,} bytes")
            # One byte more than promised shows a file that is too long.
            data = stream.read(size_bytes + 1)
    except (OSError, EOFError, zlib.error) as exc:
        raise _not_idx(path, f"{type(exc).__name__}: {exc}") from exc
    if len(data) != size_bytes:
        found = f"{len(data):,}" if len(data) < size_bytes else "more"
        raise _not_idx(path, f"{found} bytes of data, {size_bytes:,} in the header")
    array = np.frombuffer(data, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _not_idx(path: Path, found: str) -> ConfigError:
    return ConfigError(
        "not a dataset: the file is no readable IDX file",
        where=str(path),
        found=found,
        allowed="MNIST's format: 00 00, type, dimensions, sizes, data",
    )
