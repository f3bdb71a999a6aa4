"""The text of a shell script as words and operators; a small part of mksh's grammar.

Words keep what quoting did to each of their pieces, because expansion needs it. What is
left out (here-documents, functions, case) is refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_OPERATOR = re.compile(r"&&|\|\||;;|<<|>>|>&|<&|[;&|()<>\n]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9?$#@*!-]")
_PLAIN = re.compile(r"[^\s;&|()<>\\'\"$`]+")
_BLANK = re.compile(r"(?:[ \t\r]|\\\n)+")
REDIRECTS: Final = frozenset({"<", ">", ">>", ">&", "<&"})


class ShellSyntaxError(Exception):
    """The script cannot be read; *status* is what the shell exits with.

    `incomplete` says that more text may complete it, as in a line typed by hand.
    """

    def __init__(self, text: str, *, status: int = 1, incomplete: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.incomplete = incomplete


@dataclass(frozen=True, slots=True)
class Text:
    """Characters that stand for themselves, but for globs where not quoted."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Variable:
    """`$NAME` or `${NAME}`."""

    name: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Substitution:
    """`$(...)`, or `$((...))` where *arithmetic* is set; parsed when it is run."""

    script: str
    quoted: bool
    arithmetic: bool = False


Piece = Text | Variable | Substitution


@dataclass(frozen=True, slots=True)
class Word:
    """What becomes one argument, or several, when it is expanded."""

    pieces: tuple[Piece, ...]

    @property
    def bare(self) -> str | None:
        """The text of a word that nothing was quoted or expanded in."""
        if len(self.pieces) == 1:
            piece = self.pieces[0]
            if isinstance(piece, Text) and not piece.quoted:
                return piece.text
        return None


@dataclass(frozen=True, slots=True)
class Operator:
    """`;`, `&&`, `|`, `>` ...; *descriptor* is the digit in `2>`."""

    text: str
    descriptor: int | None = None


Token = Word | Operator


class Lexer:
    """Cuts one script into tokens."""

    def __init__(self, script: str) -> None:
        self._script = script
        self._at = 0

    def tokens(self) -> list[Token]:
        """Return all tokens, or raise ShellSyntaxError."""
        found: list[Token] = []
        while True:
            self._skip_blanks()
            if self._at >= len(self._script):
                return found
            found.append(self._operator() or self._word())

    def _skip_blanks(self) -> None:
        if blank := _BLANK.match(self._script, self._at):
            self._at = blank.end()
        if self._script.startswith("#", self._at):
            end = self._script.find("\n", self._at)
            self._at = len(self._script) if end < 0 else end

    def _operator(self) -> Operator | None:
        descriptor = None
        at = self._at
        if self._script[at].isdigit() and self._script[at + 1 : at + 2] in {"<", ">"}:
            descriptor = int(self._script[at])
            at += 1
        found = _OPERATOR.match(self._script, at)
        if found is None:
            return None
        self._at = found.end()
        text = found[0]
        if text in {"<<", ";;"}:
            raise ShellSyntaxError(f"'{text}' is not supported here", status=2)
        return Operator(";" if text == "\n" else text, descriptor)

    def _word(self) -> Word:
        pieces: list[Piece] = []
        while self._at < len(self._script):
            character = self._script[self._at]
            if plain := _PLAIN.match(self._script, self._at):
                self._at = plain.end()
                pieces.append(Text(plain[0], quoted=False))
            elif character == "'":
                pieces.append(Text(self._until("'"), quoted=True))
            elif character == '"':
                self._at += 1
                pieces += self._double_quoted()
            elif character == "\\":
                pieces += self._escaped()
            elif character == "$":
                pieces.append(self._dollar(quoted=False))
            elif character == "`":
                raise ShellSyntaxError("'`' is not supported here: use $(..)", status=2)
            else:
                break
        return Word(tuple(pieces))

    def _until(self, quote: str) -> str:
        """Return what stands between the quote we are at and the next."""
        end = self._script.find(quote, self._at + 1)
        if end < 0:
            raise ShellSyntaxError("no closing quote", incomplete=True)
        text = self._script[self._at + 1 : end]
        self._at = end + 1
        return text

    def _escaped(self) -> list[Piece]:
        following = self._script[self._at + 1 : self._at + 2]
        self._at += 2
        return [] if following == "\n" else [Text(following, quoted=True)]

    def _double_quoted(self) -> list[Piece]:
        pieces: list[Piece] = [Text("", quoted=True)]  # "" is a word too
        while self._at < len(self._script):
            character = self._script[self._at]
            if character == '"':
                self._at += 1
                return pieces
            if character == "$":
                pieces.append(self._dollar(quoted=True))
                continue
            if character == "\\" and self._script[self._at + 1 : self._at + 2] in set(
                '$`"\\\n'
            ):
                pieces += self._escaped()
                continue
            end = self._at + 1
            while end < len(self._script) and self._script[end] not in '"$\\':
                end += 1
            pieces.append(Text(self._script[self._at : end], quoted=True))
            self._at = end
        raise ShellSyntaxError("no closing quote", incomplete=True)

    def _dollar(self, *, quoted: bool) -> Piece:
        self._at += 1
        if self._script.startswith("((", self._at):
            inside = self._balanced()
            if not (inside.startswith("(") and inside.endswith(")")):
                raise ShellSyntaxError("syntax error: unexpected '('")
            return Substitution(inside[1:-1], quoted, arithmetic=True)
        if self._script.startswith("(", self._at):
            return Substitution(self._balanced(), quoted)
        if self._script.startswith("{", self._at):
            end = self._script.find("}", self._at)
            name = self._script[self._at + 1 : end]
            if end < 0 or not _NAME.fullmatch(name):
                raise ShellSyntaxError(f"${{{name[:40]}}}: bad substitution")
            self._at = end + 1
            return Variable(name, quoted)
        if found := _NAME.match(self._script, self._at):
            self._at = found.end()
            return Variable(found[0], quoted)
        return Text("$", quoted)

    def _balanced(self) -> str:
        """Return what stands between the parenthesis we are at and its partner."""
        start = self._at + 1
        depth = 0
        quote = ""
        at = self._at
        while at < len(self._script):
            character = self._script[at]
            if character == "\\" and quote != "'":
                at += 1
            elif quote:
                quote = "" if character == quote else quote
            elif character in {"'", '"'}:
                quote = character
            elif character in {"(", ")"}:
                depth += 1 if character == "(" else -1
                if depth == 0:
                    self._at = at + 1
                    return self._script[start:at]
            at += 1
        raise ShellSyntaxError("no closing parenthesis", incomplete=True)
