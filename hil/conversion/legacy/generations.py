"""Which generation a command line belongs to, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.conversion.legacy.command import Program
from hil.conversion.legacy.flags import Generation, exclusive_to, flags, flags_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.conversion.legacy.command import LegacyCommand

# The input says most: each generation has its own flag for it.
_INPUTS = {
    "input_file": Generation.TOCO,
    "savedmodel_directory": Generation.TOCO,
    "graph_def_file": Generation.V1,
}
_NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The generation that is most likely, why, and what else it could be."""

    generation: Generation
    why: tuple[str, ...]
    ambiguity: str | None


def find_generation(command: LegacyCommand, told: Generation | None = None) -> Verdict:
    """Return the generation of *command*; *told* is what the person knows already."""
    if told is not None:
        return Verdict(generation=told, why=("you said so",), ambiguity=None)
    if command.program is Program.TOCO_BINARY:
        why = f"{command.program_text} is the C++ program"
        return Verdict(generation=Generation.TOCO, why=(why,), ambiguity=None)
    if command.program is Program.TFLITE_CONVERT:
        return _python_tool(command, "the program is tflite_convert")
    return _by_flags(command)


def _by_flags(command: LegacyCommand) -> Verdict:
    """Decide a bare `toco`, or flags alone."""
    names = [use.name for use in command.uses]
    toco = [name for name in names if name in exclusive_to(Generation.TOCO)]
    python = [
        name
        for name in names
        if name not in flags_of(Generation.TOCO)
        and (name in flags_of(Generation.V1) or name in flags_of(Generation.V2))
    ]
    deciding = [_INPUTS[name] for name in names if name in _INPUTS]
    is_toco = Generation.TOCO in deciding or (not deciding and len(toco) > len(python))
    mixed = None
    if toco and python:
        mixed = f"it mixes {_listed(toco)} of TOCO with {_listed(python)} of "
        mixed += "tflite_convert; no generation knew both"
    if is_toco:
        why = f"only the TOCO binary had {_listed(toco)}"
        return Verdict(generation=Generation.TOCO, why=(why,), ambiguity=mixed)
    if not python:
        why = "nothing in it tells TOCO from tflite_convert"
        return Verdict(
            generation=Generation.V1,
            why=(why,),
            ambiguity="`toco` was the C++ program in TF 1.7 and tflite_convert from "
            "TF 1.12 on; say which by --generation",
        )
    verdict = _python_tool(command, f"only tflite_convert had {_listed(python)}")
    return Verdict(
        generation=verdict.generation,
        why=verdict.why,
        ambiguity=mixed or verdict.ambiguity,
    )


def _python_tool(command: LegacyCommand, because: str) -> Verdict:
    names = {use.name for use in command.uses}
    if "enable_v1_converter" in names:
        why = "--enable_v1_converter chooses v1 in TF 2"
        return Verdict(generation=Generation.V1, why=(because, why), ambiguity=None)
    older = [n for n in names if n in flags() and n not in flags_of(Generation.V2)]
    if older or command.contrib:
        why = (
            f"v2 does not know {_listed(older)}"
            if older
            else "tensorflow/contrib ended with TF 1"
        )
        return Verdict(generation=Generation.V1, why=(because, why), ambiguity=None)
    return Verdict(
        generation=Generation.V2,
        why=(because, "every flag in it is one that v2 knows"),
        ambiguity="v1 knew these flags too; both make the same float model of them",
    )


def _listed(names: Iterable[str]) -> str:
    distinct = sorted(dict.fromkeys(names))
    more = len(distinct) - _NAMED
    text = ", ".join(f"--{name}" for name in distinct[:_NAMED])
    return text + (f" and {more} more" if more > 0 else "")
