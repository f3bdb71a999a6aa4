"""Datasets as a folder of images, one subfolder a class."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.dataset import MAX_BYTES, Content, Dataset
from hil.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm"})


def images_in(folder: Path) -> list[tuple[Path, int]]:
    """Return the images of *folder* with their classes, by name; empty if none.

    Class k is the k-th subfolder that holds an image, in the order of the names.
    """
    groups = [
        sorted(p for p in sub.iterdir() if p.suffix.lower() in SUFFIXES)
        for sub in sorted(folder.iterdir())
        if sub.is_dir()
    ]
    used = [group for group in groups if group]
    return [(path, label) for label, group in enumerate(used) for path in group]


def load_image_folder(folder: Path) -> Dataset:
    """Read all images of *folder* as raw pixels, or raise ConfigError.

    `x` is uint8 [n, height, width, channels]; all images must be of one size and kind.
    """
    listed = images_in(folder)
    first = _pixels(listed[0][0])
    if len(listed) * first.nbytes > MAX_BYTES:
        raise ConfigError(
            "the dataset is too large",
            where=str(folder),
            found=f"{len(listed):,} images of {first.nbytes:,} bytes",
            allowed=f"at most {MAX_BYTES:,} bytes",
        )
    x = np.empty((len(listed), *first.shape), np.uint8)
    for index, (path, _) in enumerate(listed):
        pixels = first if index == 0 else _pixels(path)
        if pixels.shape != first.shape:
            raise ConfigError(
                "the images differ in size",
                where=str(path),
                found=f"height, width, channels {list(pixels.shape)}",
                allowed=f"{list(first.shape)}, as {listed[0][0].name}",
                remedy="scale all images to the size of the model's input",
            )
        x[index] = pixels
    return Dataset(
        name=folder.name,
        x=x,
        y=np.array([label for _, label in listed], np.int64),
        content=Content.PIXELS,
        preprocessing="none: raw pixels, 0..255",
        source=folder,
    )


def _pixels(path: Path) -> npt.NDArray[np.uint8]:
    # Only datasets of images need Pillow, and it is slow to import.
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # Pillow only warns of an image that unpacks to something huge.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                grey = image.mode in {"1", "L", "I", "I;16", "LA"}
                array = np.asarray(image.convert("L" if grey else "RGB"), np.uint8)
    except (
        OSError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        SyntaxError,
        ValueError,
    ) as exc:
        raise ConfigError(
            "an image of the dataset cannot be read", where=str(path), found=str(exc)
        ) from exc
    return array[..., np.newaxis] if grey else array
