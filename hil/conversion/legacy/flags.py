"""The flags of the three generations, as a table (flags.toml)."""

from __future__ import annotations

import enum
import functools
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Generation(enum.Enum):
    """The three tools whose flags share names."""

    TOCO = "toco"  # the C++ program of TF 1.5 to 1.14
    V1 = "v1"  # tflite_convert of TF 1.9 to 1.15, in TF 2 by --enable_v1_converter
    V2 = "v2"  # tflite_convert of TF 2

    @property
    def title(self) -> str:
        """The generation in words."""
        return _TITLES[self]


_TITLES = {
    Generation.TOCO: "the TOCO binary (TF 1.5-1.14)",
    Generation.V1: "tflite_convert v1 (TF 1.9-1.15; TF 2 with --enable_v1_converter)",
    Generation.V2: "tflite_convert v2 (TF 2)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag; `types` has an entry for each generation that knew it.

    Types: "path", "string", "strings" (commas), "int", "float", "ints", "floats",
    "shapes" (colons and commas), "choice", "bool" (TOCO: alone, =true, =false),
    "switch" (argparse: alone), "optional" (argparse: alone or true, false). `lost` is
    "differs" or "note" where today has nothing like it.
    """

    name: str
    types: Mapping[Generation, str]
    values: Mapping[Generation, tuple[str, ...]]
    default: str | None
    then: str
    today: str
    lost: str | None

    @property
    def stands_alone(self) -> bool:
        """Whether no generation's flag takes the next word as its value."""
        return set(self.types.values()) <= {"bool", "switch", "optional"}


@functools.cache
def flags() -> Mapping[str, Flag]:
    """Return every flag by its name."""
    text = resources.files(__package__).joinpath("flags.toml").read_text("utf-8")
    rows = tomllib.loads(text)["flag"]
    return {row["name"]: _flag(row) for row in rows}


@functools.cache
def flags_of(generation: Generation) -> Mapping[str, Flag]:
    """Return the flags that *generation* knew."""
    return {name: flag for name, flag in flags().items() if generation in flag.types}


def exclusive_to(generation: Generation) -> frozenset[str]:
    """Return the names that no other generation knew."""
    return frozenset(
        name for name, flag in flags().items() if set(flag.types) == {generation}
    )


def _flag(row: Mapping[str, object]) -> Flag:
    types = {g: str(row[g.value]) for g in Generation if g.value in row}
    values: dict[Generation, tuple[str, ...]] = {}
    for generation in types:
        allowed = row.get(f"{generation.value}_values")
        if isinstance(allowed, list):
            values[generation] = tuple(allowed)
    default, lost = row.get("default"), row.get("lost")
    return Flag(
        name=str(row["name"]),
        types=types,
        values=values,
        default=None if default is None else str(default),
        then=str(row["then"]),
        today=str(row["today"]),
        lost=None if lost is None else str(lost),
    )
