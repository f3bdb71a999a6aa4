"""How the portable sources are built: every compiler, every setting, no leftovers."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import ToolError
from hil.tools import run

if TYPE_CHECKING:
    from conftest import Builder

CORES = {
    "arm-none-eabi-gcc": ("-Os", "-mcpu=cortex-m4", "-mthumb"),
    "riscv64-unknown-elf-gcc": (
        "-Os",
        "-march=rv32imac",
        "-mabi=ilp32",
        "--specs=picolibc.specs",
    ),
    "gcc": ("-O2", "-Wconversion", "-Wpedantic"),
}
# Framing, dispatcher and all that is no engine and no board. What is larger than this
# was made so on purpose, and the figure is changed with it.
MOST_CODE_BYTES = 11_264


@pytest.mark.parametrize("compiler", CORES)
@pytest.mark.parametrize("slot_bytes", [0, 20000])
def test_the_sources_compile_without_a_warning(
    build: Builder, compiler: str, slot_bytes: int
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    objects = build.objects(compiler, *CORES[compiler], HIL_MODEL_SLOT_BYTES=slot_bytes)
    assert len(objects) > 8


def test_the_code_for_a_cortex_m4_stays_small(build: Builder) -> None:
    compiler = "arm-none-eabi-gcc"
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed: apt install gcc-arm-none-eabi")
    objects = build.objects(compiler, *CORES[compiler])
    sizes = run(
        ["arm-none-eabi-size", "-t", *map(str, objects)], deadline=Deadline(60)
    ).stdout.decode()
    total = sizes.splitlines()[-1].split()
    assert total[-1] == "(TOTALS)"
    assert int(total[0]) + int(total[1]) <= MOST_CODE_BYTES


def test_nothing_allocates_and_nothing_prints(build: Builder) -> None:
    objects = build.objects("gcc", "-O2")
    names = run(["nm", "-u", *map(str, objects)], deadline=Deadline(60)).stdout.decode()
    foreign = {
        name
        for name in re.findall(r"^ +U (\w+)", names, re.MULTILINE)
        if not name.startswith(("hil_", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"))
    }
    assert foreign <= {"memcpy", "memmove", "memset", "memcmp", "strcmp", "strlen"}


@pytest.mark.parametrize(
    "name",
    [
        "HIL_ARENA_BYTES",
        "HIL_BOARD_NAME",
        "HIL_BUILD_ID",
        "HIL_RX_BUFFER_BYTES",
        "HIL_MAX_FRAME_BYTES",
        "HIL_RAM_BYTES",
        "HIL_FLASH_BYTES",
        "HIL_MODEL_SLOT_BYTES",
        "HIL_STAGING_BYTES",
    ],
)
def test_a_setting_that_is_missing_ends_the_build(build: Builder, name: str) -> None:
    with pytest.raises(ToolError, match=f"{name} is missing"):
        build.objects("gcc", **{name: ""})


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"HIL_MAX_FRAME_BYTES": 255}, "a frame has 256 bytes or more"),
        ({"HIL_RX_BUFFER_BYTES": 255}, "a frame must fit what is received"),
    ],
)
def test_sizes_that_cannot_be_end_the_build(
    build: Builder, changes: dict[str, int], text: str
) -> None:
    with pytest.raises(ToolError, match=text):
        build.objects("gcc", **changes)
