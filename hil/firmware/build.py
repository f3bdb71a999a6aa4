"""Firmware images, built once for each content: sources, model, flags and compiler."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hil import tools
from hil.errors import ConfigError, DoesNotFit, ToolError, ToolMissing
from hil.firmware.core_abi import read_object
from hil.firmware.render import (
    MODEL_FOLDER,
    TFLM,
    TFLM_CONFIG,
    FirmwareRequest,
    TflmParts,
    board_folder,
    render,
)
from hil.firmware.sizes import ImageSizes, read_sizes
from hil.firmware.tflm import find_library, find_tree, tflm_folder
from hil.models.facts import read_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.firmware.core_abi import CoreAbi
    from hil.firmware.render import Rendered
    from hil.vocab import Deadline, DeviceProfile, Evidence

# By the toolchain that a board.cmake names: its compiler, and Debian's packages.
_COMPILERS = {
    "arm-none-eabi": (
        "arm-none-eabi-gcc",
        "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi",
    ),
    "riscv64-unknown-elf": (
        "riscv64-unknown-elf-gcc",
        "apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    ),
    "host": ("cc", "apt-get install gcc"),
}
# The same for C++, which the engine tflm needs: its compiler, and its library.
_CXX_COMPILERS = {
    "arm-none-eabi": (
        "arm-none-eabi-g++",
        "apt-get install libstdc++-arm-none-eabi-newlib",
    ),
    "riscv64-unknown-elf": (
        "riscv64-unknown-elf-g++",
        "a RISC-V compiler with a C++ library; Debian has none",
    ),
    "host": ("c++", "apt-get install g++"),
}
_OVERFLOW = re.compile(r"region `(\w+)' overflowed by (\d+) bytes")
_BUILD_ID_CHARACTERS = 16
# /* ... */ or lines of //, at the very beginning.
_TOP_COMMENT = re.compile(rb"\A(?:/\*.*?\*/|(?://[^\n]*\n)+)", re.DOTALL)
_ELF = "hil.elf"
_MAP = "hil.map"
_BOARD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareImage:
    """A linked image in the cache, and what it was made from."""

    elf: Path
    build_id: str
    board: str
    model_sha256: str
    compiler: str
    flags: tuple[str, ...]
    sizes: ImageSizes
    arena_lower_bound_bytes: int | None
    was_cached: bool
    engine_evidence: Evidence = field(default_factory=dict)


def board_name(profile: DeviceProfile) -> str:
    """Return the name by which the board of *profile* answers HELLO.

    A template is shared by several boards: the profile's name tells them apart.
    """
    return profile.firmware.board or profile.name


def request_settings(profile: DeviceProfile) -> dict[str, int | str]:
    """Return what *profile* says to the settings of an image.

    Raises ConfigError for a firmware.board that C and CMake could not take as it is.
    """
    name = board_name(profile)
    if not _BOARD_NAME.fullmatch(name):
        raise ConfigError(
            "firmware.board cannot be built into a firmware",
            where=str(profile.source),
            found=repr(name),
            allowed="1 to 64 letters, digits, spaces, '.', '_' and '-'",
        )
    settings: dict[str, int | str] = {
        "BOARD_NAME": name,
        "RAM_BYTES": profile.ram_bytes,
        "FLASH_BYTES": profile.flash_bytes,
    }
    if profile.qemu is not None:
        settings["ICOUNT_SHIFT"] = profile.qemu.icount_shift
    return settings


def profile_request(
    profile: DeviceProfile, model_path: Path, *, variant: str = "as-is"
) -> FirmwareRequest:
    """Return the image of a model for the device of *profile*, to be made.

    A template with a / in it is the path of a board's folder, relative to the profile.
    Raises ConfigError where the profile has none, ModelError for an unreadable model.
    """
    template = profile.firmware.template
    if template is None:
        raise ConfigError(
            "the profile names no firmware template",
            where=str(profile.source),
            found="no firmware.template",
            remedy='template = "stm32f4" in its table [firmware]',
        )
    if "/" in template and profile.source is not None:
        template = str(profile.source.resolve().parent / template)
    return FirmwareRequest(
        board=template,
        model=read_model(model_path),
        model_path=model_path,
        variant=variant,
        settings=request_settings(profile),
        cpu_flags=profile.firmware.cpu_flags,
        engine=profile.firmware.engine,
    )


def default_cache() -> Path:
    """Return the folder of built images: below XDG_CACHE_HOME or ~/.cache.

    Raises ConfigError for a user without either, as containers have.
    """
    try:
        named = os.environ.get("XDG_CACHE_HOME")
        home = Path(named) if named else Path.home() / ".cache"
    except RuntimeError as exc:
        raise ConfigError(
            "there is no folder for the firmware cache",
            found="neither HOME nor XDG_CACHE_HOME, and a user without a name",
            remedy="set XDG_CACHE_HOME to a folder that can be written",
        ) from exc
    return home / "hil" / "firmware"


def build(
    request: FirmwareRequest, deadline: Deadline, *, cache: Path | None = None
) -> FirmwareImage:
    """Return the image of *request*, built if it is not in the cache yet.

    Raises ToolMissing without CMake or the compiler, ToolError where the build fails
    and DoesNotFit where the linker finds that the board's memory is too small.
    """
    folder = default_cache() if cache is None else cache
    with _work_folder(folder) as work:
        source = work / "source"
        tflm = tflm_parts(request, deadline) if request.engine == TFLM else None
        rendered = render(request, source, tflm=tflm)
        compiler, version = _compiler(board_folder(request.board), deadline)
        key = _content_key(source, compiler=version)
        place = folder / key
        was_cached = (place / _ELF).is_file()
        if not was_cached:
            _run_cmake(source, work / "build", key[:_BUILD_ID_CHARACTERS], deadline)
            _keep(work, place)
    return _image(
        place,
        request,
        rendered,
        compiler=f"{compiler}: {version}",
        cached=was_cached,
        evidence=_tflm_evidence(tflm),
    )


def tflm_parts(request: FirmwareRequest, deadline: Deadline) -> TflmParts:
    """Return the user's TFLite Micro for the board of *request*, checked.

    Raises ConfigError where headers, flatbuffers or library are missing or do not fit,
    and ToolMissing without a C++ compiler for the board.
    """
    folder = tflm_folder(request.tflm)
    tree = find_tree(folder)
    library = find_library(folder, _core_abi(request, deadline))
    return TflmParts(tree=tree, library=library)


def _core_abi(request: FirmwareRequest, deadline: Deadline) -> CoreAbi:
    """Return the board's core, as an object file says it that is compiled for it."""
    toolchain, flags = _board_settings(board_folder(request.board))
    program, remedy = _CXX_COMPILERS[toolchain]
    if shutil.which(program) is None:
        raise ToolMissing((program,), remedy=remedy)
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "core.o"
        argv = [program, *(request.cpu_flags or flags), "-xc++", "-c", "-", "-o"]
        source = b"#include <cstdint>\nfloat hil(float x) { return x; }\n"
        try:
            tools.run([*argv, str(out)], deadline=deadline, stdin=source)
        except ToolError as exc:
            raise ConfigError(
                "the board's C++ compiler does not compile for its core",
                where=" ".join(argv[:-1]),
                found=exc.tail,
                remedy=remedy,
            ) from exc
        return read_object(out)


