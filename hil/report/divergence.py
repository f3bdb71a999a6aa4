"""The pairs of `hil diverge`, and a device's fingerprint, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from hil.printable import printable
from hil.report import divergence_words as words
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from hil.accuracy.divergence_found import Comparison, Fingerprint, FirstLayer, Pair

HEADS: Final = (
    "pair",
    "identical",
    "largest",
    "label flips, 95 %",
    "first layer that differs",
)
_MOST_FLIPPED: Final = 12
_LONGEST_NAME: Final = 60


def render(found: Comparison, *, engines: Sequence[str]) -> RenderableType:
    """Return the table of all pairs, then what is known of each that differs.

    *engines* are the names of those on this host. Pairs of sides with the same answers
    are told of once, where they part at the same layer.
    """
    home = {name: i for i, group in enumerate(found.groups) for name in group}
    alike: dict[tuple[frozenset[int], str], list[Pair]] = {}
    for pair in found.pairs:
        if pair.differing:
            ends = frozenset((home[pair.left], home[pair.right]))
            alike.setdefault((ends, words.layer(pair)), []).append(pair)
    parts: list[RenderableType] = [_line(words.title(found)), _table(found.pairs)]
    parts += [_line(f"\n{words.groups(found)}")]
    for pairs in alike.values():
        parts += [_line(""), *_details(pairs)]
    predictions = words.predictions(found, engines)
    if predictions:
        parts.append(_line("\n" + "\n".join(predictions)))
    return Group(*parts)


def render_fingerprint(found: Fingerprint) -> RenderableType:
    """Return the verdict on a device, and the figures that it rests on."""
    parts: list[RenderableType] = [
        _line(f"{found.source} ({found.engine})"),
        _indented(words.verdict(found), 2),
    ]
    if found.pairs:
        parts.append(_table(found.pairs, with_layer=False))
    parts += [_indented(f"doubt: {d.item}: {d.found}", 2) for d in found.doubts]
    advice = dict.fromkeys(doubt.advice for doubt in found.doubts if doubt.advice)
    parts += [_indented(f"next: {text}", 2) for text in advice]
    return Group(*parts)


def cells(pair: Pair) -> tuple[str, ...]:
    """Return the row of a pair, a text for each of HEADS."""
    divergence = pair.divergence
    return (
        f"{pair.left} : {pair.right}",
        words.identical(divergence),
        words.largest(divergence),
        words.flips(divergence.flips),
        words.layer(pair),
    )


def _table(pairs: Sequence[Pair], *, with_layer: bool = True) -> PlainTable:
    table = PlainTable()
    heads = HEADS if with_layer else HEADS[:-1]
    for number, head in enumerate(heads):
        last = number in {0, len(HEADS) - 1}
        table.add_column(head, justify="left" if last else "right")
    for pair in pairs:
        row = cells(pair)[: len(heads)]
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _details(pairs: Sequence[Pair]) -> list[RenderableType]:
    # The one whose layers were looked into stands for all.
    pair, *others = sorted(pairs, key=lambda each: each.layers_of is not None)
    parts: list[RenderableType] = [_line(f"{pair.left} : {pair.right}")]
    if others:
        names = ", ".join(f"{other.left} : {other.right}" for other in others)
        parts.append(_indented(f"and so {names}", 2))
    by_row = pair.divergence.rows_by_lsb
    if by_row is not None:
        told = ", ".join(f"{n:,} by {lsb}" for lsb, n in words.histogram(by_row))
        parts.append(_indented(f"inputs by their largest difference in LSB: {told}", 2))
    if pair.flipped:
        shown = ", ".join(map(str, pair.flipped[:_MOST_FLIPPED]))
        more = len(pair.flipped) - _MOST_FLIPPED
        told = shown + (f" and {more} more" if more > 0 else "")
        parts.append(_indented(f"flipped inputs: {told}", 2))
    if pair.layers_unknown is not None and pair.layers_of is None:
        parts.append(_indented(f"first layer not known: {pair.layers_unknown}", 2))
    return parts + (_layer_lines(pair, pair.first_layer) if pair.first_layer else [])


def _layer_lines(pair: Pair, first: FirstLayer) -> list[RenderableType]:
    if pair.layers_of is not None:
        left, right = pair.layers_of
        text = f"layers as of {left} : {right}, which gave the same answers"
        return [_indented(text, 2)]
    name = first.tensor
    if len(name) > _LONGEST_NAME:
        name = f"...{name[-_LONGEST_NAME:]}"
    lines = [words.layer_found(first), words.options(first)]
    lines += [f"{name:<8} {text}" for name, text in words.tensors(first)]
    lines.append(f"{words.cause(first)}: {first.cause.text}")
    head = f"operator {first.operator} {first.name} ({name})"
    return [_indented(head, 2), *(_indented(line, 4) for line in lines)]


def _indented(text: str, by: int) -> RenderableType:
    return Padding(_line(text), (0, 0, 0, by), expand=False)


def _line(text: str) -> Text:
    return Text(printable(text, keep_lines=True))
