"""Which flags a generation took, by its own grammar.

TOCO (tensorflow/core/util/command_line_flags.cc) took `--name=value` and nothing else;
booleans alone, `=true` or `=false`; what it did not know it passed over. tflite_convert
is Python's argparse with parse_known_args: `--name value` too, unique beginnings of a
name too, and what it does not know it passes over as well. So argparse itself judges
here. No generation took a single dash, and none took `--noname`.
"""

from __future__ import annotations

import argparse
import enum
import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from hil.conversion.legacy.flags import Flag, Generation, flags, flags_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.conversion.legacy.command import LegacyCommand, Use

_INT = re.compile(r"\s*[+-]?\d+$")
_INPUTS = ("graph_def_file", "saved_model_dir", "keras_model_file")


class Standing(enum.Enum):
    """What became of a flag."""

    TAKEN = "taken"
    ABBREVIATED = "abbreviated"  # taken by the beginning of its name
    IGNORED = "ignored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One flag as a generation read it.

    `flag` is the flag that was meant, of whatever generation; None where the name is
    known to none. `value` is the value meant; "true" or "false" for a boolean.
    """

    use: Use
    flag: Flag | None
    standing: Standing
    value: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """All flags of a line; `error` is what the tool said when it refused the line."""

    items: tuple[Reading, ...]
    error: str | None

    def value(self, *names: str) -> str | None:
        """Return the last value meant for the first of *names* that is there."""
        for name in names:
            for item in reversed(self.items):
                if item.flag is not None and item.flag.name == name:
                    return item.value
        return None

    def has(self, *names: str) -> bool:
        """Say whether one of the flags is there, taken or not."""
        meant = {item.flag.name for item in self.items if item.flag is not None}
        return bool(meant & set(names))


def read(command: LegacyCommand, generation: Generation) -> Readings:
    """Return how *generation* read the line."""
    if generation is Generation.TOCO:
        items = [_read_toco(use) for use in command.uses]
        refused = [i.reason for i in items if i.standing is Standing.REFUSED]
        return Readings(items=tuple(items), error=refused[0] if refused else None)
    items = [_read_python(use, generation) for use in command.uses]
    return Readings(items=tuple(items), error=_argparse(command.arguments, generation))


def _read_toco(use: Use) -> Reading:
    known = flags_of(Generation.TOCO)
    flag = known.get(use.name)
    if flag is None:
        return _collision(use) or _unknown(use, "TOCO passed over what it did not know")
    kind = flag.types[Generation.TOCO]
    reason = _why_toco_ignored(use, kind)
    value = use.value or "true" if kind == "bool" else use.value
    if reason is not None:
        return Reading(
            use=use, flag=flag, standing=Standing.IGNORED, value=value, reason=reason
        )
    error = None if use.spaced else _toco_value_error(use.name, value or "", kind)
    standing = Standing.TAKEN if error is None else Standing.REFUSED
    return Reading(use=use, flag=flag, standing=standing, value=value, reason=error)


def _why_toco_ignored(use: Use, kind: str) -> str | None:
    if use.dashes != "--":
        return "TOCO wanted two plain dashes and passed over this one"
    if kind == "bool":
        return None
    if use.value is None:
        return "TOCO wanted --name=value; a flag without a value was passed over"
    if use.spaced:
        return "TOCO wanted --name=value; with a blank both words were passed over"
    return None


def _toco_value_error(name: str, value: str, kind: str) -> str | None:
    wrong = {
        "bool": lambda: value not in {"true", "false"},
        "int": lambda: not _INT.match(value),
        "float": lambda: not _is_float(value),
    }.get(kind)
    if wrong is None or not wrong() or is_variable(value):
        return None
    shown = f"={value}" if kind == "bool" else value
    return f"Couldn't interpret value {shown} for flag {name}."


def _collision(use: Use) -> Reading | None:
    """TOCO compared the beginning of a word with the names of its booleans."""
    for name, flag in flags_of(Generation.TOCO).items():
        is_bool = flag.types[Generation.TOCO] == "bool"
        if is_bool and use.dashes == "--" and use.name.startswith(name):
            rest = use.written.removeprefix(f"--{name}")
            return Reading(
                use=use,
                flag=flags().get(use.name),
                standing=Standing.REFUSED,
                value=use.value,
                reason=f"Couldn't interpret value {rest} for flag {name}.",
            )
    return None


def _read_python(use: Use, generation: Generation) -> Reading:
    known = flags_of(generation)
    passed_over = "argparse passed over what it did not know"
    if use.dashes != "--":
        return _unknown(use, "argparse wanted two plain dashes and passed over this")
    if use.name in known:
        return _taken(use, known[use.name], Standing.TAKEN)
    matches = [name for name in known if name.startswith(use.name)]
    if len(matches) == 1:
        return _taken(use, known[matches[0]], Standing.ABBREVIATED)
    if matches:
        could = ", ".join(f"--{name}" for name in matches)
        reason = f"ambiguous option: --{use.name} could match {could}"
        return Reading(
            use=use,
            flag=flags().get(use.name),
            standing=Standing.REFUSED,
            value=use.value,
            reason=reason,
        )
    return _unknown(use, passed_over)


def _taken(use: Use, flag: Flag, standing: Standing) -> Reading:
    value = use.value
    if flag.stands_alone:
        value = (value or "true").lower()
    return Reading(use=use, flag=flag, standing=standing, value=value)


def _unknown(use: Use, reason: str) -> Reading:
    """Return a flag that was passed over, with what was meant by it."""
    flag, value = flags().get(use.name), use.value
    if flag is None and use.name.startswith("no"):
        flag = flags().get(use.name.removeprefix("no").lstrip("_"))
        if flag is not None and flag.stands_alone:
            reason = "no generation had --noNAME; it was passed over"
            value = "false"
        else:
            flag = None
    if flag is not None and flag.stands_alone and value is None:
        value = "true"
    return Reading(
        use=use, flag=flag, standing=Standing.IGNORED, value=value, reason=reason
    )


class _Refused(Exception):
    """What argparse would have printed before it ended the program."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Refused(message)


