"""Many small files of a phone in one answer: what `grep -H . FILE..` prints.

One process reads them all; a `cat` for each of two hundred would take seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.android.dump import whole_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

_VALUE = re.compile(r"(?P<path>[A-Za-z0-9_./-]+):(?P<value>.*)")
_REFUSAL = re.compile(r"grep: (?P<path>[^:]+): (?P<reason>[A-Z][A-Za-z /]{2,60})")


@dataclass(frozen=True, slots=True)
class SysfsFiles:
    """First lines by path, and why a path was not read."""

    values: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)


def parse_files(text: str) -> SysfsFiles:
    """Return what was read; a path that comes twice with two values is left out."""
    values: dict[str, str] = {}
    refusals: dict[str, str] = {}
    doubtful: set[str] = set()
    for line in whole_lines(text):
        refused = _REFUSAL.fullmatch(line)
        if refused is not None:
            refusals[refused["path"]] = refused["reason"]
            continue
        found = _VALUE.fullmatch(line)
        if found is None:
            continue
        path, value = found["path"], found["value"].strip()
        if values.setdefault(path, value) != value:
            doubtful.add(path)
    kept = {path: value for path, value in values.items() if path not in doubtful}
    return SysfsFiles(kept, refusals)
