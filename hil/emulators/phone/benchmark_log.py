"""How benchmark_model speaks and fails: log lines on two streams, two exceptions."""

from __future__ import annotations

import os

_STDOUT = 1
_STDERR = 2


class Failed(Exception):
    """The benchmark ends with "Benchmarking failed."; its text is logged as ERROR."""


class Fatal(Exception):
    """What the real program checks with a FATAL log: it aborts."""


def info(text: str) -> None:
    """Log *text* as INFO, on standard output."""
    _line(_STDOUT, f"INFO: {text}")


def warn(text: str) -> None:
    """Log *text* as WARN, on standard output."""
    _line(_STDOUT, f"WARN: {text}")


def error(text: str) -> None:
    """Log *text* as ERROR, on standard error."""
    _line(_STDERR, f"ERROR: {text}")


def fatal(text: str) -> None:
    """Log *text* as FATAL, on standard error; the caller aborts then."""
    _line(_STDERR, f"FATAL: {text}")


def _line(descriptor: int, text: str) -> None:
    # Not buffered, so that a crash of the library loses no line before it.
    os.write(descriptor, f"{text}\n".encode(errors="surrogateescape"))