class _OptionalTruth(argparse.Action):
    """tflite_convert's own action for --x, --x=true and --x=false."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        del parser, namespace, option_string
        if values is not None and str(values).lower() not in {"true", "false"}:
            raise _Refused(
                f"Invalid argument to --{self.dest}. Must use flag alone, or specify "
                "true/false."
            )


def _argparse(arguments: Sequence[str], generation: Generation) -> str | None:
    """Return argparse's message about the line, None where it took it."""
    # A variable of the shell would have had its value by now.
    filled = [_VARIABLE.sub("1", word) for word in arguments]
    try:
        _parser(generation).parse_known_args(filled)
    except _Refused as exc:
        return str(exc)
    return None


@functools.cache
def _parser(generation: Generation) -> _Parser:
    parser = _Parser(add_help=False, prog="tflite_convert")
    parser.add_argument("-h", "--help", action="store_true")
    group = parser.add_mutually_exclusive_group(required=generation is Generation.V1)
    for name, flag in flags_of(generation).items():
        kind = flag.types[generation]
        where = group if name in _INPUTS else parser
        if kind == "switch":
            where.add_argument(f"--{name}", action="store_true")
        elif kind == "optional":
            where.add_argument(f"--{name}", action=_OptionalTruth, nargs="?")
        elif kind == "choice" and not name.startswith("inference"):
            allowed = flag.values[generation]
            where.add_argument(f"--{name}", type=str.upper, choices=allowed)
        else:
            where.add_argument(
                f"--{name}",
                type=float if kind == "float" else str,
                required=name == "output_file",
            )
    return parser


_VARIABLE = re.compile(r"\$\{?\w+\}?|\$\([^)]*\)|%\w+%")


def is_variable(text: str) -> bool:
    """Say whether *text* holds a variable that a shell would have replaced."""
    return _VARIABLE.search(text) is not None


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
