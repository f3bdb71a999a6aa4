"""The small language of gates: `latency<+5%`, `arena<=24000`, `accuracy>=-1pt`.

    gate   = FIGURE OPERATOR LIMIT
    FIGURE = latency | insn | accuracy | size | arena | flash | ram | stack | rss
             | any name of a record's memory, such as arena_persistent_bytes
    LIMIT  = NUMBER [UNIT]           of the new run alone: 24000, 24kB, 12ms, 95%
           | SIGN NUMBER [UNIT]      of the change from the base: +5%, +200B, -1pt

Costs are limited from above (< or <=), accuracy from below (> or >=). Numbers are kept
as fractions, so that counted figures are compared exactly.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError, nearest
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

LATENCY: Final = "latency"
INSTRUCTIONS: Final = "insn"
ACCURACY: Final = "accuracy"
SIZE: Final = "size"
# Short names of memory figures; any other is called what the record calls it.
MEMORY: Final = {
    "arena": "arena_bytes",
    "flash": "flash_bytes",
    "ram": "ram_bytes",
    "stack": "stack_bytes",
    "rss": "peak_rss_bytes",
}
SHORT: Final = {name: short for short, name in MEMORY.items()}
FIGURES: Final = (LATENCY, INSTRUCTIONS, ACCURACY, SIZE, *MEMORY)
_TIMES = {"us": Fraction(1), "ms": Fraction(1000), "s": Fraction(1_000_000)}
_SIZES = {
    "": Fraction(1),
    "B": Fraction(1),
    "kB": Fraction(1000),
    "KiB": Fraction(1024),
    "MB": Fraction(1_000_000),
    "MiB": Fraction(1024**2),
}
_HUNDREDTH = Fraction(1, 100)
_OPERATORS: Final[dict[str, Callable[[Fraction, Fraction], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_OPERATOR = re.compile(r"<=|>=|<|>")
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?")
_UNIT = re.compile(r"[A-Za-z%]*")
_CARET_INDENT = 11  # where ConfigError starts what was found
_EXAMPLES = "latency<+5%, insn<+0.1%, arena<=24000, accuracy>=-1pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A limit on one figure.

    `limit` is a share where `unit` is "%" or "pt" (1 % and 1 pt are 0.01), else in the
    figure's own unit: us, instructions or bytes. `relative` limits are of the change.
    """

    text: str
    figure: str
    comparison: str
    limit: Fraction
    unit: str
    relative: bool

    def allows(self, value: Fraction) -> bool:
        """Return whether *value*, in the unit of the limit, keeps to it."""
        return _OPERATORS[self.comparison](value, self.limit)


def parse_gate(text: str, *, where: str = "--gate") -> Gate:
    """Return the gate that *text* stands for.

    Raises ConfigError with a mark below the character that cannot be read.
    """
    return _Reader(text, where).gate()


class _Reader:
    """Reads one gate from left to right, and knows where it is."""

    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._where = where
        self._at = 0

    def gate(self) -> Gate:
        figure = self._figure()
        comparison = self._comparison(figure)
        sign_at = self._skip_blanks()
        sign = self._take(re.compile(r"[+-]"))
        number_at = self._skip_blanks()
        number = self._take(_NUMBER)
        if number is None:
            raise self._error(number_at, "a number is missing", "12, 0.1, +5")
        unit_at = self._skip_blanks()
        unit = self._take(_UNIT) or ""
        factor = self._factor(figure, unit, sign, unit_at=unit_at, sign_at=sign_at)
        end = self._skip_blanks()
        if end < len(self._text):
            raise self._error(end, "nothing may follow the limit", "one gate a text")
        limit = Fraction(number) * factor
        return Gate(
            text=self._text.strip(),
            figure=figure,
            comparison=comparison,
            limit=-limit if sign == "-" else limit,
            unit=unit,
            relative=sign is not None,
        )

    def _figure(self) -> str:
        at = self._skip_blanks()
        figure = self._take(_NAME)
        if figure is None:
            raise self._error(at, "a figure's name is missing", ", ".join(FIGURES))
        if figure not in FIGURES and not figure.endswith("_bytes"):
            raise self._error(
                at,
                "no such figure",
                ", ".join(FIGURES) + ", or a memory figure that ends in _bytes",
                remedy=nearest(figure, FIGURES),
            )
        return SHORT.get(figure, figure)

    def _comparison(self, figure: str) -> str:
        at = self._skip_blanks()
        comparison = self._take(_OPERATOR)
        below = figure != ACCURACY
        allowed = "<, <=" if below else ">, >="
        if comparison is None:
            raise self._error(at, "an operator is missing", allowed)
        if comparison.startswith("<") is not below:
            side = "above" if below else "below"
            raise self._error(at, f"{figure} is limited from {side}", allowed)
        if self._text[self._at : self._at + 1] == "=":
            raise self._error(self._at, "no such operator", allowed)
        return comparison

    def _factor(
        self, figure: str, unit: str, sign: str | None, *, unit_at: int, sign_at: int
    ) -> Fraction:
        """Return what the number is multiplied by, by figure, unit and sign."""
        units = _units(figure, relative=sign is not None)
        if unit in units:
            return units[unit]
        if sign is None and unit in _units(figure, relative=True):
            raise self._error(
                sign_at, "a change needs its sign", f"+ or -, such as +5{unit}"
            )
        allowed = ", ".join(name or "no unit" for name in units)
        problem = "a unit is missing" if not unit else "no such unit"
        kind = "a change of" if sign else "a limit of"
        raise self._error(unit_at, f"{problem} for {kind} {figure}", allowed)

    def _skip_blanks(self) -> int:
        while self._at < len(self._text) and self._text[self._at] == " ":
            self._at += 1
        return self._at

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[0]

    def _error(
        self, at: int, problem: str, allowed: str, *, remedy: str | None = None
    ) -> ConfigError:
        # What stands before the mark is as wide as it is shown.
        indent = _CARET_INDENT + len(printable(self._text[:at]))
        return ConfigError(
            "the gate cannot be read",
            where=f"{self._where}, character {at + 1}",
            found=f"{printable(self._text)}\n{' ' * indent}^ {problem}",
            allowed=allowed,
            remedy=remedy or f"gates look like {_EXAMPLES}",
        )


def _units(figure: str, *, relative: bool) -> dict[str, Fraction]:
    """Return the units that a figure's limit may have, and what each is worth."""
    if figure == ACCURACY:
        return {"pt": _HUNDREDTH} if relative else {"%": _HUNDREDTH}
    own = {LATENCY: _TIMES, INSTRUCTIONS: {"": Fraction(1)}}.get(figure, _SIZES)
    return {"%": _HUNDREDTH, **own} if relative else dict(own)
