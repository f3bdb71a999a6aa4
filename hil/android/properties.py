"""The output of `getprop`, parsed."""

from __future__ import annotations

import re

_START = re.compile(r"\[(?P<key>[^\]]+)\]: \[")


def parse_properties(text: str) -> dict[str, str]:
    """Return the properties that `getprop` printed, one `[key]: [value]` an entry.

    A value may hold line ends and brackets, so an entry ends at the first bracket at a
    line's end that another entry, or the end of the text, follows. What never ends is
    left out.
    """
    lines = text.replace("\r\n", "\n").rstrip().split("\n")
    starts = [_START.match(line) for line in lines]
    found: dict[str, str] = {}
    key, value = "", [""]
    for index, line in enumerate(lines):
        start = starts[index]
        if not key and start is not None:
            key, value = start["key"], [line[start.end() :]]
        elif key:
            value.append(line)
        is_last = index + 1 == len(lines) or starts[index + 1] is not None
        if key and is_last and value[-1].endswith("]"):
            found[key] = "\n".join(value)[:-1]
            key = ""
    return found
