"""A certificate of qualification as one HTML page: no script, no network; pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.report.page import asset, content_hash, environment
from hil.results.certificate import CERTIFICATE, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.results.certificate import Certificate, Item

# Said without colour too, for people and printers that have none.
_MARKS: Final = {
    Outcome.PASSED: ("pass", "✓ pass"),
    Outcome.FAILED: ("fail", "✗ fail"),
    Outcome.UNDECIDED: ("open", "? not decided"),
    Outcome.NOT_MEASURABLE: ("none", "· not measurable"),
}
_VERDICTS: Final = {
    Outcome.PASSED: "Qualified: every item that could be measured passed.",
    Outcome.FAILED: "Not qualified: an item failed.",
    Outcome.UNDECIDED: "Not decided: no item failed, but a sample leaves a limit open.",
    Outcome.NOT_MEASURABLE: "Nothing could be measured.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    item: Item
    style: str
    mark: str
    value: str
    n: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    name: str
    rows: Sequence[_Row]


def to_html(certificate: Certificate) -> str:
    """Return the page; all text of a device in it is escaped and made printable."""
    style, mark = _MARKS[certificate.outcome]
    css = asset("certificate.css")
    return (
        environment()
        .get_template("certificate.html.j2")
        .render(
            certificate=certificate,
            css=css,
            css_hash=content_hash(css),
            file=CERTIFICATE,
            mark=mark,
            style=style,
            verdict=_VERDICTS[certificate.outcome],
            counts=_counts(certificate.items),
            parts=_parts(certificate.items),
            tables=(
                ("Firmware or binary", _facts(certificate.ids)),
                ("Profile", _facts(certificate.profile)),
                ("Environment", _facts(certificate.environment)),
                ("Limits", _facts(certificate.limits.values)),
            ),
        )
    )


def _counts(items: Sequence[Item]) -> str:
    told = [
        (sum(item.outcome is outcome for item in items), outcome.value)
        for outcome in Outcome
    ]
    return ", ".join(f"{count} {name}" for count, name in told if count)


def _parts(items: Sequence[Item]) -> list[_Part]:
    names = dict.fromkeys(item.part for item in items)
    return [
        _Part(name=name, rows=[_row(item) for item in items if item.part == name])
        for name in names
    ]


def _row(item: Item) -> _Row:
    style, mark = _MARKS[item.outcome]
    value = "-"
    if item.value is not None:
        number = f"{item.value:{',.0f' if item.value == int(item.value) else '.4g'}}"
        value = f"{number} {item.unit or ''}".strip()
    return _Row(
        item=item,
        style=style,
        mark=mark,
        value=value,
        n="-" if item.n is None else f"{item.n:,}",
        evidence=json.dumps(item.evidence, indent=1) if item.evidence else "",
    )


def _facts(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested values as rows of a dotted name and a text."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            rows += _facts(value, f"{prefix}{key}.")
        elif value not in (None, {}, [], ""):
            text = value if isinstance(value, str) else json.dumps(value)
            rows.append((f"{prefix}{key}", text))
    return rows
