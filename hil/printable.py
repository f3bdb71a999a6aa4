"""Text from a device, a model or a file, made safe to show on a terminal."""

from __future__ import annotations


def printable(text: str, *, keep_lines: bool = False) -> str:
    r"""Return *text* with its control characters shown (\x1b), not obeyed.

    Characters that reorder or hide others count as control characters. Line ends stay
    where *keep_lines* is set.
    """
    return "".join(
        c if c.isprintable() or (keep_lines and c == "\n") else _shown(c) for c in text
    )


def _shown(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
