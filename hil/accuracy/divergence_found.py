"""What comparing engines and devices finds: the nouns of `hil diverge`; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.accuracy.divergence import Divergence
    from hil.accuracy.divergence_rounding import Rounding

CLOCK: Final = "device clock"
# Doubts about a log that tell of an input which was overwritten.
INPUT: Final = frozenset({"outputs vary", "input kept"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """One side: what it is called, what computes there, how many inputs it answered."""

    name: str
    engine: str
    answered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a layer has two outputs; `is_proved` where each side's were computed anew.

    `left` and `right` are the ways of rounding that give all `values` of that side.
    """

    text: str
    is_proved: bool = False
    left: tuple[Rounding, ...] = ()
    right: tuple[Rounding, ...] = ()
    values: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLayer:
    """The operator that parts the two sides in most of the examined inputs.

    `rows` of the `examined` inputs have it first; `others` count those that begin at
    another one, by its index. `differing` of `values` stored values differ there, by
    `largest_lsb` at most (absent for floats).
    """

    operator: int
    name: str
    tensor: str
    parameters: Mapping[str, str]
    rows: int
    examined: int
    others: Mapping[int, int]
    values: int
    differing: int
    largest_lsb: int | None
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two sides, by name; `rows` are the places of the inputs that both answered.

    Where answers differ either `first_layer` stands there or `layers_unknown` says why
    not. `layers_of` names another pair whose layers stand there: it gave the same
    answers. `differing` and `flipped` are places among the inputs.
    """

    left: str
    right: str
    rows: tuple[int, ...]
    divergence: Divergence
    differing: tuple[int, ...]
    flipped: tuple[int, ...]
    first_layer: FirstLayer | None = None
    layers_unknown: str | None = None
    layers_of: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All pairs of the sides that answered the same inputs to one model.

    `groups` are the names of those that gave the same answers.
    """

    model: str
    sha256: str
    dataset: str
    inputs: int
    sides: tuple[Answerer, ...]
    pairs: tuple[Pair, ...]

    @property
    def groups(self) -> list[list[str]]:
        """The sides in groups that gave the same answers to every input."""
        return groups([side.name for side in self.sides], self.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What speaks against a log, and what helps."""

    item: str
    found: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What is known of a device by its answers.

    `pairs` hold it (left) against each engine of this host; there is none where its
    inputs are not known, and `inputs_unknown` says so. `decimals` are those that its
    answers were printed with; `is_exact` where they tell one step of the output from
    the next. `repeated` says that each answer is that of a repeated inference.
    """

    source: str
    engine: str
    pairs: tuple[Pair, ...] = ()
    is_exact: bool = True
    inputs_unknown: str | None = None
    repeated: bool = False
    doubts: tuple[Doubt, ...] = ()

    @property
    def equals(self) -> tuple[str, ...]:
        """The engines that gave every answer."""
        return tuple(pair.right for pair in self.pairs if not pair.differing)

    @property
    def input_overwritten(self) -> bool:
        """Whether the answers are those to something else than the inputs."""
        doubted = any(doubt.item in INPUT for doubt in self.doubts)
        return self.repeated and doubted and not self.equals

    @property
    def clock(self) -> Doubt | None:
        """What speaks against the device's clock, if anything does."""
        return next((doubt for doubt in self.doubts if doubt.item == CLOCK), None)


def groups(names: Sequence[str], pairs: Sequence[Pair]) -> list[list[str]]:
    """Return the sides in groups that gave the same answers to every input."""
    same = {frozenset((pair.left, pair.right)) for pair in pairs if not pair.differing}
    found: list[list[str]] = []
    for name in names:
        home = next(
            (
                group
                for group in found
                if all(frozenset((name, other)) in same for other in group)
            ),
            None,
        )
        if home is None:
            found.append([name])
        else:
            home.append(name)
    return found
