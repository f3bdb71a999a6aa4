"""Text from a device, a model or a file, made safe to show on a terminal."""

from __future__ import annotations

_LINES = "\n\t"


def printable(text: str | bytes, *, keep_lines: bool = False) -> str:
    r"""Return *text* with its control characters shown (\x1b), not obeyed.

    Characters that reorder or hide others count as control characters. Bytes that are
    no UTF-8 are shown by their value. Where *keep_lines* is set, line ends and tabs
    stay, and a CR LF is one line end.
    """
    if isinstance(text, bytes):
        text = text.decode(errors="backslashreplace")
    # A subclass of str may say of itself that it is markup, which this text is not.
    if type(text) is str and text.isprintable():
        return text
    if keep_lines:
        text = text.replace("\r\n", "\n")
    return "".join(
        c if c.isprintable() or (keep_lines and c in _LINES) else _shown(c)
        for c in text
    )


def tail(text: str | bytes, *, lines: int = 12) -> str:
    """Return the last *lines* lines of *text* that are not empty, made printable."""
    shown = printable(text, keep_lines=True).split("\n")
    return "\n".join([line.rstrip() for line in shown if line.strip()][-lines:])


def _shown(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
