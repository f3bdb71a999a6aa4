"""A folder of C that builds one image with CMake alone: templates, model, settings."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.codegen import compiled
from hil.codegen.compiled.render import size_bytes
from hil.codegen.source import SourceFile, write
from hil.codegen.templates import shipped_templates
from hil.errors import ConfigError, nearest
from hil.firmware import tflm_model
from hil.models.facts import read_model
from hil.models.graph import read_graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.firmware.tflm import TflmLibrary, TflmTree

COMPILED: Final = "compiled"
TFLM: Final = "tflm"
ENGINES: Final = (COMPILED, TFLM)
MODEL_FOLDER: Final = "model"
TFLM_CONFIG: Final = "hil_tflm.cmake"
_CONFIG = "hil_config.cmake"
# What every image needs, whatever its board; templates of generated files stay behind.
_FOLDERS = ("cmake", "common", "port", "boards/common")
_FILES = ("CMakeLists.txt", "engines/hil_engine.h")
_BOARD_FILE = "board.cmake"
_BOARD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED = "common"  # boards/common is hil's own


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareRequest:
    """One image to be made: a board, a model, and what a profile says otherwise.

    `board` names a folder of firmware_templates/boards; with a / in it, it is the path
    of a board's folder anywhere. `settings` are those of CMakeLists.txt without `HIL_`:
    BOARD_NAME, RAM_BYTES, FLASH_BYTES, RX_BUFFER_BYTES, MAX_FRAME_BYTES, STACK_BYTES,
    ICOUNT_SHIFT, START_BAUD. The board knows what is not given. `cpu_flags` replace the
    board's own.

    With the engine tflm, `serves` are models that the host may send to the image beside
    its own, and `preserve_tensors` keeps the memory of every tensor.
    """

    board: str
    model: bytes
    model_path: Path
    variant: str = "as-is"
    settings: Mapping[str, int | str] | None = None
    cpu_flags: tuple[str, ...] = ()
    engine: str = COMPILED
    tflm: Path | None = None  # the folder of the user's TFLite Micro
    serves: tuple[Path, ...] = ()
    preserve_tensors: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TflmParts:
    """The TFLite Micro that an image is linked with."""

    tree: TflmTree
    library: TflmLibrary


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What was written: memory for the model, and its least where that is known."""

    arena_bytes: int
    arena_lower_bound_bytes: int | None


def boards() -> list[str]:
    """Return the names of the boards that come with hil."""
    folder = shipped_templates() / "boards"
    return sorted(path.parent.name for path in folder.glob(f"*/{_BOARD_FILE}"))


def board_folder(board: str) -> Path:
    """Return the folder of a board by its name, or by its path if that has a / in it.

    Raises ConfigError where there is none, or where CMake could not use its name.
    """
    if "/" not in board:
        if board not in boards():
            raise ConfigError(
                f"there is no firmware template for the board {board!r}",
                where=str(shipped_templates() / "boards"),
                allowed=f"{', '.join(boards())}, or the path of a folder, with a /",
                remedy=nearest(board, boards()) or "docs/adding-a-board.md",
            )
        return shipped_templates() / "boards" / board
    folder = Path(board).resolve()
    if not (folder / _BOARD_FILE).is_file():
        raise ConfigError(
            "there is no board in this folder",
            where=str(folder),
            found=f"no {_BOARD_FILE}",
            remedy="docs/adding-a-board.md tells what a board is made of",
        )
    if folder.name == _RESERVED or not _BOARD_NAME.fullmatch(folder.name):
        raise ConfigError(
            "a board's folder cannot have this name",
            where=str(folder),
            found=folder.name,
            allowed=f"letters, digits, '.', '_' and '-'; not {_RESERVED}",
        )
    return folder


def render(
    request: FirmwareRequest, folder: Path, *, tflm: TflmParts | None = None
) -> Rendered:
    """Write all that the image is built from into *folder*.

    The same request gives the same bytes. *tflm* is what hil.firmware.build.tflm_parts
    found for a request with that engine. Raises ConfigError for a board that is not
    known or a folder that cannot be written, ModelError and UnsupportedOp for a model
    that the engine cannot run.
    """
    board = board_folder(request.board)
    if request.engine == TFLM:
        assert tflm is not None
        files, settings, rendered = _with_tflm(request, tflm)
    else:
        files, settings, rendered = _compiled(request)
    _copy_templates(board, folder, engine=request.engine)
    write(files, folder / MODEL_FOLDER)
    if tflm is not None:
        write([SourceFile(name=TFLM_CONFIG, before=_tflm_config(tflm))], folder)
    config = _config(request, board.name, settings)
    write([SourceFile(name=_CONFIG, before=config)], folder)
    return rendered


_Parts = tuple[tuple[SourceFile, ...], dict[str, object], Rendered]


def _compiled(request: FirmwareRequest) -> _Parts:
    model = compiled.generate(
        request.model, request.model_path, variant=request.variant
    )
    subgraph = read_graph(request.model, where=str(request.model_path)).subgraphs[0]
    staging = sum(size_bytes(subgraph.tensors[i]) for i in subgraph.inputs)
    settings: dict[str, object] = {
        "ARENA_BYTES": max(model.arena_bytes, 16),
        "STAGING_BYTES": max(staging, 1),
    }
    rendered = Rendered(
        arena_bytes=model.arena_bytes, arena_lower_bound_bytes=model.lower_bound_bytes
    )
    return tuple(model.files), settings, rendered


def _with_tflm(request: FirmwareRequest, tflm: TflmParts) -> _Parts:
    model = tflm_model.generate(
        request.model,
        request.model_path,
        tflm.library,
        variant=request.variant,
        others=[(path, read_model(path)) for path in request.serves],
        preserve_tensors=request.preserve_tensors,
    )
    settings: dict[str, object] = {
        "ARENA_BYTES": model.arena_bytes,
        "STAGING_BYTES": max(model.staging_bytes, 1),
        "MODEL_SLOT_BYTES": model.slot_bytes,
        "PRESERVE_TENSORS": int(request.preserve_tensors),
        # No setting: what the image is made of beside the files here.
        "TFLM_SHA256": tflm.library.sha256,
    }
    rendered = Rendered(arena_bytes=model.arena_bytes, arena_lower_bound_bytes=None)
    return model.files, settings, rendered


def _tflm_config(tflm: TflmParts) -> str:
    """Return where the user's TFLite Micro is on this machine."""
    includes = ";".join(map(str, tflm.tree.includes))
    return (
        "# The TFLite Micro of this machine.\n"
        f'set(HIL_TFLM_LIBRARY "{tflm.library.path}" CACHE FILEPATH "")\n'
        f'set(HIL_TFLM_INCLUDES "{includes}" CACHE STRING "")\n'
    )


def _copy_templates(board: Path, folder: Path, *, engine: str) -> None:
    source = shipped_templates()
    folders = {name: source / name for name in (*_FOLDERS, f"engines/{engine}")}
    folders[f"boards/{board.name}"] = board
    try:
        for name, origin in folders.items():
            shutil.copytree(
                origin,
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


def _config(
    request: FirmwareRequest, board: str, settings: Mapping[str, object]
) -> str:
    """Return the settings of CMakeLists.txt; -D on its command line wins."""
    values: dict[str, object] = {
        "BOARD": board,
        "ENGINE": request.engine,
        "MODEL_DIR": MODEL_FOLDER,
        **settings,
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
