"""Generated source files: their text, and how they come to disk whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where generated code comes from; it stands in a comment on top of it.

    Nothing of it changes from run to run, so the same model gives the same bytes.
    """

    model: str  # the name of the model's file
    sha256: str
    variant: str  # the recipe, or "as-is"
    size_bytes: int
    label: str
    hil_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file: text before and after an array of bytes, which may be absent.

    The array is turned into text block by block while it is written, since the text
    is six times as large as the bytes.
    """

    name: str
    before: str
    array: bytes = b""
    after: str = ""

    @property
    def text(self) -> str:
        """The whole text of the file."""
        return b"".join(self.blocks()).decode("ascii")

    def blocks(self) -> Iterator[bytes]:
        """Yield the text of the file in blocks."""
        yield self.before.encode("ascii")
        if self.array:
            # numpy is not needed, nor paid for, where no array is written.
            from hil.codegen.hex_text import hex_blocks  # noqa: PLC0415

            yield from hex_blocks(self.array)
        yield self.after.encode("ascii")


def write(files: Sequence[SourceFile], folder: Path) -> tuple[Path, ...]:
    """Write all *files* into *folder* and return their paths.

    The folder is made if it is not there. Every file is first written beside its
    place and then moved there, so that no reader and no failure finds half a file.
    Raises ConfigError where the folder cannot be written.
    """
    made: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            handle, beside = tempfile.mkstemp(prefix=f".{file.name}.", dir=folder)
            made.append((Path(beside), folder / file.name))
            with os.fdopen(handle, "wb") as stream:
                for block in file.blocks():
                    stream.write(block)
        for beside_path, path in made:
            beside_path.chmod(0o666 & ~_umask())
            beside_path.replace(path)
    except OSError as exc:
        raise ConfigError(
            "the generated files cannot be written",
            where=str(folder),
            found=exc.strerror or str(exc),
            allowed="a folder that can be written, on a disk with room",
            remedy="give another folder with -o",
        ) from exc
    finally:
        for beside_path, _ in made:
            with contextlib.suppress(OSError):
                beside_path.unlink(missing_ok=True)
    return tuple(path for _, path in made)


def _umask() -> int:
    """Return the umask of the process; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
