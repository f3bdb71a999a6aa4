"""Text from a device, made safe for a terminal."""

from __future__ import annotations

_KEPT = "\n\t"


def printable(text: str | bytes) -> str:
    """Return *text* with control characters shown and not obeyed.

    Line ends and tabs stay. Direction marks and other invisible characters are shown
    too, since they can make a line read as something else. Bytes that are no UTF-8 are
    shown by their value.
    """
    if isinstance(text, bytes):
        text = text.decode(errors="backslashreplace")
    text = text.replace("\r\n", "\n")
    return "".join(c if c.isprintable() or c in _KEPT else _shown(c) for c in text)


def tail(text: str | bytes, *, lines: int = 12) -> str:
    """Return the last *lines* lines of *text* that are not empty, made printable."""
    full = [line.rstrip() for line in printable(text).split("\n") if line.strip()]
    return "\n".join(full[-lines:])


def _shown(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004 - what \x can say
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004
