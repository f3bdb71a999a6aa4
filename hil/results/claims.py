"""Published figures as data: who claimed what of which model, in which unit.

The registry is a folder of TOML files; each names one source. `[[claim]]` is one claim.
`[[table]]` is a published table: what a claim says in its columns, and one row of
figures for each model, so that a reader can hold the file beside the page it is from.
docs/claims.md tells the keys.
"""

from __future__ import annotations

import enum
import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hil.errors import ConfigError, nearest
from hil.results.claims_units import UNITS, Dimension, in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ANY: Final = "any"  # the model of a claim that is made of all models
_PACKAGE = Path(__file__).resolve().parent.parent
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ABSENT = "-"  # a cell that the published table leaves empty
_ALIASES = "models.toml"
_T = TypeVar("_T", bound=BaseModel)
_Word = TypeVar("_Word", bound=enum.Enum)


class Quantity(enum.Enum):
    """What a claim is about."""

    ACCURACY = "accuracy"
    ACCURACY_DROP = "accuracy_drop_points"  # baseline minus variant
    SIZE = "size_bytes"
    SIZE_RATIO = "size_ratio"  # baseline over variant: 4 is "four times smaller"
    LATENCY = "latency"
    LATENCY_RATIO = "latency_ratio"  # baseline over variant: 2 is "twice as fast"
    ARENA = "arena_bytes"
    QUANTIZATION = "quantization_bytes"  # scales, zero points, minima and maxima
    NAMES = "name_bytes"
    METADATA_SHARE = "metadata_share"  # quantization and names, of the file
    IDENTICAL = "identical_share"  # outputs of two runtimes that are equal to the bit
    LABEL_FLIPS = "label_flip_share"  # between two runtimes
    MAX_STEPS = "max_steps"  # the worst difference of two runtimes' outputs
    FALSE_ANSWERS = "false_answers"  # false positives, or false negatives

    @property
    def dimension(self) -> Dimension:
        """What the unit of such a claim must count."""
        return _DIMENSIONS[self]

    @property
    def needs_baseline(self) -> bool:
        """Whether two variants make the figure."""
        return self in {
            Quantity.ACCURACY_DROP,
            Quantity.SIZE_RATIO,
            Quantity.LATENCY_RATIO,
        }

    @property
    def needs_device(self) -> bool:
        """Whether the figure is a time on one certain device."""
        return self in {Quantity.LATENCY, Quantity.LATENCY_RATIO}


_DIMENSIONS = {
    Quantity.ACCURACY: Dimension.SHARE,
    Quantity.ACCURACY_DROP: Dimension.POINTS,
    Quantity.SIZE: Dimension.BYTES,
    Quantity.SIZE_RATIO: Dimension.RATIO,
    Quantity.LATENCY: Dimension.TIME,
    Quantity.LATENCY_RATIO: Dimension.RATIO,
    Quantity.ARENA: Dimension.BYTES,
    Quantity.QUANTIZATION: Dimension.BYTES,
    Quantity.NAMES: Dimension.BYTES,
    Quantity.METADATA_SHARE: Dimension.SHARE,
    Quantity.IDENTICAL: Dimension.SHARE,
    Quantity.LABEL_FLIPS: Dimension.SHARE,
    Quantity.MAX_STEPS: Dimension.COUNT,
    Quantity.FALSE_ANSWERS: Dimension.COUNT,
}


