"""Files of lines that a kill or a power failure may have cut in their last one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hil.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def whole_lines(path: Path) -> list[tuple[str, bytes]]:
    """Return the lines, each with its place; none where there is no file.

    A last line that was cut is taken back from the disk, for more lines will follow.
    Raises ConfigError where the file cannot be read or mended.
    """
    try:
        data = path.read_bytes()
        *lines, cut = data.split(b"\n")
        if cut:
            os.truncate(path, len(data) - len(cut))
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise ConfigError(
            "the search cannot be read", where=str(path), found=exc.strerror
        ) from exc
    return [(f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line]
