"""What an image takes of flash and RAM, by kind, read from its ELF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from hil.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The output sections of firmware_templates/boards/common/cortex_m_sections.ld.
_FLASH = {
    ".vectors": "code_bytes",
    ".text": "code_bytes",
    ".kernels": "kernels_bytes",
    ".model": "model_bytes",
}
_RAM = {
    ".arena": "arena_bytes",
    ".stack": "stack_bytes",
    ".data": "static_bytes",
    ".bss": "static_bytes",
    ".noinit": "static_bytes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSizes:
    """Bytes of flash and of RAM.

    `code_bytes` is the firmware itself with the C library, `kernels_bytes` the
    engine's operators, `model_bytes` the model's constants and `other_bytes` what
    static data begins with, unwind tables, and gaps for alignment.
    """

    code_bytes: int = 0
    kernels_bytes: int = 0
    model_bytes: int = 0
    other_bytes: int = 0
    arena_bytes: int = 0
    stack_bytes: int = 0
    static_bytes: int = 0

    @property
    def flash_bytes(self) -> int:
        """All that is written to the flash."""
        flash = self.code_bytes + self.kernels_bytes + self.model_bytes
        return flash + self.other_bytes

    @property
    def ram_bytes(self) -> int:
        """All RAM that is taken."""
        return self.arena_bytes + self.stack_bytes + self.static_bytes

    def figures(self) -> Mapping[str, int]:
        """Return the sizes by the names of the result JSON; the arena is measured."""
        return {
            "flash_bytes": self.flash_bytes,
            "flash_code_bytes": self.code_bytes,
            "flash_kernels_bytes": self.kernels_bytes,
            "flash_model_bytes": self.model_bytes,
            "flash_other_bytes": self.other_bytes,
            "ram_bytes": self.ram_bytes,
            "ram_stack_bytes": self.stack_bytes,
            "ram_static_bytes": self.static_bytes,
        }


def read_sizes(elf: Path) -> ImageSizes:
    """Return the sizes of the image *elf*; ToolError where it is no ELF file."""
    try:
        with elf.open("rb") as stream:
            return _sizes(ELFFile(stream))
    except (OSError, ELFError) as exc:
        raise ToolError(
            ("read", str(elf)), exit_code=1, tail=f"not an image: {exc}"
        ) from exc


def _sizes(image: ELFFile) -> ImageSizes:
    totals: dict[str, int] = {}
    for section in image.iter_sections():
        if not section["sh_flags"] & SH_FLAGS.SHF_ALLOC:
            continue
        for table in (_FLASH, _RAM):
            if section.name in table:
                kind = table[section.name]
                totals[kind] = totals.get(kind, 0) + section["sh_size"]
    named = sum(totals.get(kind, 0) for kind in set(_FLASH.values()))
    return ImageSizes(**totals, other_bytes=_flash_extent(image) - named)


def _flash_extent(image: ELFFile) -> int:
    """Return the bytes from the first to the last that is written to the flash."""
    loads: list[tuple[int, int]] = [
        (segment["p_paddr"], segment["p_paddr"] + segment["p_filesz"])
        for segment in image.iter_segments("PT_LOAD")
        if segment["p_filesz"]
    ]
    return max(end for _, end in loads) - min(begin for begin, _ in loads)
