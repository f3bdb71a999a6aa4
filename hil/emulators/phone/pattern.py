"""Shell globs and grep's basic regular expressions, matched in linear memory and time.

Patterns come from whoever connects, so that a backtracking engine (Python's `re`)
could be made to hang. Here the set of all reachable states is followed at once: the
cost is at most len(pattern) * len(text).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ESCAPE = "\\"


@dataclass(frozen=True, slots=True)
class _Item:
    """One character to match, or any number of it."""

    characters: frozenset[str]
    ranges: tuple[tuple[str, str], ...] = ()
    inverted: bool = False
    repeated: bool = False

    def matches(self, character: str) -> bool:
        found = character in self.characters or any(
            low <= character <= high for low, high in self.ranges
        )
        return found != self.inverted


_ANY = _Item(frozenset(), inverted=True)


class Pattern:
    """A compiled pattern; make one with `glob` or `regex`."""

    def __init__(
        self, items: Sequence[_Item], *, anchored_start: bool, anchored_end: bool
    ) -> None:
        self._items = items
        self._anchored_start = anchored_start
        self._anchored_end = anchored_end

    def search(self, text: str) -> bool:
        """Whether the pattern is found in *text*."""
        states = self._closed({0})
        last = len(self._items)
        for character in text:
            if last in states and not self._anchored_end:
                return True
            following = {
                state if self._items[state].repeated else state + 1
                for state in states
                if state < last and self._items[state].matches(character)
            }
            if not self._anchored_start:
                following.add(0)
            states = self._closed(following)
            if not states:
                return False
        return last in states

    def _closed(self, states: set[int]) -> set[int]:
        """Add the states that are reached by repeating an item no times at all."""
        for state in sorted(states):
            at = state
            while at < len(self._items) and self._items[at].repeated:
                at += 1
                states.add(at)
        return states


def glob(text: str) -> Pattern:
    """Compile a shell glob: `*`, `?`, `[abc]`, `[!a-z]`; a backslash quotes."""
    items: list[_Item] = []
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == "*":
            items.append(_Item(frozenset(), inverted=True, repeated=True))
        elif character == "?":
            items.append(_ANY)
        elif character == "[" and (found := _set(text, at)) is not None:
            item, at = found
            items.append(item)
        else:
            if character == _ESCAPE and at < len(text):
                character = text[at]
                at += 1
            items.append(_Item(frozenset(character)))
    return Pattern(items, anchored_start=True, anchored_end=True)


def regex(text: str) -> Pattern:
    """Compile a simple regular expression: `.`, `*`, `[..]`, `^`, `$`, backslash."""
    start = text.startswith("^")
    body = text[1:] if start else text
    end = body.endswith("$") and not body.endswith("\\$")
    body = body[:-1] if end else body
    items: list[_Item] = []
    at = 0
    while at < len(body):
        character = body[at]
        at += 1
        if character == "*" and items:
            last = items[-1]
            items[-1] = _Item(
                last.characters, last.ranges, last.inverted, repeated=True
            )
        elif character == ".":
            items.append(_ANY)
        elif character == "[" and (found := _set(body, at)) is not None:
            item, at = found
            items.append(item)
        else:
            if character == _ESCAPE and at < len(body):
                character = body[at]
                at += 1
            items.append(_Item(frozenset(character)))
    return Pattern(items, anchored_start=start, anchored_end=end)


def literal(text: str) -> Pattern:
    """Compile *text* as it stands (grep -F)."""
    items = [_Item(frozenset(character)) for character in text]
    return Pattern(items, anchored_start=False, anchored_end=False)


def _set(text: str, start: int) -> tuple[_Item, int] | None:
    """Read what stands in brackets from *start*; None where they never close."""
    inverted = text[start : start + 1] in {"!", "^"}
    at = start + 1 if inverted else start
    end = text.find("]", at + 1)
    if end < 0:
        return None
    characters: set[str] = set()
    ranges: list[tuple[str, str]] = []
    while at < end:
        if text[at + 1 : at + 2] == "-" and at + 2 < end:
            ranges.append((text[at], text[at + 2]))
            at += 3
        else:
            characters.add(text[at])
            at += 1
    return _Item(frozenset(characters), tuple(ranges), inverted), end + 1
