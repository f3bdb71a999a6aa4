"""Words of a script become arguments: variables, substitutions, splitting, globs."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, Protocol

from hil.emulators.phone.lexer import Substitution, Text, Variable
from hil.emulators.phone.paths import normal, refusal
from hil.emulators.phone.pattern import glob

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.emulators.phone.lexer import Word
    from hil.emulators.phone.storage import Storage

MAX_EXPANDED_CHARACTERS: Final = 1 << 20
_GLOB = frozenset("*?[")
_ESCAPED = frozenset("*?[]\\")


class Values(Protocol):
    """What the words of a script may refer to."""

    @property
    def cwd(self) -> str:
        """The folder that relative globs start from."""

    @property
    def storage(self) -> Storage:
        """The file system that globs look into."""

    @property
    def positional(self) -> Sequence[str]:
        """The arguments of the script, `$1` first."""

    def value(self, name: str) -> str:
        """Return the value of a variable or parameter, "" where it is unset."""

    async def substitute(self, substitution: Substitution) -> str:
        """Return what the commands print, or the value of the arithmetic."""


class _Field:
    """One argument in the making, with what is quoted in it told apart."""

    def __init__(self) -> None:
        self.text = ""
        self.pattern = ""
        self.globs = False

    def add(self, text: str, *, quoted: bool) -> None:
        self.text += text
        if quoted:
            self.pattern += "".join(f"\\{c}" if c in _ESCAPED else c for c in text)
        else:
            self.pattern += text
            self.globs = self.globs or not _GLOB.isdisjoint(text)


async def expand(words: Iterable[Word], values: Values) -> list[str]:
    """Return the arguments that *words* become; OSError (E2BIG) where too many."""
    arguments: list[str] = []
    total = 0
    for word in words:
        for field in await _fields(word, values):
            found = _matches(field, values) if field.globs else []
            arguments += found or [field.text]
            total += sum(map(len, found)) or len(field.text)
            if total > MAX_EXPANDED_CHARACTERS:
                raise refusal(errno.E2BIG, "")
    return arguments


async def expand_one(word: Word, values: Values) -> str:
    """Return *word* as one text, neither split nor globbed: a value or a file name."""
    parts: list[str] = []
    total = 0
    for piece in word.pieces:
        if isinstance(piece, Text):
            parts.append(piece.text)
        elif isinstance(piece, Variable):
            parts.append(values.value(piece.name))
        else:
            parts.append(await values.substitute(piece))
        total += len(parts[-1])
        if total > MAX_EXPANDED_CHARACTERS:
            raise refusal(errno.E2BIG, "")
    return "".join(parts)


async def _fields(word: Word, values: Values) -> list[_Field]:
    fields: list[_Field] = []
    current: _Field | None = None
    total = 0
    for piece in word.pieces:
        if isinstance(piece, Text):
            current = current or _Field()
            current.add(piece.text, quoted=piece.quoted)
            continue
        if isinstance(piece, Variable) and piece.name == "@" and piece.quoted:
            for index, argument in enumerate(values.positional):
                if index or current is None:
                    fields += [current] if current else []
                    current = _Field()
                current.add(argument, quoted=True)
            continue
        text = (
            values.value(piece.name)
            if isinstance(piece, Variable)
            else await values.substitute(piece)
        )
        total += len(text)
        if total > MAX_EXPANDED_CHARACTERS:
            raise refusal(errno.E2BIG, "")
        if piece.quoted:
            current = current or _Field()
            current.add(text, quoted=True)
        else:
            current = _split(text, current, fields)
    return [*fields, current] if current else fields


def _split(text: str, current: _Field | None, fields: list[_Field]) -> _Field | None:
    """Cut *text* at its blanks; whole fields go to *fields*, the last is returned."""
    parts = text.split()
    if text[:1].isspace() and current:
        fields.append(current)
        current = None
    for index, part in enumerate(parts):
        if index and current:
            fields.append(current)
            current = None
        current = current or _Field()
        current.add(part, quoted=False)
    if parts and text[-1:].isspace() and current:
        fields.append(current)
        current = None
    return current


def _matches(field: _Field, values: Values) -> list[str]:
    """Return the sorted paths that a field's pattern finds, written as it was."""
    absolute = field.pattern.startswith("/")
    found = ["/" if absolute else ""]
    for part in field.pattern.split("/"):
        if not part:
            continue
        following: list[str] = []
        for prefix in found:
            separator = "" if not prefix or prefix.endswith("/") else "/"
            following += [
                f"{prefix}{separator}{name}" for name in _names(prefix, part, values)
            ]
        found = following
    return sorted(found)


def _names(prefix: str, part: str, values: Values) -> list[str]:
    """Return the names in the folder *prefix* that one part of a pattern matches."""
    folder = normal(prefix or ".", values.cwd)
    if _GLOB.isdisjoint(part):
        name = part.replace("\\", "")
        exists = name in {".", ".."} or values.storage.exists(
            f"{folder.rstrip('/')}/{name}"
        )
        return [name] if exists else []
    pattern = glob(part)
    try:
        names = values.storage.names(folder)
    except OSError:
        return []
    hidden = part.startswith(".")
    return [
        name
        for name in names
        if pattern.search(name) and (hidden or not name.startswith("."))
    ]
