"""The command line of QEMU for a board's image."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hil.vocab import DeviceProfile


def qemu_program(profile: DeviceProfile) -> str:
    """Return the QEMU that emulates the core of *profile*."""
    is_riscv = profile.arch.startswith("rv32")
    return "qemu-system-riscv32" if is_riscv else "qemu-system-arm"


def qemu_argv(profile: DeviceProfile, elf: Path) -> list[str]:
    """Return the command that runs *elf* with its line on standard input and output.

    The firmware reaches them by semihosting, or by the serial port that the profile
    names.
    """
    qemu = profile.qemu
    assert qemu is not None
    argv = [qemu_program(profile), "-M", qemu.machine]
    if profile.arch.startswith("rv32"):
        argv += ["-bios", "none"]
    argv += ["-icount", f"shift={qemu.icount_shift}"]
    argv += ["-monitor", "none", "-display", "none", "-nic", "none"]
    if qemu.serial is None:
        argv += ["-serial", "null"]
    else:
        argv += ["-serial", "null"] * qemu.serial
        argv += ["-chardev", "stdio,id=line,signal=off", "-serial", "chardev:line"]
    argv += ["-semihosting-config", "enable=on,target=native"]
    return [*argv, "-kernel", str(elf)]
