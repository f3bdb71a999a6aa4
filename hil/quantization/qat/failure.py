"""Errors on their way from the child to its parent, and a child that died."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

from hil.errors import (
    ConfigError,
    HilError,
    ModelError,
    ToolError,
    ToolMissing,
    WrongQuantization,
)
from hil.printable import printable
from hil.quantization.qat.request import INSTALL

if TYPE_CHECKING:
    from pathlib import Path

_CLASSES: Final = {
    each.__name__: each
    for each in (HilError, ConfigError, ModelError, WrongQuantization)
}
_PARTS = ("what", "where", "found", "allowed", "remedy")
_MISSING = "missing"
_LONGEST = 400


def error_to_json(error: HilError) -> dict[str, str | None]:
    """Return what `error_from_json` rebuilds the error of."""
    name = type(error).__name__
    told = {part: getattr(error, part) for part in _PARTS}
    return {**told, "class": name if name in _CLASSES else "HilError"}


def missing_to_json(package: str) -> dict[str, str | None]:
    """Return the error of a package that is not installed."""
    return {_MISSING: package}


def error_from_json(told: dict[str, str | None]) -> HilError:
    """Return the error that the child met."""
    if _MISSING in told:
        return ToolMissing((str(told[_MISSING]),), remedy=INSTALL)
    parts = {part: told[part] for part in _PARTS if part != "what"}
    return _CLASSES[str(told["class"])](str(told["what"]), **parts)


def child_failed(
    argv: tuple[str, ...], exit_code: int | None, *, log_path: Path
) -> ToolError:
    """Return the error of a child that died, or, without an exit code, was too slow."""
    text = log_path.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = printable(lines[-1][:_LONGEST]) if lines else "the log is empty"
    if exit_code is None:
        remedy = f"--timeout, fewer epochs or trials; the log is {log_path}"
    elif exit_code == -signal.SIGKILL:
        last = f"it was killed, as the kernel does when memory runs out; {last}"
        remedy = f"fewer samples or a smaller --batch; the log is {log_path}"
    else:
        remedy = f"the log is {log_path}"
        if exit_code < 0:
            last = f"{signal.Signals(-exit_code).name}: {last}"
    command = ("the fine-tuning", *argv[1:3])
    return ToolError(command, exit_code=exit_code, tail=last, remedy=remedy)
