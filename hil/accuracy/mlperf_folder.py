"""Datasets as MLPerf Tiny's runner keeps them: `y_labels.csv` and raw files beside it.

A line is `file,classes,class[,bytes_to_send,stride]` and there is no header
(eembc/energyrunner, README, "Bring your own data").
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
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

LABELS = "y_labels.csv"
_COLUMNS = 3
_STRIDE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """One line of the labels; *where* names it. `stride` is of files in windows."""

    where: str
    file: str
    classes: int
    label: int
    bytes_to_send: int | None
    stride: int | None = None


def load_mlperf_folder(folder: Path) -> Dataset:
    """Read the files that y_labels.csv of *folder* names, or raise ConfigError.

    `x` is uint8 [n, bytes]: what the runner sends; the model decides what they mean.
    """
    rows = read_rows(folder / LABELS)
    first = _bytes(folder, rows[0])
    if len(rows) * len(first) > MAX_BYTES:
        raise ConfigError(
            "the dataset is too large",
            where=str(folder),
            found=f"{len(rows):,} files of {len(first):,} bytes",
            allowed=f"at most {MAX_BYTES:,} bytes",
        )
    x = np.empty((len(rows), len(first)), np.uint8)
    for index, row in enumerate(rows):
        data = first if index == 0 else _bytes(folder, row)
        if len(data) != len(first):
            raise ConfigError(
                "the files of the dataset differ in size",
                where=row.where,
                found=f"{row.file}: {len(data):,} bytes",
                allowed=f"{len(first):,} bytes, as {rows[0].file}",
            )
        x[index] = np.frombuffer(data, np.uint8)
    labels = np.array([row.label for row in rows], np.int64)
    return Dataset(
        name=folder.name,
        x=checked_samples(x, where=str(folder)),
        y=checked_labels(labels, n=len(rows), where=str(folder / LABELS)),
        content=Content.BYTES,
        preprocessing="none: the bytes that MLPerf's runner sends",
        source=folder,
    )


def read_rows(path: Path) -> list[LabelRow]:
    """Return the lines of a y_labels.csv, or raise ConfigError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(
            "the labels cannot be read", where=str(path), found=str(exc)
        ) from exc
    rows = [
        _row(fields, where=f"{path}, line {number}")
        for number, fields in enumerate(csv.reader(text.splitlines()), start=1)
        if fields
    ]
    if not rows:
        raise ConfigError("the dataset is empty", where=str(path), found="no line")
    return rows


def _row(fields: list[str], *, where: str) -> LabelRow:
    stripped = [field.strip() for field in fields]
    try:
        if len(stripped) < _COLUMNS:
            raise ValueError  # noqa: TRY301 - the same refusal as for a bad number
        sent = stripped[_COLUMNS] if len(stripped) > _COLUMNS else ""
        stride = stripped[_STRIDE] if len(stripped) > _STRIDE else ""
        row = LabelRow(
            where=where,
            file=stripped[0],
            classes=int(stripped[1]),
            label=int(stripped[2]),
            bytes_to_send=int(sent) if sent else None,
            stride=int(stride) if stride else None,
        )
    except ValueError as exc:
        raise ConfigError(
            "a line of the labels cannot be read",
            where=where,
            found=repr(",".join(fields)),
            allowed="file,classes,class[,bytes_to_send,stride]",
        ) from exc
    if not 0 <= row.label < row.classes:
        raise ConfigError(
            "a label is out of range",
            where=where,
            found=f"class {row.label} of {row.classes}",
            allowed=f"0 to {row.classes - 1}",
        )
    return row


def read_file(folder: Path, row: LabelRow) -> bytes:
    """Return all bytes of the file that *row* names, or raise ConfigError."""
    path = folder / row.file
    # The labels are data from elsewhere: they may not name files outside the folder.
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(
            "a line of the labels names a file outside the dataset",
            where=row.where,
            found=repr(row.file),
            allowed=f"files in {folder}",
        )
    try:
        return path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    except (OSError, ValueError) as exc:
        raise ConfigError(
            "a file of the dataset cannot be read", where=row.where, found=str(exc)
        ) from exc


def _bytes(folder: Path, row: LabelRow) -> bytes:
    data = read_file(folder, row)
    if row.bytes_to_send is not None and row.bytes_to_send != len(data):
        raise ConfigError(
            "a file of the dataset is not sent whole",
            where=row.where,
            found=f"{row.bytes_to_send:,} bytes to send of {len(data):,}",
            allowed="files of exactly one sample",
            remedy="cut the file into its windows and list each in a line of its own",
        )
    return data
