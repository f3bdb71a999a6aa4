"""Find out which kind of dataset a path is, and read it."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from hil.accuracy.idx import find_images, is_images, load_idx
from hil.accuracy.image_folder import images_in, load_image_folder
from hil.accuracy.mlperf_folder import LABELS, load_mlperf_folder
from hil.accuracy.npz import load_npz
from hil.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from hil.accuracy.dataset import Dataset

_KINDS = (
    "an .npz with x and y, MNIST IDX files (.gz too), an MLPerf folder with "
    "y_labels.csv, or a folder of images in one subfolder a class"
)


def load_dataset(path: Path, *, float_targets: bool = False) -> Dataset:
    """Read the dataset at *path*, or raise ConfigError that says what is wrong.

    With *float_targets* an .npz may hold a `y` of floats: answers in place of labels.
    """
    try:
        if path.is_dir():
            return _load_folder(path)
        if not path.is_file():
            raise ConfigError(
                "the dataset is missing",
                where=str(path),
                found="no such file or folder",
                allowed=_KINDS,
            )
        if is_images(path):
            return load_idx(path)
        if path.suffix == ".npz" or zipfile.is_zipfile(path):
            return load_npz(path, float_targets=float_targets)
    except OSError as exc:
        raise ConfigError(
            "the dataset cannot be read", where=str(path), found=str(exc)
        ) from exc
    raise _not_a_dataset(path, found=f"a file named {path.name}")


def _load_folder(folder: Path) -> Dataset:
    if (folder / LABELS).is_file():
        return load_mlperf_folder(folder)
    images = find_images(folder)
    if images is not None:
        return load_idx(images)
    if images_in(folder):
        return load_image_folder(folder)
    raise _not_a_dataset(folder, found="a folder with nothing of the kind in it")


def _not_a_dataset(path: Path, *, found: str) -> ConfigError:
    return ConfigError("not a dataset", where=str(path), found=found, allowed=_KINDS)
