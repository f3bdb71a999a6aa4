"""`$((...))`: whole numbers, variables, + - * / % ( ) and comparisons."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

from hil.emulators.phone.lexer import ShellSyntaxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOKEN = re.compile(r"\s*(?:(\d{1,18})|\$?([A-Za-z_]\w*)|(==|!=|<=|>=|[-+*/%()<>]))")
_MAX_DEPTH = 20
_WRAP = 1 << 64
_HALF = 1 << 63


def _quotient(left: int, right: int) -> int:
    """Divide as C does: towards zero."""
    result = abs(left) // abs(right)
    return result if (left < 0) == (right < 0) else -result


def _remainder(left: int, right: int) -> int:
    return left - right * _quotient(left, right)


_LEVELS: tuple[dict[str, Callable[[int, int], int]], ...] = (
    {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        ">": operator.gt,
        "<=": operator.le,
        ">=": operator.ge,
    },
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": _quotient, "%": _remainder},
)


def evaluate(text: str, variables: Mapping[str, str]) -> int:
    """Return the value of *text* in 64 bits; ShellSyntaxError if it has none."""
    tokens: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ShellSyntaxError(f"{text[:40]}: bad number")
        tokens.append(found[0].strip().removeprefix("$"))
        at = found.end()
    evaluation = _Evaluation(tokens, variables)
    value = evaluation.level(0, 0)
    if evaluation.peek() is not None:
        raise ShellSyntaxError(f"{text[:40]}: unexpected '{evaluation.peek()}'")
    return value


class _Evaluation:
    def __init__(self, tokens: list[str], variables: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._variables = variables
        self._at = 0

    def peek(self) -> str | None:
        """The next token, None at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def level(self, number: int, depth: int) -> int:
        """Evaluate the operators of one precedence and all that bind tighter."""
        if number == len(_LEVELS):
            return self._operand(depth)
        value = self.level(number + 1, depth)
        while (token := self.peek()) in _LEVELS[number]:
            assert token is not None
            self._at += 1
            right = self.level(number + 1, depth)
            if token in {"/", "%"} and right == 0:
                raise ShellSyntaxError("divide by zero")
            value = int(_LEVELS[number][token](value, right))
            value = (value + _HALF) % _WRAP - _HALF
        return value

    def _operand(self, depth: int) -> int:
        word = self.peek()
        if word is None or depth > _MAX_DEPTH:
            raise ShellSyntaxError("unexpected end of expression")
        self._at += 1
        if word == "(":
            value = self.level(0, depth + 1)
            if self.peek() != ")":
                raise ShellSyntaxError("missing ')'")
            self._at += 1
            return value
        if word in {"-", "+"}:
            value = self._operand(depth + 1)
            return -value if word == "-" else value
        if word.isdigit():
            return int(word)
        if word[0].isalpha() or word[0] == "_":
            text = self._variables.get(word, "").strip()
            return int(text) if re.fullmatch(r"-?\d{1,18}", text) else 0
        raise ShellSyntaxError(f"unexpected '{word}'")