def _tflm_evidence(tflm: TflmParts | None) -> Evidence:
    if tflm is None:
        return {}
    return {
        "tflm_library_sha256": tflm.library.sha256,
        "tflm_kernels": tflm.library.kernels,
        "tflm_flatbuffers": tflm.tree.flatbuffers,
    }


def check_fits(image: FirmwareImage, profile: DeviceProfile) -> None:
    """Raise DoesNotFit where *image* is larger than the device of *profile*."""
    for region, needed, available in (
        ("flash", image.sizes.flash_bytes, profile.flash_bytes),
        ("RAM", image.sizes.ram_bytes, profile.ram_bytes),
    ):
        if needed > available:
            raise DoesNotFit(
                region=region,
                needed_bytes=needed,
                available_bytes=available,
                where=f"{profile.name}, image {image.build_id}",
            )


@contextlib.contextmanager
def _work_folder(cache: Path) -> Iterator[Path]:
    """Yield a new folder beside the images, so that a finished one is only moved."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        work = tempfile.TemporaryDirectory(prefix=".building-", dir=cache)
    except OSError as exc:
        raise ConfigError(
            "the firmware cache cannot be written",
            where=str(cache),
            found=exc.strerror or str(exc),
            remedy="set XDG_CACHE_HOME to a folder that can be written",
        ) from exc
    with work as name:
        yield Path(name)


def _board_settings(board: Path) -> tuple[str, tuple[str, ...]]:
    """Return the toolchain and the core's flags that board.cmake names."""
    text = (board / "board.cmake").read_text(encoding="utf-8")
    named = re.search(r"set\(HIL_TOOLCHAIN (\S+)\)", text)
    toolchain = named.group(1) if named else "no HIL_TOOLCHAIN"
    if toolchain not in _COMPILERS:
        raise ConfigError(
            "the board names a toolchain that is not known",
            where=str(board / "board.cmake"),
            found=toolchain,
            allowed=", ".join(_COMPILERS),
        )
    flags = re.search(r"set\(HIL_CPU_FLAGS ([^)]*)\)", text)
    return toolchain, tuple(flags.group(1).split()) if flags else ()


