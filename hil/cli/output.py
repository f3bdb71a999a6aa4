"""Where results and progress go: results to stdout, all else to stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console

from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

# A pipe has no width; rows should not fold there.
_WIDTH_WITHOUT_TERMINAL: Final = 200


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON document, the only thing on stdout."""
    print(json.dumps(document, indent=2))


def print_result(result: RenderableType) -> None:
    """Print tables and text for a person."""
    result_console().print(result)


def result_console() -> Console:
    """Return the console for results, as wide as the terminal or a long line."""
    return Console(
        width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL,
        highlight=False,
    )


def progress_console() -> Console:
    """Return the console for progress, which goes to stderr."""
    return Console(stderr=True, highlight=False)


def note(text: str) -> None:
    """Tell the person something beside the result."""
    print(printable(text, keep_lines=True), file=sys.stderr)
