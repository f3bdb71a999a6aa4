"""What a search may change about plain int8, and in which order it is tried; pure.

A candidate is plain int8 and a set of changes, at most one on each axis. First every
change is tried alone, in the order of the axes (what costs least and helps most comes
first); then changes that did well alone are put together.
"""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from hil.bench.plan import AS_IS
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

PLAIN_RECIPE = "int8"


class Axis(enum.Enum):
    """One thing that can be chosen; the value is its name in files."""

    RECIPE = "recipe"
    DIET = "diet"
    GRANULARITY = "granularity"
    CALIBRATOR = "calibrator"
    BIASES = "biases"
    LAYERS = "layers"


_ORDER = {axis: place for place, axis in enumerate(Axis)}
SLIM = "slim"
PER_TENSOR = "per-tensor"
CORRECTED = "bias"
_INTEGERS = frozenset({PLAIN_RECIPE, "int8-float-io", "int16x8"})
_WITHOUT_LAYERS = frozenset({"int16x8"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Plain int8 with changes, in the order of the axes; `int8` where there are none.

    >>> candidate({Axis.GRANULARITY: PER_TENSOR, Axis.DIET: SLIM}).name
    'int8+slim+per-tensor'
    """

    changes: tuple[tuple[Axis, str], ...] = ()

    @property
    def name(self) -> str:
        """What the variant is called in records and files."""
        others = [value for axis, value in self.changes if axis is not Axis.RECIPE]
        return "+".join([self.recipe, *others])

    @property
    def recipe(self) -> str:
        """The recipe that it starts from."""
        return self.get(Axis.RECIPE) or PLAIN_RECIPE

    def get(self, axis: Axis) -> str | None:
        """Return what is changed on *axis*, None where nothing is."""
        return dict(self.changes).get(axis)

    @property
    def arithmetic(self) -> str:
        """The kind of kernels that compute it: its recipe, or several types in one."""
        layers = self.get(Axis.LAYERS)
        return self.recipe if layers is None else f"mixed {layers.partition('-')[2]}"

    @property
    def is_sound(self) -> bool:
        """Whether its changes mean anything together."""
        axes = {axis for axis, _ in self.changes}
        if self.recipe not in _INTEGERS:
            return axes <= {Axis.RECIPE, Axis.DIET}
        return not (self.recipe in _WITHOUT_LAYERS and Axis.LAYERS in axes)


PLAIN = Candidate()


def candidate(changes: Mapping[Axis, str]) -> Candidate:
    """Return the candidate with these changes."""
    ordered = sorted(changes.items(), key=lambda change: _ORDER[change[0]])
    return Candidate(changes=tuple(ordered))


def read_candidate(values: Mapping[str, str], *, where: str) -> Candidate:
    """Return the candidate of a file's names; ConfigError for an unknown axis."""
    try:
        return candidate({Axis(name): value for name, value in values.items()})
    except ValueError as exc:
        raise ConfigError(
            "the candidate of a search cannot be read",
            where=where,
            found=str(exc),
            allowed=", ".join(axis.value for axis in Axis),
        ) from exc


def written(found: Candidate) -> dict[str, str]:
    """Return the changes by the names that they have in files."""
    return {axis.value: value for axis, value in found.changes}


def default_space(*, phones: bool) -> Mapping[Axis, tuple[str, ...]]:
    """Return all that is searched; only *phones* run weights of other types."""
    recipes = ["int16x8", "int8-float-io", AS_IS]
    if phones:
        recipes += ["dynamic", "float16"]
    return MappingProxyType(
        {
            Axis.DIET: (SLIM,),
            Axis.GRANULARITY: (PER_TENSOR,),
            Axis.CALIBRATOR: ("percentile-99.99", "mse", "percentile-99.9"),
            Axis.BIASES: (CORRECTED,),
            Axis.RECIPE: tuple(recipes),
            Axis.LAYERS: (
                "worst1-int16",
                "worst1-float32",
                "worst2-int16",
                "worst2-float32",
            ),
        }
    )


def propose(
    space: Mapping[Axis, Sequence[str]],
    ranked: Sequence[Candidate],
    tried: Collection[Candidate],
    *,
    count: int,
) -> list[Candidate]:
    """Return up to *count* candidates that were not *tried*, in the order to try them.

    *ranked* are those that did well, the best first: their changes are put together.
    An empty answer means that nothing new can be made of them.
    """
    found: list[Candidate] = []
    for proposal in itertools.chain([PLAIN], _alone(space), _together(ranked)):
        if len(found) == count:
            break
        if proposal.is_sound and proposal not in tried and proposal not in found:
            found.append(proposal)
    return found


def _alone(space: Mapping[Axis, Sequence[str]]) -> Iterator[Candidate]:
    for axis, values in space.items():
        for value in values:
            yield candidate({axis: value})


def _together(ranked: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield the unions of two candidates' changes, those of the best pairs first.

    Where both change one axis, the better one's choice stands.
    """
    pairs = itertools.combinations(range(len(ranked)), 2)
    for better, worse in sorted(pairs, key=sum):
        merged = dict(ranked[worse].changes) | dict(ranked[better].changes)
        yield candidate(merged)
