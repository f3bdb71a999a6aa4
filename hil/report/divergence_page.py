"""The pairs of `hil diverge` as one HTML file: no script, no network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.report import divergence_words as words
from hil.report.divergence import HEADS, cells
from hil.report.page import asset, content_hash, environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.accuracy.divergence_found import Comparison, Pair

_BAR_WIDTH: Final = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    name: str
    count: int
    width: int  # by the logarithm: one row among a thousand must be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class _Detail:
    title: str
    facts: tuple[tuple[str, str], ...]
    rows: tuple[_Bar, ...]
    values: tuple[_Bar, ...]


def page(found: Comparison) -> str:
    """Return the page; all texts of models and devices in it are escaped."""
    style = asset("divergence.css")
    return (
        environment()
        .get_template("divergence.html.j2")
        .render(
            policy=f"default-src 'none'; style-src {content_hash(style)}",
            style=style,
            title=words.title(found),
            groups=words.groups(found).splitlines(),
            sides=found.sides,
            sha256=found.sha256,
            heads=HEADS,
            rows=[cells(pair) for pair in found.pairs],
            details=[_detail(pair) for pair in found.pairs if pair.differing],
            bar_width=_BAR_WIDTH,
        )
    )


def _detail(pair: Pair) -> _Detail:
    facts = []
    if pair.flipped:
        facts.append(("flipped inputs", ", ".join(map(str, pair.flipped))))
    first = pair.first_layer
    if first is not None:
        if pair.layers_of is not None:
            facts.append(("layers of", " : ".join(pair.layers_of)))
        facts += [
            ("first layer", f"operator {first.operator} {first.name}: {first.tensor}"),
            ("found", words.layer_found(first)),
            ("options", words.options(first)),
            *words.tensors(first),
            (words.cause(first), first.cause.text),
        ]
    elif pair.layers_unknown is not None:
        facts.append(("first layer", f"not known: {pair.layers_unknown}"))
    divergence = pair.divergence
    return _Detail(
        title=f"{pair.left} : {pair.right}",
        facts=tuple(facts),
        rows=_bars(dict(words.histogram(divergence.rows_by_lsb or {}))),
        values=_bars(
            {f"{lsb:+d}": n for lsb, n in (divergence.values_by_lsb or {}).items()}
        ),
    )


def _bars(counts: Mapping[str, int]) -> tuple[_Bar, ...]:
    longest = math.log1p(max(counts.values(), default=1))
    return tuple(
        _Bar(
            name=name,
            count=count,
            width=max(1, round(_BAR_WIDTH * math.log1p(count) / longest)),
        )
        for name, count in counts.items()
    )