class Relation(enum.Enum):
    """How the measured figure must stand to the claimed one."""

    EQUALS = "equals"  # within the tolerance
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    NO_DIFFERENCE = "no_difference"  # of variant and baseline, within the tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a claim was published; `edition` is a year, a version or "undated"."""

    title: str
    edition: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One published figure.

    `kinds` are hil's own names of the variants that it holds for (`float`, `dynamic`,
    `int8`, ...); none where no .tflite that hil knows is what the source measured.
    `value` and `tolerance` are in `unit`. `metric` counts for accuracies.
    """

    id: str
    statement: str
    source: Source
    model: str
    variant: str
    quantity: Quantity
    value: float
    unit: str
    relation: Relation
    tolerance: float = 0.0
    kinds: tuple[str, ...] = ()
    per_channel: bool | None = None
    baseline: str | None = None
    dataset: str | None = None
    device: str | None = None
    metric: str = "top1"

    @property
    def in_words(self) -> str:
        """The claimed figure with its relation and its unit."""
        figure = in_words(self.value, self.unit)
        slack = in_words(self.tolerance, self.unit)
        match self.relation:
            case Relation.EQUALS:
                return f"{figure} +- {slack}" if self.tolerance else figure
            case Relation.AT_LEAST:
                return f"at least {figure}"
            case Relation.AT_MOST:
                return f"at most {figure}"
            case Relation.NO_DIFFERENCE:
                return f"no difference (within {slack})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All claims, and other names of the models that they are about."""

    claims: tuple[Claim, ...]
    aliases: Mapping[str, Sequence[str]]

    def find(self, patterns: Sequence[str]) -> tuple[Claim, ...]:
        """Return the claims with these ids, which may hold `*`; ConfigError if none."""
        found: dict[str, Claim] = {}
        for pattern in patterns:
            hits = [c for c in self.claims if fnmatchcase(c.id, pattern)]
            if not hits:
                ids = [claim.id for claim in self.claims]
                raise ConfigError(
                    "there is no such claim",
                    found=repr(pattern),
                    allowed=f"{len(ids)} ids, or a pattern such as 'tutorial-*'",
                    remedy=nearest(pattern, ids) or "hil claims list",
                )
            found |= {claim.id: claim for claim in hits}
        return tuple(found.values())

    def model_of(self, name: str) -> str | None:
        """Return the model that a file or a record called *name* is, by its name.

        A known name counts where whole words of *name* spell it; the longest counts:
        MobileNet v2-1.4 is no MobileNet v2. None too for models that only the aliases
        know, such as the narrower MobileNets, which no claim is about.
        """
        flat, ends = _flat(name), _word_ends(name)
        known = {claim.model for claim in self.claims} - {ANY}
        hits = [
            (len(_flat(alias)), model)
            for model in sorted(known | set(self.aliases))
            for alias in (model, *self.aliases.get(model, ()))
            if _spelled(_flat(alias), flat, ends)
        ]
        found = max(hits)[1] if hits else None
        return found if found in known else None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Source(_Strict):
    title: Annotated[str, Field(min_length=1)]
    edition: Annotated[str, Field(min_length=1)]
    url: str | None = None


class _Said(_Strict):
    """What a claim, a table and a column may all say; the narrower comes first."""

    statement: str | None = None
    model: str | None = None
    variant: str | None = None
    kinds: list[str] | None = None
    per_channel: bool | None = None
    baseline: str | None = None
    dataset: str | None = None
    device: str | None = None
    metric: str | None = None
    quantity: str | None = None
    unit: str | None = None
    relation: str | None = None
    tolerance: float | None = None
    tolerance_share: float | None = None  # of the value, in the tolerance's place


class _Single(_Said):
    id: str
    value: float


class _Column(_Said):
    id: str


class _Table(_Said):
    id: str
    column: list[_Column]
    rows: dict[str, list[float | Literal["-"]]]


class _File(_Strict):
    source: _Source
    claim: list[_Single] = []
    table: list[_Table] = []


class _Aliases(_Strict):
    aliases: dict[str, list[str]]


def registry_folder() -> Path:
    """Return the folder of the claims that come with hil."""
    inside = _PACKAGE / "claims"  # in the wheel
    return inside if inside.is_dir() else _PACKAGE.parent / "claims"


def load_registry(folders: Sequence[Path] = ()) -> Registry:
    """Return all claims that come with hil and those of *folders*, in file order.

    Raises ConfigError with file and claim for what cannot be read, and where two
    claims have one id.
    """
    claims: dict[str, Claim] = {}
    aliases: dict[str, list[str]] = {}
    for folder in (registry_folder(), *folders):
        files = sorted(folder.glob("*.toml"))
        if not files:
            raise ConfigError(
                "no claims are there",
                where=str(folder),
                found="no .toml file",
                allowed="a folder of claims, as docs/claims.md tells",
            )
        for path in files:
            if path.name == _ALIASES:
                aliases |= _validated(path, _Aliases).aliases
                continue
            for claim in _read(path):
                if claim.id in claims:
                    raise _wrong(path, claim.id, "another claim has this id")
                claims[claim.id] = claim
    return Registry(claims=tuple(claims.values()), aliases=aliases)


