"""Which records.jsonl files a person means by the folders they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RECORDS: Final = "records.jsonl"


def find_sources(paths: Sequence[Path]) -> list[Path]:
    """Return the absolute paths of the files of records that *paths* stand for.

    A path is such a file, a run folder, or a folder of run folders. Raises ConfigError
    for one that is none of them.
    """
    found: dict[Path, None] = {}
    for path in paths:
        for file in _files(path):
            found[file.absolute()] = None
    return list(found)


def _files(path: Path) -> list[Path]:
    try:
        if path.is_file():
            return [path]
        if (path / RECORDS).exists():
            return [path / RECORDS]
        files = sorted(path.glob(f"*/{RECORDS}"))
        exists = path.is_dir()
    except OSError as exc:
        raise ConfigError(
            "the folder cannot be read", where=str(path), found=exc.strerror
        ) from exc
    if not files:
        raise ConfigError(
            "there are no records to import",
            where=str(path),
            found=f"no {RECORDS}" if exists else "no such folder",
            allowed="a run folder, a folder of run folders, or a records.jsonl",
            remedy="hil bench writes run folders to ./runs, or where --out says",
        )
    return files
