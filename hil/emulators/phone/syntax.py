"""The grammar of the phone's shell: tokens become a tree of commands."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from hil.emulators.phone.lexer import (
    REDIRECTS,
    Lexer,
    Operator,
    ShellSyntaxError,
    Text,
    Token,
    Word,
)

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNSUPPORTED: Final = frozenset({"case", "function", "select", "[["})
_CLOSING: Final = frozenset({"do", "done", "then", "elif", "else", "fi", "}"})
MAX_DEPTH: Final = 25  # of commands inside commands; Python's own stack is finite
MAX_PIPELINE: Final = 32


@dataclass(frozen=True, slots=True)
class Redirect:
    """`2> file`: the descriptor, the operator and the word after it."""

    descriptor: int
    operator: str
    target: Word


@dataclass(frozen=True, slots=True)
class Simple:
    """Assignments and the words of one command."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """`( ... )`, or `{ ... }` where *subshell* is false."""

    body: Script
    subshell: bool


@dataclass(frozen=True, slots=True)
class For:
    """`for NAME in WORDS; do BODY; done`."""

    name: str
    words: tuple[Word, ...]
    body: Script


@dataclass(frozen=True, slots=True)
class While:
    """`while CONDITION; do BODY; done`; *until* turns the condition round."""

    condition: Script
    body: Script
    until: bool


@dataclass(frozen=True, slots=True)
class If:
    """Conditions with their bodies in order, and what `else` holds."""

    branches: tuple[tuple[Script, Script], ...]
    otherwise: Script | None


@dataclass(frozen=True, slots=True)
class Node:
    """A command with its redirections."""

    command: Simple | Group | For | While | If
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by `|`; *inverted* for a leading `!`."""

    commands: tuple[Node, ...]
    inverted: bool


@dataclass(frozen=True, slots=True)
class AndOr:
    """Pipelines, each after the first with the `&&` or `||` before it.

    One in the *background* (`&`) is started and not waited for.
    """

    first: Pipeline
    rest: tuple[tuple[str, Pipeline], ...]
    background: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """What is run in order."""

    items: tuple[AndOr, ...]


