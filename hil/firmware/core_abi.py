"""For which core code was compiled, read from ELF files and archives of them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import ARMAttributesSection

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAGIC = b"!<arch>\n"
_THIN_MAGIC = b"!<thin>\n"
_HEADER_BYTES = 60  # of a member; its size is at 48, ten characters
_INDEX_BYTES = {b"/": 4, b"/SYM64/": 8}  # the index of symbols; bytes of its numbers
_NAMES = b"//"
# Addenda to the ABI for the Arm architecture, "Tag_CPU_arch": those of the M profile.
_ARM_CORES = {
    10: "Armv7",
    11: "Armv6-M",
    12: "Armv6S-M",
    13: "Armv7E-M",
    16: "Armv8-M Baseline",
    17: "Armv8-M Mainline",
    21: "Armv8.1-M Mainline",
}
# Each core runs the code of those before it.
_ARM_ORDER = (11, 12, 16, 10, 13, 17, 21)
_RISCV_FLOAT_MASK = 6
_RISCV_FLOATS = {0: "soft", 2: "single", 4: "double", 6: "quad"}
_ANY_PRECISION = 0  # Tag_ABI_HardFP_use: as the FPU says; 1 is single alone
_FPV5 = 7  # Tag_FP_arch: 7 and 8 are the FPU of Armv8, 5 and 6 that of a Cortex-M4


@dataclass(frozen=True, slots=True)
class CoreAbi:
    """What code asks of a core, and how it passes floats.

    `arch` is Tag_CPU_arch for Arm; `float_abi` "core registers" or "VFP registers" for
    Arm, and what the ELF's flags say for RISC-V; `fpu` Tag_FP_arch, 0 without an FPU.
    """

    machine: str
    bits: int
    arch: int = 0
    float_abi: str = ""
    fpu: int = 0
    has_double: bool = False
    vectors: int = 0  # Tag_MVE_arch

    def __str__(self) -> str:
        """Return it in words."""
        if self.machine != "EM_ARM":
            floats = f", floats {self.float_abi}" if self.float_abi else ""
            return f"{self.machine.removeprefix('EM_')}, {self.bits} bits{floats}"
        words = [_ARM_CORES.get(self.arch, f"Arm architecture {self.arch}")]
        words.append(f"floats in {self.float_abi}")
        if self.fpu:
            precision = "double" if self.has_double else "single"
            version = "FPv5" if self.fpu >= _FPV5 else "FPv4"
            words.append(f"{version} of {precision} precision")
        if self.vectors:
            words.append("Helium")
        return ", ".join(words)

    def runs_on(self, core: CoreAbi) -> bool:
        """Whether code for this runs on *core* and links with code for it."""
        if (self.machine, self.bits) != (core.machine, core.bits):
            return False
        if self.float_abi != core.float_abi:
            return False
        if self.machine != "EM_ARM":
            return True
        if not {self.arch, core.arch} <= set(_ARM_ORDER):
            return self.arch == core.arch
        older = _ARM_ORDER.index(self.arch) <= _ARM_ORDER.index(core.arch)
        fits = self.fpu <= core.fpu and self.vectors <= core.vectors
        return older and fits and (core.has_double or not self.has_double)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A static library: what its members ask of a core, and its global symbols."""

    abis: tuple[CoreAbi, ...]
    symbols: frozenset[str]


def read_object(path: Path) -> CoreAbi:
    """Return for which core the object file *path* was compiled."""
    return _abi(path.read_bytes())


def read_archive(path: Path) -> Archive:
    """Return what the static library *path* says of itself.

    Raises ConfigError where it is no archive of ELF files.
    """
    try:
        data = path.read_bytes()
        symbols: frozenset[str] = frozenset()
        abis: set[CoreAbi] = set()
        for name, member in _members(data):
            if name in _INDEX_BYTES:
                symbols = _symbols(member, _INDEX_BYTES[name])
            elif name != _NAMES:
                abis.add(_abi(member))
    except (OSError, ELFError, ValueError) as exc:
        raise ConfigError(
            "this is no static library of ELF files",
            where=str(path),
            found=str(exc),
            remedy="build TFLite Micro's target microlite anew",
        ) from exc
    return Archive(abis=tuple(sorted(abis, key=str)), symbols=symbols)


def _members(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each member: ar(5), in GNU's form."""
    if data.startswith(_THIN_MAGIC):
        raise ValueError("a thin archive: its members are other files")
    if not data.startswith(_MAGIC):
        raise ValueError("it does not begin with !<arch>")
    at = len(_MAGIC)
    while at + _HEADER_BYTES <= len(data):
        size = int(data[at + 48 : at + 58])
        start = at + _HEADER_BYTES
        yield data[at : at + 16].rstrip(), data[start : start + size]
        at = start + size + size % 2


def _symbols(index: bytes, number_bytes: int) -> frozenset[str]:
    """Return the names of GNU's index: their count, as many offsets, and the names."""
    count = int.from_bytes(index[:number_bytes], "big")
    names = index[number_bytes * (count + 1) :].split(b"\0")
    return frozenset(name.decode("ascii", "replace") for name in names[:count])


def _abi(data: bytes) -> CoreAbi:
    elf = ELFFile(io.BytesIO(data))
    machine, bits = str(elf["e_machine"]), int(elf.elfclass)
    if machine == "EM_RISCV":
        floats = _RISCV_FLOATS[elf["e_flags"] & _RISCV_FLOAT_MASK]
        return CoreAbi(machine, bits, float_abi=floats)
    if machine != "EM_ARM":
        return CoreAbi(machine, bits)
    tags = _arm_tags(elf)
    fpu = tags.get("TAG_FP_ARCH", 0)
    return CoreAbi(
        machine,
        bits,
        arch=tags.get("TAG_CPU_ARCH", 0),
        float_abi="VFP registers" if tags.get("TAG_ABI_VFP_ARGS") else "core registers",
        fpu=fpu,
        has_double=bool(fpu) and tags.get("TAG_ABI_HARDFP_USE", 0) == _ANY_PRECISION,
        vectors=tags.get("TAG_MVE_ARCH", 0),
    )


def _arm_tags(elf: ELFFile) -> dict[str, int]:
    section = elf.get_section_by_name(".ARM.attributes")
    if not isinstance(section, ARMAttributesSection):
        return {}
    return {
        attribute.tag: attribute.value
        for vendor in section.iter_subsections()
        for scope in vendor.iter_subsubsections()
        for attribute in scope.iter_attributes()
        if isinstance(attribute.value, int)
    }
