"""Names in C: any file name becomes part of a valid identifier."""

from __future__ import annotations

import re
import unicodedata

_LIMIT = 40  # with its prefix and suffix well below the 63 characters of C99
_FALLBACK = "model"


def identifier(text: str) -> str:
    """Return *text* as a part of C identifiers and file names, never empty.

    Accents are dropped and every other run of characters that C does not know becomes
    one underscore, so no name has the double underscores that C++ reserves. The result
    may start with a digit or be a keyword: it stands only behind a prefix (`g_`). Two
    texts may give one name ("a-b" and "a.b", or two that begin alike and are longer
    than 40 characters); models that are linked together need names of their own.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
    return words[:_LIMIT].rstrip("_") or _FALLBACK


def comment(text: str) -> str:
    """Return *text* fit for a C comment: it can end neither the comment nor its line.

    What is not plain ASCII is written as <U+XXXX>, and so are the characters that
    comments and trigraphs are made of: the asterisk, the question mark, the backslash.
    """
    return "".join(
        char if " " <= char <= "~" and char not in "*?\\" else f"<U+{ord(char):04X}>"
        for char in text
    )
