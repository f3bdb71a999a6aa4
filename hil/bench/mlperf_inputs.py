"""The inputs of an MLPerf Tiny run: the bytes that go to a device, and their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.datasets import load_dataset
from hil.accuracy.mlperf_folder import LABELS, read_file, read_rows
from hil.errors import ConfigError
from hil.wire.mlperf import BUFFER_BYTES
from hil.wire.mlperf_models import BENCHMARKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hil.accuracy.mlperf_folder import LabelRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MlperfInput:
    """One input; `segment` counts the windows of a file that is sent in several.

    `sent_bytes` and `stride` are as the labels' file has them, `windows` how many the
    file has.
    """

    file: str
    data: bytes
    label: int | None = None
    classes: int | None = None
    segment: int = 0
    sent_bytes: int | None = None
    stride: int | None = None
    windows: int | None = None


def read_inputs(
    path: Path, model: str | None, *, first_segments: bool = False
) -> list[MlperfInput]:
    """Read a dataset as the bytes that the runner would send to *model*.

    *path* is a folder with y_labels.csv, the runner's folder of such folders, or
    another dataset whose samples are those bytes. *first_segments* leaves out all but
    the first window of a file. Raises ConfigError where sizes do not fit the model.
    """
    folder = path / model if model and (path / model / LABELS).is_file() else path
    if (folder / LABELS).is_file():
        inputs = [
            each
            for row in read_rows(folder / LABELS)
            for each in _windows(folder, row)
            if not (first_segments and each.segment)
        ]
    else:
        inputs = _samples(path)
    _check_sizes(inputs, model, path)
    return inputs


def _windows(folder: Path, row: LabelRow) -> Iterator[MlperfInput]:
    data = read_file(folder, row)
    size = row.bytes_to_send or len(data)
    stride = row.stride or size
    starts = range(0, len(data) - size + 1, stride) if stride > 0 else range(1)
    if not data or not starts:
        raise ConfigError(
            "a file of the dataset is shorter than what is to be sent",
            where=row.where,
            found=f"{row.file}: {len(data):,} bytes",
            allowed=f"at least {size:,} bytes",
        )
    cut = row.stride is not None
    for segment, start in enumerate(starts if cut else starts[:1]):
        yield MlperfInput(
            file=row.file,
            data=data[start : start + size],
            label=row.label,
            classes=row.classes,
            segment=segment,
            sent_bytes=row.bytes_to_send,
            stride=row.stride,
            windows=len(starts) if cut else None,
        )


def _samples(path: Path) -> list[MlperfInput]:
    dataset = load_dataset(path)
    classes = None if dataset.y is None else int(dataset.y.max()) + 1
    return [
        MlperfInput(
            file=f"{dataset.name}_{index:06d}.bin",
            data=np.ascontiguousarray(sample).tobytes(),
            label=None if dataset.y is None else int(dataset.y[index]),
            classes=classes,
        )
        for index, sample in enumerate(dataset.x)
    ]


def _check_sizes(inputs: list[MlperfInput], model: str | None, path: Path) -> None:
    benchmark = BENCHMARKS.get(model or "")
    size = len(inputs[0].data)
    allowed = benchmark.input_bytes if benchmark else None
    if size > BUFFER_BYTES or (allowed is not None and size != allowed):
        raise ConfigError(
            "the inputs are not what the device's model takes",
            where=str(path),
            found=f"{size:,} bytes each",
            allowed=f"{allowed or BUFFER_BYTES:,} bytes for {model or 'any model'}",
            remedy="give the dataset of the model that the device names: the bytes as "
            "MLCommons' runner sends them",
        )
