"""The firmware, built for this host: the board `native`, a fake engine, sanitizers."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.tools import run

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
TEMPLATES = HERE.parents[1] / "firmware_templates"
INCLUDES = tuple(
    f"-I{TEMPLATES / name}" for name in ("common", "port", "engines", "boards/native")
)
COMMON = tuple(sorted(map(str, (TEMPLATES / "common").glob("*.c"))))
NATIVE = tuple(sorted(map(str, (TEMPLATES / "boards" / "native").glob("*.c"))))
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror")
SANITIZERS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FROZEN_CLOCK = (str(HERE / "frozen_clock.c"), "-Wl,--wrap=hil_port_ticks")
BUILTIN = '{"inputs": [64], "outputs": [10], "arena": 300}'


def defines(**changes: str | int) -> list[str]:
    """What a build must give, with *changes*; an empty text takes one away."""
    values: dict[str, str | int] = {
        "HIL_BOARD_NAME": '"native"',
        "HIL_BUILD_ID": '"test"',
        "HIL_ARENA_BYTES": 4096,
        "HIL_STAGING_BYTES": 8192,
        "HIL_MODEL_SLOT_BYTES": 20000,
        "HIL_RX_BUFFER_BYTES": 1024,
        "HIL_MAX_FRAME_BYTES": 256,
        "HIL_RAM_BYTES": 65536,
        "HIL_FLASH_BYTES": 131072,
    }
    values |= changes
    return [f"-D{name}={value}" for name, value in values.items() if value != ""]


def builtin_defines() -> list[str]:
    """For an image with a model that is linked in and no room for another."""
    digest = hashlib.sha256(BUILTIN.encode()).digest()
    text = BUILTIN.replace('"', '\\"')
    return [
        f'-DFAKE_BUILTIN="{text}"',
        f"-DFAKE_BUILTIN_SHA256={','.join(map(str, digest))}",
        *defines(HIL_MODEL_SLOT_BYTES=0),
    ]


def compiled(output: Path, arguments: Sequence[str], *, compiler: str = "gcc") -> Path:
    """Compile and link *arguments* without a warning."""
    argv = [compiler, *WARNINGS, *INCLUDES, *arguments, "-o", str(output)]
    run(argv, deadline=Deadline(120))
    return output


@dataclass
class Builder:
    """Builds each kind of image once."""

    folder: Path
    builtin: bytes = BUILTIN.encode()
    _built: dict[tuple[str, ...], Path] = field(default_factory=dict)

    def device(
        self,
        *,
        frozen_clock: bool = False,
        with_builtin: bool = False,
        sanitized: bool = True,
        **changes: str | int,
    ) -> Path:
        """The board `native` with the fake engine; *changes* are defines."""
        return self.program(
            *(builtin_defines() if with_builtin else defines(**changes)),
            *(SANITIZERS if sanitized else ("-O1",)),
            *COMMON,
            *NATIVE,
            str(HERE / "fake_engine.c"),
            *(FROZEN_CLOCK if frozen_clock else ()),
        )

    def wire(self) -> Path:
        """The framing alone; see wire_lines.c."""
        framing = TEMPLATES / "common" / "hil_wire.c"
        return self.program(*SANITIZERS, str(framing), str(HERE / "wire_lines.c"))

    def painted_stack(self) -> Path:
        """A program that runs on a stack which hil_stack.c paints."""
        # A sanitizer would refuse both the painting and the looking.
        stack = TEMPLATES / "common" / "hil_stack.c"
        return self.program("-O1", str(stack), str(HERE / "painted_stack.c"))

    def stm32f4_line(self) -> Path:
        """The STM32F4's port beside a USART; see stm32f4_line.c."""
        return self.program(
            *SANITIZERS,
            *("-DHIL_RX_BUFFER_BYTES=64", "-DHIL_START_BAUD=115200"),
            f"-I{TEMPLATES / 'boards'}",
            f"-I{TEMPLATES / 'boards' / 'common'}",
            str(TEMPLATES / "common" / "hil_port_optional.c"),
            str(HERE / "stm32f4_line.c"),
        )

    def fuzzer(self) -> Path:
        """The rounds of fuzz_device.c without libFuzzer."""
        sources = [path for path in COMMON if not path.endswith("hil_main.c")]
        return self.program(
            *defines(HIL_STAGING_BYTES=512, HIL_MODEL_SLOT_BYTES=2048),
            *SANITIZERS,
            "-DFUZZ_MAIN",
            "-DFAKE_NEVER_CRASHES",
            "-D_DEFAULT_SOURCE",
            *sources,
            str(HERE / "fake_engine.c"),
            str(HERE / "fuzz_device.c"),
        )

    def objects(self, compiler: str, *flags: str, **changes: str | int) -> list[Path]:
        """The portable sources, compiled one by one and not linked."""
        made = []
        for source in COMMON:
            output = self.folder / f"{Path(source).stem}-{len(self._built)}.o"
            arguments = [*defines(**changes), *flags, "-c", source]
            made.append(compiled(output, arguments, compiler=compiler))
        return made

    def program(self, *arguments: str) -> Path:
        """Any program of these sources and flags."""
        if arguments not in self._built:
            path = self.folder / f"program-{len(self._built)}"
            self._built[arguments] = compiled(path, arguments)
        return self._built[arguments]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed: apt install gcc")
    return Builder(tmp_path_factory.mktemp("firmware"))
