"""What a search began with, so that it cannot be resumed with something else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.models.facts import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.accuracy.dataset import Dataset
    from hil.results.run_folder import RunFolder

FILE = "origin.json"


def digest(dataset: Dataset) -> str:
    """Return the sha256 of the samples and their labels, wherever they are stored."""
    labels = b"" if dataset.y is None else dataset.y.tobytes()
    kind = f"{dataset.x.dtype.str}{dataset.x.shape}".encode()
    return sha256_of(kind + dataset.x.tobytes() + labels)


def require_same(folder: RunFolder, given: Mapping[str, str]) -> None:
    """Keep the digests that a search begins with, and hold a resumed one to them.

    Trials of two models, or on two sets of samples, would look alike in one journal.
    Raises ConfigError where one of them changed or the file cannot be read.
    """
    path = folder.path / FILE
    if not path.exists():
        folder.write_json(FILE, given)
        return
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise ConfigError(
            "what the search began with cannot be read", where=str(path), found=str(exc)
        ) from exc
    changed = [name for name, value in given.items() if known.get(name) != value]
    if changed:
        raise ConfigError(
            f"the {' and the '.join(changed)} changed since the search began",
            where=str(folder.path),
            remedy="a new search, without --resume",
        )
