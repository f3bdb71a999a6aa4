"""A folder of C that builds one image with CMake alone: templates, model, settings."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.codegen.compiled import CompiledModel, generate
from hil.codegen.compiled.render import size_bytes
from hil.codegen.source import SourceFile, write
from hil.codegen.templates import shipped_templates
from hil.errors import ConfigError, nearest
from hil.models.graph import read_graph

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ENGINE = "compiled"
_CONFIG = "hil_config.cmake"
# What every image needs, whatever its board; templates of generated files stay behind.
_FOLDERS = ("cmake", "common", "port", "boards/common", f"engines/{_ENGINE}")
_FILES = ("CMakeLists.txt", "engines/hil_engine.h")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareRequest:
    """One image to be made: a board, a model, and what a profile says otherwise.

    `settings` are those of CMakeLists.txt without `HIL_`: RAM_BYTES, FLASH_BYTES,
    RX_BUFFER_BYTES, MAX_FRAME_BYTES, STACK_BYTES, ICOUNT_SHIFT, START_BAUD. The board
    knows what is not given. `cpu_flags` replace the board's own.
    """

    board: str
    model: bytes
    model_path: Path
    variant: str = "as-is"
    settings: Mapping[str, int] | None = None
    cpu_flags: tuple[str, ...] = ()


def boards() -> list[str]:
    """Return the names of the boards that there are templates for."""
    folder = shipped_templates() / "boards"
    return sorted(path.parent.name for path in folder.glob("*/board.cmake"))


def render(request: FirmwareRequest, folder: Path) -> CompiledModel:
    """Write all that the image is built from into *folder*.

    The same request gives the same bytes. Raises ConfigError for a board that is not
    known or a folder that cannot be written, ModelError and UnsupportedOp for a model
    that the engine cannot run.
    """
    if request.board not in boards():
        raise ConfigError(
            f"there is no firmware template for the board {request.board!r}",
            where=str(shipped_templates() / "boards"),
            allowed=", ".join(boards()),
            remedy=nearest(request.board, boards()) or "docs/adding-a-board.md",
        )
    compiled = generate(request.model, request.model_path, variant=request.variant)
    _copy_templates(request.board, folder)
    write(compiled.files, folder / "model")
    write([SourceFile(name=_CONFIG, before=_config(request, compiled))], folder)
    return compiled


def _copy_templates(board: str, folder: Path) -> None:
    source = shipped_templates()
    try:
        for name in (*_FOLDERS, f"boards/{board}"):
            shutil.copytree(
                source / name,
                folder / name,
                ignore=shutil.ignore_patterns("*.j2"),
                dirs_exist_ok=True,
            )
        for name in _FILES:
            shutil.copyfile(source / name, folder / name)
    except OSError as exc:
        raise ConfigError(
            "the firmware cannot be written",
            where=str(folder),
            found=exc.strerror or str(exc),
            allowed="a folder that can be written, on a disk with room",
        ) from exc


def _config(request: FirmwareRequest, compiled: CompiledModel) -> str:
    """Return the settings of CMakeLists.txt; -D on its command line wins."""
    subgraph = read_graph(request.model, where=str(request.model_path)).subgraphs[0]
    staging = sum(size_bytes(subgraph.tensors[i]) for i in subgraph.inputs)
    values: dict[str, object] = {
        "BOARD": request.board,
        "ENGINE": _ENGINE,
        "MODEL_DIR": "model",
        "ARENA_BYTES": max(compiled.arena_bytes, 16),
        "STAGING_BYTES": max(staging, 1),
        **(request.settings or {}),
    }
    lines = [
        f'set(HIL_{name} "{value}" CACHE STRING "")' for name, value in values.items()
    ]
    if request.cpu_flags:
        flags = ";".join(request.cpu_flags)
        lines.append(f'set(HIL_OTHER_CPU_FLAGS "{flags}")')
    head = "# What makes this image; -D on CMake's command line comes before it.\n"
    return head + "\n".join(lines) + "\n"
