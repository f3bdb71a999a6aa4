"""How a child process of the converter ended, as a HilError."""

from __future__ import annotations

import re
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

if TYPE_CHECKING:
    from pathlib import Path

INSTALL: Final = "pip install 'hil[convert]'"
MISSING: Final = {"class": "ToolMissing"}  # for error_from_json: no TensorFlow
_CLASSES: Final = {
    each.__name__: each
    for each in (HilError, ConfigError, ModelError, WrongQuantization)
}
_PARTS = ("what", "where", "found", "allowed", "remedy")
BEGUN: Final = "hil: "  # how the child's line about the next request begins
_LOG_BYTES = 256 * 1024  # of the end of a log, which holds the reason
_LONGEST = 400
# The lines that say why, the strongest first. MLIR prints "error:", abseil "F0000" or
# "[... F ...]", the C++ runtime "what():", Python the exception's name at its end.
_REASONS = (
    re.compile(r"^\s*what\(\):"),
    re.compile(r"^(F\d{4} |.*Check failed: )"),
    re.compile(r"^Fatal Python error: "),
    re.compile(r"(^|\s)error: "),
    re.compile(r"^[\w.]*(Error|Exception|Killed|Interrupt)\b"),
)
_SUMMARY = "failed while converting"  # MLIR's last error repeats that there was one
# MLIR's place in a graph; it is long and says nothing to a person.
_PLACE = re.compile(r'^(loc\(.*?\)|<unknown>:0|"[^"]*"\([^)]*\)): ')


def error_to_json(error: HilError) -> dict[str, str | None]:
    """Return what `error_from_json` rebuilds the error of."""
    name = type(error).__name__
    told = {part: getattr(error, part) for part in _PARTS}
    return {**told, "class": name if name in _CLASSES else "HilError"}


def error_from_json(told: object) -> HilError:
    """Return the error that the child met."""
    assert isinstance(told, dict)
    if told == MISSING:
        return ToolMissing(("tensorflow",), remedy=INSTALL)
    parts = {part: told[part] for part in _PARTS if part != "what"}
    return _CLASSES[told["class"]](told["what"], **parts)


def child_failed(subject: str, exit_code: int | None, *, log_path: Path) -> ToolError:
    """Return the error of a child that died, or, without an exit code, was too slow.

    *subject* is what it worked on.
    """
    line = decisive_line(log_path)
    command = ("TensorFlow's converter", subject)
    if exit_code is None:
        return ToolError(
            command,
            exit_code=None,
            tail=f"the last line of the log: {line}",
            remedy=f"more time, or a smaller model; the log is {log_path}",
        )
    if exit_code == -signal.SIGKILL:
        return ToolError(
            command,
            exit_code=exit_code,
            tail="it was killed, as the kernel does when memory runs out; "
            f"the last line of the log: {line}",
            remedy="a machine with more memory (`dmesg` tells of an out-of-memory "
            f"kill), fewer samples, or one mode at a time; the log is {log_path}",
        )
    known = {each.value: f"{each.name}: " for each in signal.Signals}
    name = known.get(-exit_code, "")
    return ToolError(
        command,
        exit_code=exit_code,
        tail=f"{name}{line}",
        remedy=f"the log is {log_path}",
    )


def decisive_line(log_path: Path) -> str:
    """Return the line of the log that says why, else its last one."""
    with log_path.open("rb") as log:
        size_bytes = log.seek(0, 2)
        log.seek(max(0, size_bytes - _LOG_BYTES))
        text = log.read().decode(errors="replace")
    # Lines of earlier requests do not say why this one ended.
    return decisive(text[text.rfind(f"\n{BEGUN}") + 1 :]) or "the log is empty"


def decisive(text: str) -> str:
    """Return the line of *text* that says why something failed, else its last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for reason in _REASONS:
        found = [line for line in lines if reason.search(line) and _SUMMARY not in line]
        if found:
            return _short(found[-1])
    return _short(lines[-1]) if lines else ""


def _short(line: str) -> str:
    return printable(_PLACE.sub("", line))[:_LONGEST]
