"""`hil doctor`: what is missing on this machine, and the command that installs it."""

from __future__ import annotations

import grp
import importlib.metadata
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hil import tools
from hil.cli.output import print_json, print_result
from hil.deadline import Deadline
from hil.errors import ToolError
from hil.links.serial_identity import attached_ports
from hil.printable import printable
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.links.serial_identity import PortIdentity

app = typer.Typer(add_completion=False)

_PACKAGES = (
    ("ai-edge-litert", True, "runs models on the host and in the emulated phone"),
    ("ai-edge-quantizer", True, "hil quantize"),
    ("tflite-micro", True, "TFLite Micro's kernels: the emulated microcontroller"),
    ("pyserial", True, "boards on a serial port"),
    ("adb-shell", True, "phones over ADB"),
    ("tensorflow-cpu", False, "training the example model"),
)
_TOOLS = (
    (("adb", "version"), "adb", "phones over USB, tests of the emulated phone"),
    (("cmake", "--version"), "cmake make", "firmware for any board"),
    (("qemu-system-arm", "--version"), "qemu-system-arm", "emulated Cortex-M boards"),
    (
        ("qemu-system-riscv32", "--version"),
        "qemu-system-misc",
        "emulated RISC-V boards",
    ),
    (
        ("arm-none-eabi-gcc", "--version"),
        "gcc-arm-none-eabi libnewlib-arm-none-eabi",
        "firmware for Cortex-M",
    ),
    (
        ("riscv64-unknown-elf-gcc", "--version"),
        "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
        "firmware for RISC-V",
    ),
    (("chromium", "--version"), "chromium", "tests of HTML reports"),
)
_SERIAL_GROUP = "dialout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that hil uses, and whether it is there."""

    name: str
    purpose: str
    required: bool
    found: str | None
    remedy: str | None = None


@app.command()
def doctor(
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Say what is missing and how to install it; exit 3 if hil cannot work."""
    findings = [
        *_packages(),
        *_tools(),
        _pty(),
        _serial_group(),
        *serial_ports(attached_ports()),
    ]
    if json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    missing = any(f.required and f.found is None for f in findings)
    raise typer.Exit(3 if missing else 0)


def _packages() -> list[Finding]:
    findings = []
    for name, required, purpose in _PACKAGES:
        try:
            found: str | None = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = None
        remedy = f"{sys.executable} -m pip install --pre {name}"
        findings.append(_finding(name, purpose, found, remedy, required=required))
    return findings


def _tools() -> list[Finding]:
    findings = []
    for argv, packages, purpose in _TOOLS:
        remedy = f"apt-get install {packages}"
        findings.append(
            _finding(argv[0], purpose, _version(argv), remedy, required=False)
        )
    return findings


def _version(argv: tuple[str, ...]) -> str | None:
    if shutil.which(argv[0]) is None:
        return None
    try:
        output = tools.run(argv, deadline=Deadline(10))
    except ToolError as exc:
        return f"does not run: {exc.tail.strip()}"
    return output.stdout.decode(errors="replace").partition("\n")[0].strip()


def _pty() -> Finding:
    found = "/dev/ptmx" if os.access("/dev/ptmx", os.R_OK | os.W_OK) else None
    remedy = "mount devpts (docker run --tty, or mount -t devpts devpts /dev/pts)"
    purpose = "the emulated microcontroller"
    return _finding("pseudo-terminals", purpose, found, remedy, required=True)


def _serial_group() -> Finding:
    remedy = f"sudo usermod -aG {_SERIAL_GROUP} $USER, then log in again"
    purpose = "serial ports without root"
    try:
        group = grp.getgrnam(_SERIAL_GROUP).gr_gid
    except KeyError:
        found = f"no group {_SERIAL_GROUP} on this system"
        return _finding("serial permission", purpose, found, remedy, required=False)
    allowed = os.geteuid() == 0 or group in os.getgroups()
    found = "root" if os.geteuid() == 0 else _SERIAL_GROUP
    return _finding(
        "serial permission", purpose, found if allowed else None, remedy, required=False
    )


def serial_ports(ports: Sequence[PortIdentity]) -> list[Finding]:
    """Return for each attached USB port whether this user may open it."""
    findings = []
    for port in ports:
        if port.vid_pid is None:
            continue  # the machine's own; nobody asked for it
        found = str(port) if os.access(port.device, os.R_OK | os.W_OK) else None
        vendor, _, product = port.vid_pid.partition(":")
        # A rule names the device, not its port, so a debug tool may open it too.
        rule = (
            f'SUBSYSTEMS=="usb", ATTRS{{idVendor}}=="{vendor}", '
            f'ATTRS{{idProduct}}=="{product}", MODE="0660", GROUP="{_SERIAL_GROUP}"'
        )
        remedy = (
            f"join the group {_SERIAL_GROUP}, or write {rule} to "
            "/etc/udev/rules.d/70-hil.rules, then: sudo udevadm control --reload && "
            "sudo udevadm trigger"
        )
        name = f"serial port {port.device}"
        findings.append(
            _finding(name, "the board on it", found, remedy, required=False)
        )
    return findings


def _finding(
    name: str, purpose: str, found: str | None, remedy: str, *, required: bool
) -> Finding:
    return Finding(
        name=name,
        purpose=purpose,
        required=required,
        found=found,
        remedy=None if found else remedy,
    )


def _print(findings: list[Finding]) -> None:
    table = PlainTable()
    for column in ("", "what", "found", "needed for"):
        table.add_column(column)
    for finding in findings:
        mark = "ok" if finding.found else ("MISSING" if finding.required else "absent")
        found = finding.found or finding.remedy or ""
        table.add_row(mark, finding.name, Text(printable(found)), Text(finding.purpose))
    print_result(table)