def _read(path: Path) -> Iterator[Claim]:
    file = _validated(path, _File)
    source = Source(
        title=file.source.title, edition=file.source.edition, url=file.source.url
    )
    for single in file.claim:
        yield _claim(path, single.id, single.value, said=single, source=source)
    for table in file.table:
        for name, value, said in _cells(path, table):
            yield _claim(path, name, value, said=said, source=source)


def _cells(path: Path, table: _Table) -> Iterator[tuple[str, float, _Said]]:
    """Yield the id, the figure and what is said of each cell that is not empty."""
    for model, cells in table.rows.items():
        if len(cells) != len(table.column):
            found = f"{len(cells)} figures for {len(table.column)} columns"
            raise _wrong(path, f"{table.id}, {model}", found)
        for column, value in zip(table.column, cells, strict=True):
            if value == _ABSENT:
                continue
            said = _Said.model_validate(_keys(table) | _keys(column) | {"model": model})
            text = (said.statement or "").replace("{model}", model)
            said.statement = text.replace("{variant}", said.variant or "")
            yield f"{table.id}-{_slug(model)}-{column.id}", float(value), said


def _keys(said: _Said) -> dict[str, object]:
    return said.model_dump(exclude_none=True, include=set(_Said.model_fields))


def _claim(
    path: Path, name: str, value: float, *, said: _Said, source: Source
) -> Claim:
    if not _ID.fullmatch(name):
        raise _wrong(path, name, "an id is lower case words joined by hyphens")
    quantity = _member(Quantity, said.quantity, path=path, name=name)
    relation = _member(Relation, said.relation, path=path, name=name)
    unit = said.unit or ""
    if unit not in UNITS or UNITS[unit][0] is not quantity.dimension:
        fit = [key for key, (what, _) in UNITS.items() if what is quantity.dimension]
        found = f"{quantity.value} in {unit!r}; it is counted in {', '.join(fit)}"
        raise _wrong(path, name, found)
    for needed in ("statement", "model", "variant"):
        if not getattr(said, needed):
            raise _wrong(path, name, f"it has no {needed}")
    if quantity.needs_baseline and said.baseline is None:
        raise _wrong(path, name, f"{quantity.value} without a baseline")
    if relation is Relation.NO_DIFFERENCE and (
        quantity is not Quantity.ACCURACY_DROP or not said.tolerance
    ):
        found = "no_difference is of accuracy_drop_points, and has a tolerance"
        raise _wrong(path, name, found)
    return Claim(
        id=name,
        statement=said.statement or "",
        source=source,
        model=said.model or "",
        variant=said.variant or "",
        quantity=quantity,
        value=value,
        unit=unit,
        relation=relation,
        tolerance=said.tolerance or value * (said.tolerance_share or 0.0),
        kinds=tuple(said.kinds or ()),
        per_channel=said.per_channel,
        baseline=said.baseline,
        dataset=said.dataset,
        device=said.device,
        metric=said.metric or "top1",
    )


def _member(kind: type[_Word], text: str | None, *, path: Path, name: str) -> _Word:
    try:
        return kind(text)
    except ValueError as exc:
        allowed = ", ".join(str(member.value) for member in kind)
        found = f"{kind.__name__.lower()} {text!r}; allowed: {allowed}"
        raise _wrong(path, name, found) from exc


def _validated(path: Path, kind: type[_T]) -> _T:
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as exc:
        raise ConfigError(
            "the claims cannot be read", where=str(path), found=exc.strerror
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(
            "the claims are no TOML", where=str(path), found=str(exc)
        ) from exc
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _wrong(path, place, first["msg"]) from exc


def _flat(name: str) -> str:
    """Return *name* without case and signs: ResNet v2-101 is resnet_v2_101."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def _word_ends(name: str) -> set[int]:
    """Return where words of *name* end in `_flat(name)`, the beginning included."""
    ends = [0]
    for word in re.findall(r"[a-z0-9]+", name.lower()):
        ends.append(ends[-1] + len(word))
    return set(ends)


def _spelled(alias: str, flat: str, ends: set[int]) -> bool:
    """Whether whole words of the name make up *alias*: load01 is no ad01."""
    places = (match.start() for match in re.finditer(f"(?={re.escape(alias)})", flat))
    return any({place, place + len(alias)} <= ends for place in places)


def _slug(model: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")


def _wrong(path: Path, name: str, found: str) -> ConfigError:
    return ConfigError("a claim is wrong", where=f"{path}: {name}", found=found)
