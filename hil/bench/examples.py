"""The example models and data that come with hil, and how a path names them."""

from __future__ import annotations

from pathlib import Path

from hil.errors import ConfigError, nearest

_EXAMPLE = "example:"
_PACKAGE = Path(__file__).resolve().parent.parent
_SUFFIXES = (".tflite", ".npz")


def resolve_path(text: str, folder: Path) -> Path:
    """Return the file that *text* names; `example:digits.tflite` comes with hil."""
    if not text.startswith(_EXAMPLE):
        return folder / text
    name = text.removeprefix(_EXAMPLE)
    inside = _PACKAGE / "examples"  # in the wheel
    root = inside if inside.is_dir() else _PACKAGE.parent / "examples"
    found = (path for path in sorted(root.glob("*/*")) if path.suffix in _SUFFIXES)
    files = {path.name: path for path in found}
    if name not in files:
        raise ConfigError(
            f"no example is called {name!r}",
            allowed=", ".join(files),
            remedy=nearest(name, files),
        )
    return files[name]
