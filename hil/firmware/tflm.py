"""A TFLite Micro that the user brings: its headers, and its library for a core."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError
from hil.firmware.core_abi import read_archive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.firmware.core_abi import Archive, CoreAbi

VARIABLE: Final = "HIL_TFLM"
CMSIS_NN: Final = "CMSIS-NN"
LIBRARY: Final = "libtensorflow-microlite.a"
_SCHEMA = "tensorflow/lite/schema/schema_generated.h"
# What the adapter includes of TFLite Micro itself; all lie below one folder.
_HEADERS = (
    "tensorflow/lite/micro/micro_interpreter.h",
    "tensorflow/lite/micro/micro_mutable_op_resolver.h",
    "tensorflow/lite/micro/recording_micro_allocator.h",
    "tensorflow/lite/micro/memory_helpers.h",
    _SCHEMA,
)
# What these include of others, and the names of the others' folders.
_THIRD_PARTIES = {
    "flatbuffers/flatbuffers.h": ("flatbuffers/include", "flatbuffers"),
    "fixedpoint/fixedpoint.h": ("gemmlowp",),
    "ruy/profiler/instrumentation.h": ("ruy",),
}
# Where create_tflm_tree.py puts them, and where the makefile downloads them to.
_THIRD_PARTY_FOLDERS = (
    "third_party",
    "tensorflow/lite/micro/tools/make/downloads",
    ".",
)
_ROOTS = (".", "include", "src")
_LIBRARY_FOLDERS = (".", "lib", "gen/*/lib", "gen/*", "*")
_NEEDED_SYMBOL = "RecordingMicroAllocator"
# tensorflow/lite/core/c/common.cc has it only without TF_LITE_STATIC_MEMORY.
_DYNAMIC_SYMBOL = "TfLiteTensorRealloc"
_CMSIS_SYMBOL = re.compile(r"arm_\w+_s(8|16)$")
_UNSAFE = frozenset('"\\$;\n')  # what CMake would not take as it is
_DOWNLOADS = "make -f tensorflow/lite/micro/tools/make/Makefile third_party_downloads"
_MAKE = "make -f tensorflow/lite/micro/tools/make/Makefile microlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class TflmTree:
    """Headers that fit together: the folders to include from, and where they lie."""

    folder: Path
    includes: tuple[Path, ...]
    flatbuffers: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TflmLibrary:
    """A library that runs on the core which was asked for."""

    path: Path
    sha256: str
    bits: int  # of a pointer
    kernels: str  # "reference" or "CMSIS-NN"
    has_helium: bool


def tflm_folder(
    given: Path | None, environment: Mapping[str, str] = os.environ
) -> Path:
    """Return the folder of the user's TFLite Micro: --tflm, or the variable HIL_TFLM.

    Raises ConfigError where neither says it, or there is no such folder.
    """
    named = given or (
        Path(environment[VARIABLE]) if environment.get(VARIABLE) else None
    )
    remedy = (
        f"--tflm DIR or {VARIABLE}=DIR, a folder with its headers and {LIBRARY}; "
        "docs/tflm.md"
    )
    if named is None:
        raise ConfigError(
            "the engine tflm needs a TFLite Micro, which hil does not bring",
            found=f"neither --tflm nor {VARIABLE}",
            remedy=remedy,
        )
    if not named.is_dir():
        raise ConfigError(
            "there is no folder of this name", where=str(named), remedy=remedy
        )
    return named.resolve()


def find_tree(folder: Path) -> TflmTree:
    """Return the headers in *folder*: a checkout with its downloads, or a made tree.

    Raises ConfigError for headers that are missing and for a flatbuffers of another
    version than the one that the schema header was made with.
    """
    if _UNSAFE & set(str(folder)):
        raise ConfigError(
            "CMake cannot take a path with these letters",
            where=str(folder),
            allowed='no ", \\, $ or ; in it',
        )
    root = _root(folder)
    includes = [root]
    flatbuffers = ""
    for header, names in _THIRD_PARTIES.items():
        place = _third_party(root, header, names)
        if place not in includes:
            includes.append(place)
        if header.startswith("flatbuffers"):
            flatbuffers = _checked_flatbuffers(root / _SCHEMA, place)
    return TflmTree(folder=folder, includes=tuple(includes), flatbuffers=flatbuffers)


def find_library(folder: Path, core: CoreAbi) -> TflmLibrary:
    """Return the library in *folder* that was built for *core*.

    Where several would run there, the one that asks the most of it is taken. Raises
    ConfigError where none does, with what those that are there were built for.
    """
    paths = sorted({p for f in _LIBRARY_FOLDERS for p in folder.glob(f"{f}/{LIBRARY}")})
    if not paths:
        raise ConfigError(
            f"there is no {LIBRARY} for this core",
            where=str(folder),
            found="no library",
            allowed=", ".join(f"{name}/" for name in _LIBRARY_FOLDERS),
            remedy=f"{_MAKE} TARGET=cortex_m_generic TARGET_ARCH=cortex-m4+fp",
        )
    archives = {path: read_archive(path) for path in paths}
    fitting = [p for p in paths if _runs_on(archives[p], core)]
    if not fitting:
        raise _wrong_core(archives, core, folder)
    best = max(fitting, key=lambda path: _demands(archives[path]))
    equal = [p for p in fitting if _demands(archives[p]) == _demands(archives[best])]
    if len(equal) > 1:
        raise ConfigError(
            "several libraries fit the board's core",
            where=str(folder),
            found=", ".join(str(p.relative_to(folder)) for p in equal),
            remedy="leave one of them in the folder",
        )
    _check_symbols(archives[best], best)
    return _library(best, archives[best])


def _root(folder: Path) -> Path:
    for name in _ROOTS:
        if (folder / name / _HEADERS[0]).is_file():
            root = (folder / name).resolve()
            break
    else:
        raise ConfigError(
            "this folder has no TFLite Micro",
            where=str(folder),
            found=f"no {_HEADERS[0]}",
            remedy="the root of a tflite-micro checkout, or a create_tflm_tree.py tree",
        )
    missing = [header for header in _HEADERS if not (root / header).is_file()]
    if missing:
        raise ConfigError(
            "headers of TFLite Micro are missing",
            where=str(root),
            found=f"no {', '.join(missing)}",
            remedy="a whole tflite-micro of 2024 or later",
        )
    return root


def _third_party(root: Path, header: str, names: tuple[str, ...]) -> Path:
    for folder in _THIRD_PARTY_FOLDERS:
        for name in (*names, "."):
            place = (root / folder / name).resolve()
            if (place / header).is_file():
                return place
    raise ConfigError(
        f"TFLite Micro's headers need {names[-1]}",
        where=str(root),
        found=f"no {header}",
        allowed=f"below {' or '.join(_THIRD_PARTY_FOLDERS[:2])}",
        remedy=_DOWNLOADS,
    )


def _checked_flatbuffers(schema: Path, place: Path) -> str:
    """Return the version of the flatbuffers in *place*; the schema must demand it."""
    base = place / "flatbuffers" / "base.h"
    wanted = _version(schema, r"FLATBUFFERS_VERSION_{} == (\d+)")
    found = _version(base, r"#define FLATBUFFERS_VERSION_{} (\d+)")
    if wanted != found:
        raise ConfigError(
            "the schema header was made with another flatbuffers",
            where=str(base),
            found=found,
            allowed=wanted,
            remedy=f"the flatbuffers of that TFLite Micro: {_DOWNLOADS}",
        )
    return found


def _version(header: Path, pattern: str) -> str:
    try:
        text = header.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    parts = [
        re.search(pattern.format(part), text) for part in ("MAJOR", "MINOR", "REVISION")
    ]
    return ".".join(part.group(1) if part else "?" for part in parts)


def _runs_on(archive: Archive, core: CoreAbi) -> bool:
    return bool(archive.abis) and all(abi.runs_on(core) for abi in archive.abis)


def _demands(archive: Archive) -> tuple[int, int, int]:
    """Return how much of a core *archive* uses, to be compared."""
    return max((abi.arch, abi.fpu, abi.vectors) for abi in archive.abis)


def _wrong_core(
    archives: Mapping[Path, Archive], core: CoreAbi, folder: Path
) -> ConfigError:
    built = [
        f"{path.relative_to(folder)} is for {' and '.join(map(str, archive.abis))}"
        for path, archive in archives.items()
    ]
    return ConfigError(
        "no TFLite Micro library fits the board's core",
        where=str(folder),
        found="; ".join(built),
        allowed=str(core),
        remedy=f"{_MAKE} with the TARGET_ARCH of this core; docs/tflm.md",
    )


def _check_symbols(archive: Archive, path: Path) -> None:
    if not any(_NEEDED_SYMBOL in symbol for symbol in archive.symbols):
        raise ConfigError(
            "the library is not a whole TFLite Micro",
            where=str(path),
            found=f"no {_NEEDED_SYMBOL}",
            remedy=_MAKE,
        )
    if _DYNAMIC_SYMBOL in archive.symbols:
        raise ConfigError(
            "the library was built without TF_LITE_STATIC_MEMORY",
            where=str(path),
            found=_DYNAMIC_SYMBOL,
            remedy="its structures are not the firmware's: build it with that define",
        )


def _library(path: Path, archive: Archive) -> TflmLibrary:
    is_cmsis = any(_CMSIS_SYMBOL.match(symbol) for symbol in archive.symbols)
    return TflmLibrary(
        path=path,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        bits=archive.abis[0].bits,
        kernels=CMSIS_NN if is_cmsis else "reference",
        has_helium=any(abi.vectors for abi in archive.abis),
    )