def _compiler(board: Path, deadline: Deadline) -> tuple[str, str]:
    """Return the name and the version of the compiler that board.cmake asks for."""
    toolchain, _ = _board_settings(board)
    program, remedy = _COMPILERS[toolchain]
    for argv, install in (
        ((program, "--version"), remedy),
        (("cmake", "--version"), "apt-get install cmake make"),
    ):
        if shutil.which(argv[0]) is None:
            raise ToolMissing(argv, remedy=install)
    output = tools.run((program, "--version"), deadline=deadline)
    return program, output.stdout.decode(errors="replace").partition("\n")[0].strip()


def _content_key(source: Path, *, compiler: str) -> str:
    """Return a hash over all that the image depends on: every file and the compiler.

    The comment on top of the generated files names the model's file. A model that is
    called otherwise is no other model: the board needs no flashing for it. Where the
    user's TFLite Micro lies does not matter either; its hash is among the settings.
    """
    digest = hashlib.sha256(compiler.encode())
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        data = path.read_bytes()
        name = path.relative_to(source).as_posix()
        if name == TFLM_CONFIG:
            continue
        if path.parent == source / MODEL_FOLDER:
            data = _TOP_COMMENT.sub(b"", data, count=1)
        digest.update(f"\0{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _run_cmake(source: Path, out: Path, build_id: str, deadline: Deadline) -> None:
    tools.run(
        ["cmake", "-S", str(source), "-B", str(out), f"-DHIL_BUILD_ID={build_id}"],
        deadline=deadline,
    )
    jobs = str(os.cpu_count() or 1)
    try:
        tools.run(["cmake", "--build", str(out), "--parallel", jobs], deadline=deadline)
    except ToolError as exc:
        overflow = _OVERFLOW.search(exc.tail)
        if overflow is None:
            raise
        raise _too_large(out, overflow.group(1), int(overflow.group(2))) from exc


def _too_large(out: Path, region: str, missing_bytes: int) -> DoesNotFit:
    """Return the error with the region's size as the linker took it from memory.ld."""
    table = (out / _MAP).read_text(encoding="utf-8", errors="replace")
    line = re.search(rf"^{region} +0x[0-9a-f]+ +(0x[0-9a-f]+)", table, re.MULTILINE)
    assert line is not None
    available = int(line.group(1), 16)
    return DoesNotFit(
        region="flash" if region == "FLASH" else region,
        needed_bytes=available + missing_bytes,
        available_bytes=available,
        where=f"region {region} of the board's memory.ld",
    )


def _keep(work: Path, place: Path) -> None:
    """Move what was built to its place; another process may have been faster."""
    result = work / "result"
    result.mkdir()
    for name in (_ELF, _MAP, "hil.hex", "hil.bin", "compile_commands.json"):
        if (work / "build" / name).exists():
            (work / "build" / name).rename(result / name)
    with contextlib.suppress(OSError):
        result.rename(place)


def _image(
    place: Path,
    request: FirmwareRequest,
    rendered: Rendered,
    *,
    compiler: str,
    cached: bool,
    evidence: Evidence,
) -> FirmwareImage:
    return FirmwareImage(
        elf=place / _ELF,
        build_id=place.name[:_BUILD_ID_CHARACTERS],
        board=board_folder(request.board).name,
        model_sha256=hashlib.sha256(request.model).hexdigest(),
        compiler=compiler,
        flags=_flags(place),
        sizes=read_sizes(place / _ELF),
        arena_lower_bound_bytes=rendered.arena_lower_bound_bytes,
        was_cached=cached,
        engine_evidence=evidence,
    )


def _flags(place: Path) -> tuple[str, ...]:
    """Return the flags of the kernels as CMake wrote them down.

    Where the kernels were built elsewhere, it is those of the code that calls them.
    """
    text = (place / "compile_commands.json").read_text(encoding="utf-8")
    commands = re.findall(r'"command": "([^"]*hil_(?:kernels|model)\.dir[^"]*)"', text)
    words = commands[0].split() if commands else []
    wanted = ("-m", "-O", "-f", "-std")
    return tuple(w for w in words if w.startswith(wanted) and "prefix-map" not in w)
