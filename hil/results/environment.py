"""What a run ran on: versions, commit and host, written once into its folder."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

from hil import __version__, tools
from hil.deadline import Deadline
from hil.errors import ToolError

_PACKAGES = (
    "adb-shell",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "numpy",
    "pyserial",
    "tflite",
    "tflite-micro",
)


def capture() -> dict[str, object]:
    """Return what a reader needs to know to repeat the run; absent means unknown."""
    environment: dict[str, object] = {
        "hil": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "packages": _packages(),
    }
    cpu = _cpu_model()
    commit = _commit()
    if cpu:
        environment["cpu"] = cpu
    if commit:
        environment["git_sha"] = commit
    return environment


def _packages() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return next((name.strip() for name in names), None)


def _commit() -> str | None:
    """Return the commit of hil's own checkout; None outside one or without git."""
    root = Path(__file__).resolve().parent.parent.parent
    if not (root / ".git").exists():
        return None
    try:
        output = tools.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], deadline=Deadline(5)
        )
    except ToolError:
        return None
    return output.stdout.decode().strip()