def parse(text: str) -> Script:
    """Read a whole script, or raise ShellSyntaxError."""
    parser = _Parser(Lexer(text).tokens())
    script = parser.script()
    parser.expect_end()
    return script


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def script(self) -> Script:
        """Read commands up to a closing word or operator."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ShellSyntaxError("commands are nested too deeply", status=2)
        items: list[AndOr] = []
        while True:
            while self._operator(";"):
                pass
            token = self._peek()
            if token is None or self._bare() in _CLOSING or token == Operator(")"):
                break
            item = self._and_or()
            if self._operator("&"):
                items.append(replace(item, background=True))
                continue
            items.append(item)
            if not (self._peek() is None or self._peek() == Operator(";")):
                break
        self._depth -= 1
        return Script(tuple(items))

    def expect_end(self) -> None:
        """Raise ShellSyntaxError unless everything was read."""
        if self._peek() is not None:
            raise self._unexpected()

    def _and_or(self) -> AndOr:
        first = self._pipeline()
        rest: list[tuple[str, Pipeline]] = []
        while (token := self._peek()) in {Operator("&&"), Operator("||")}:
            assert isinstance(token, Operator)
            self._at += 1
            self._skip_newlines()
            rest.append((token.text, self._pipeline()))
        return AndOr(first, tuple(rest))

    def _pipeline(self) -> Pipeline:
        inverted = self._keyword("!")
        commands = [self._node()]
        while self._operator("|"):
            self._skip_newlines()
            commands.append(self._node())
        if len(commands) > MAX_PIPELINE:
            raise ShellSyntaxError("the pipeline is too long", status=2)
        return Pipeline(tuple(commands), inverted)

    def _node(self) -> Node:
        word = self._bare()
        if word in _UNSUPPORTED:
            raise ShellSyntaxError(f"'{word}' is not supported here", status=2)
        if self._operator("("):
            body = self._filled()
            self._expect(Operator(")"))
            return Node(Group(body, subshell=True), self._redirects())
        if word in {"{", "for", "while", "until", "if"}:
            self._at += 1
            return Node(self._compound(word), self._redirects())
        return self._simple()

    def _compound(self, word: str) -> Group | For | While | If:
        if word == "{":
            body = self._filled()
            self._expect_keyword("}")
            return Group(body, subshell=False)
        if word == "for":
            return self._for()
        if word == "if":
            return self._if()
        condition = self._filled()
        return While(condition, self._do_group(), until=word == "until")

    def _for(self) -> For:
        name = self._bare()
        if name is None or not _NAME.fullmatch(name):
            raise self._unexpected()
        self._at += 1
        self._skip_newlines()
        words: list[Word] = []
        if self._keyword("in"):
            while isinstance(token := self._peek(), Word):
                words.append(token)
                self._at += 1
        self._skip_newlines()
        return For(name, tuple(words), self._do_group())

    def _if(self) -> If:
        branches = []
        otherwise = None
        while True:
            condition = self._filled()
            self._expect_keyword("then")
            branches.append((condition, self._filled()))
            if not self._keyword("elif"):
                break
        if self._keyword("else"):
            otherwise = self._filled()
        self._expect_keyword("fi")
        return If(tuple(branches), otherwise)

    def _do_group(self) -> Script:
        self._expect_keyword("do")
        body = self._filled()
        self._expect_keyword("done")
        return body

    def _filled(self) -> Script:
        script = self.script()
        if not script.items:
            raise self._unexpected()
        return script

    def _simple(self) -> Node:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while (token := self._peek()) is not None:
            if isinstance(token, Operator):
                if token.text not in REDIRECTS:
                    break
                redirects.append(self._redirect())
                continue
            self._at += 1
            assignment = None if words else _assignment(token)
            if assignment is None:
                words.append(token)
            else:
                assignments.append(assignment)
        if not (assignments or words or redirects):
            raise self._unexpected()
        return Node(Simple(tuple(assignments), tuple(words)), tuple(redirects))

    def _redirects(self) -> tuple[Redirect, ...]:
        found: list[Redirect] = []
        while isinstance(token := self._peek(), Operator) and token.text in REDIRECTS:
            found.append(self._redirect())
        return tuple(found)

    def _redirect(self) -> Redirect:
        operator = self._tokens[self._at]
        assert isinstance(operator, Operator)
        self._at += 1
        target = self._peek()
        if not isinstance(target, Word):
            raise self._unexpected()
        self._at += 1
        descriptor = operator.descriptor
        if descriptor is None:
            descriptor = 0 if operator.text.startswith("<") else 1
        return Redirect(descriptor, operator.text, target)

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _bare(self) -> str | None:
        token = self._peek()
        return token.bare if isinstance(token, Word) else None

    def _operator(self, text: str) -> bool:
        if self._peek() != Operator(text):
            return False
        self._at += 1
        return True

    def _keyword(self, text: str) -> bool:
        if self._bare() != text:
            return False
        self._at += 1
        return True

    def _skip_newlines(self) -> None:
        while self._operator(";"):
            pass

    def _expect(self, operator: Operator) -> None:
        if not self._operator(operator.text):
            raise self._unexpected()

    def _expect_keyword(self, text: str) -> None:
        if not self._keyword(text):
            raise self._unexpected()

    def _unexpected(self) -> ShellSyntaxError:
        token = self._peek()
        if token is None:
            return ShellSyntaxError(
                "syntax error: unexpected end of file", incomplete=True
            )
        text = token.text if isinstance(token, Operator) else token.bare or "word"
        return ShellSyntaxError(f"syntax error: unexpected '{text[:40]}'")


def _assignment(word: Word) -> tuple[str, Word] | None:
    """Read `NAME=value`; None where the word is no assignment."""
    if not word.pieces or not isinstance(word.pieces[0], Text) or word.pieces[0].quoted:
        return None
    found = _ASSIGNMENT.match(word.pieces[0].text)
    if found is None:
        return None
    rest = Text(word.pieces[0].text[found.end() :], quoted=False)
    return found[1], Word((rest, *word.pieces[1:]))
