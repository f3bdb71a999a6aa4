"""A command line taken apart: the program, and each flag as it was written.

What counts as a flag here is what its writer meant as one. Whether the tool took it is
judged later (hil.conversion.legacy.grammar).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.conversion.legacy.flags import flags
from hil.conversion.legacy.words import split_commands
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Program(enum.Enum):
    """Which program the line starts."""

    TOCO_BINARY = "the TOCO binary"
    TOCO_SCRIPT = "toco"  # the binary's wrapper in TF 1.7, tflite_convert since 1.12
    TFLITE_CONVERT = "tflite_convert"
    NONE = "no program, flags alone"


_PROGRAMS: Final = (
    (
        re.compile(r"(?:^|/)(?:contrib/)?lite/toco(?:/|:)toco$"),
        Program.TOCO_BINARY,
    ),
    (re.compile(r"(?:^|[/:\\])tflite_convert(?:\.py|\.exe)?$"), Program.TFLITE_CONVERT),
    (
        re.compile(r"^tensorflow(?:\.contrib)?\.lite\.python\.tflite_convert$"),
        Program.TFLITE_CONVERT,
    ),
    (re.compile(r"(?:^|[/\\])toco(?:\.exe)?$"), Program.TOCO_SCRIPT),
)
_FLAG: Final = re.compile(
    # Beside the hyphen the dashes that word processors make of it.
    "^(-{1,2}|[\u2010-\u2015\u2212]{1,2})([A-Za-z]\\w*)(?:=(.*))?$",
    re.DOTALL,
)
_REDIRECTION: Final = re.compile(r"^\d*(?:>>?|<)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One flag as it was written.

    `value` is None where there was none; `spaced` says that it was the next word.
    """

    written: str
    dashes: str
    name: str
    value: str | None
    spaced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyCommand:
    """A historical command line.

    `arguments` are the words after the program, as the tool got them; `strays` are
    those that are neither a flag nor the value of one.
    """

    program: Program
    program_text: str
    contrib: bool  # from tensorflow/contrib: TF 1.13 at the latest
    arguments: tuple[str, ...]
    uses: tuple[Use, ...]
    strays: tuple[str, ...]


def parse_line(words: Sequence[str]) -> LegacyCommand:
    """Return the command that *words* hold; ConfigError where there is none.

    One word with blanks in it is a pasted text and is split as a shell would do it.
    Of several commands in it the first that starts one of the programs is taken.
    """
    pasted = len(words) == 1 and re.search(r"\s", words[0])
    commands = split_commands(words[0]) if pasted else [list(words)]
    for command in commands:
        found = _find_program(command)
        if found is not None and command[0].startswith("-"):
            raise ConfigError(
                "hil toco has no such option",
                found=command[0],
                allowed="--run, --json, --out, --generation, then the line",
            )
        if found is not None:
            return _command(command, found)
    for command in commands:
        parsed = _build(Program.NONE, "", command)
        if any(use.name in flags() for use in parsed.uses):
            return parsed
    raise ConfigError(
        "this is no toco or tflite_convert command line",
        found=" ".join(words)[:200] or "nothing",
        allowed="toco ..., tflite_convert ..., bazel run ...lite/toco:toco -- ..., "
        "python -m tensorflow.lite.python.tflite_convert ..., or their flags alone",
        remedy="hil toco -- tflite_convert --saved_model_dir=DIR --output_file=FILE",
    )


def _find_program(words: Sequence[str]) -> int | None:
    """Return where the program stands; it comes before any flag of a converter."""
    for index, word in enumerate(words):
        match = _FLAG.match(word)
        if match and match[2] in flags() and len(match[2]) > 1:
            return None
        if _program(word) is not None:
            return index
    return None


def _program(word: str) -> Program | None:
    for pattern, program in _PROGRAMS:
        if pattern.search(word):
            return program
    return None


def _command(words: Sequence[str], at: int) -> LegacyCommand:
    program = _program(words[at])
    assert program is not None
    arguments = list(words[at + 1 :])
    # bazel keeps what stands before "--" for itself.
    if any(word.endswith("bazel") for word in words[:at]) and "--" in arguments:
        arguments = arguments[arguments.index("--") + 1 :]
    return _build(program, " ".join(words[: at + 1]), arguments)


def _build(program: Program, text: str, words: Sequence[str]) -> LegacyCommand:
    arguments = _without_redirections(words)
    uses: list[Use] = []
    strays: list[str] = []
    at = 0
    while at < len(arguments):
        match = _FLAG.match(arguments[at])
        if match is None:
            strays.append(arguments[at])
            at += 1
            continue
        use = _use(match, arguments, at)
        uses.append(use)
        at += 2 if use.spaced else 1
    return LegacyCommand(
        program=program,
        program_text=text,
        contrib="contrib" in text,
        arguments=tuple(arguments),
        uses=tuple(uses),
        strays=tuple(strays),
    )


def _use(match: re.Match[str], arguments: Sequence[str], at: int) -> Use:
    name, value, following = match[2], match[3], arguments[at + 1 : at + 2]
    spaced = value is None and bool(following) and _is_value(name, following[0])
    return Use(
        written=f"{arguments[at]} {following[0]}" if spaced else arguments[at],
        dashes=match[1],
        name=name,
        value=following[0] if spaced else value,
        spaced=spaced,
    )


def _is_value(name: str, word: str) -> bool:
    """Say whether *word*, after the flag *name*, was meant as its value."""
    if _FLAG.match(word) or word == "--":
        return False
    flag = flags().get(name)
    return flag is None or not flag.stands_alone or word.lower() in {"true", "false"}


def _without_redirections(words: Sequence[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for word in words:
        redirects = _REDIRECTION.match(word) is not None
        if not redirects and not skip:
            kept.append(word)
        skip = redirects and word.endswith((">", "<"))
    return kept
