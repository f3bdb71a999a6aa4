"""`hil claims`: published figures held against measured ones."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Group as Lines
from rich.text import Text

from hil.bench.claims import check as check_claims
from hil.bench.claims_evidence import FLOAT, given, read_files, read_measurements
from hil.bench.examples import resolve_path
from hil.cli.output import note, print_json, print_result
from hil.errors import ConfigError
from hil.printable import printable
from hil.report.plain_table import PlainTable
from hil.results.claims import load_registry
from hil.results.claims_verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.bench.claims_evidence import Group
    from hil.results.claims import Claim
    from hil.results.claims_measured import Measured
    from hil.results.claims_verdict import Finding

app = typer.Typer(add_completion=False, no_args_is_help=True)

_COUNTED = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_COLORS: Final = {
    Verdict.CONFIRMED: "green",
    Verdict.CONTRADICTED: "red",
    Verdict.UNDECIDABLE: "yellow",
    Verdict.ANOTHER_MODEL: "dim",
}
_Registry = Annotated[
    list[Path],
    typer.Option("--registry", help="A folder of more claims (docs/claims.md)."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback()
def claims() -> None:
    """Published figures with their sources, held against measured ones."""


@app.command("list")
def list_claims(
    pattern: Annotated[
        str, typer.Argument(help="Ids, with * for anything: 'tutorial-*'.")
    ] = "*",
    registry: _Registry = [],  # noqa: B006 - typer makes a new list each time
    json: _Json = False,
) -> None:
    """List the claims that hil knows."""
    claims = load_registry(registry).find([pattern])
    if json:
        print_json({"claims": [_claim_json(claim) for claim in claims]})
        return
    table = PlainTable()
    for name in ("claim", "model", "variant", "of", "claimed"):
        table.add_column(name)
    for claim in claims:
        cells = (
            claim.id,
            claim.model,
            claim.variant,
            claim.quantity.value,
            claim.in_words,
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    print_result(table)
    note(f"{len(claims)} claims; hil claims show ID tells of one")


@app.command()
def show(
    claim: Annotated[list[str], typer.Argument(help="Ids, or patterns with *.")],
    registry: _Registry = [],  # noqa: B006 - typer makes a new list each time
    json: _Json = False,
) -> None:
    """Tell all that is known of claims."""
    claims = load_registry(registry).find(claim)
    if json:
        print_json({"claims": [_claim_json(each) for each in claims]})
        return
    for each in claims:
        print_result(_rows(each.id, "bold", _told(each)))


@app.command()
def check(
    measured: Annotated[
        list[Path],
        typer.Argument(
            help="Run folders, or the JSON of hil bench, report, evaluate, quantize, "
            "convert, qat."
        ),
    ] = [],  # noqa: B006 - typer makes a new list each time
    claim: Annotated[
        list[str], typer.Option("--claim", help="An id, or a pattern with *.")
    ] = [],  # noqa: B006 - likewise
    model: Annotated[
        str | None, typer.Option(help="A float .tflite, to compare --variant with.")
    ] = None,
    variant: Annotated[
        list[str], typer.Option("--variant", help="Another .tflite of that model.")
    ] = [],  # noqa: B006 - likewise
    size_ratio: Annotated[
        float | None, typer.Option(help="A measured ratio of sizes, float : variant.")
    ] = None,
    accuracy: Annotated[
        str | None, typer.Option(metavar="RIGHT/N", help="Right answers of n samples.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Which model of the claims the files or figures are of."),
    ] = None,
    as_if: Annotated[
        bool,
        typer.Option("--as-if", help="Hold --claim to it though of another model."),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit status 1 for what is not confirmed, too."),
    ] = False,
    registry: _Registry = [],  # noqa: B006 - likewise
    json: _Json = False,
) -> None:
    """Hold claims to measurements: confirmed, contradicted, or undecidable.

    Exit status 1 where one is contradicted.
    """
    if as_if and not claim:
        raise ConfigError(
            "--as-if needs a claim",
            found="no --claim",
            remedy="--claim ID, of hil claims list",
        )
    known = load_registry(registry)
    claims = known.find(claim) if claim else ()
    groups: list[Group] = []
    for path in measured:
        more, notes = read_measurements(path)
        groups += more
        for text in notes:
            note(f"note: {text}")
    if model is not None or variant:
        groups.append(_files(model, variant, name))
    if size_ratio is not None or accuracy is not None:
        counted = None if accuracy is None else _counted(accuracy)
        ratio = None if size_ratio is None else _ratio(size_ratio)
        groups.append(given(name=name or "", size_ratio=ratio, counted=counted))
    if not groups:
        raise ConfigError(
            "nothing measured was given",
            allowed="a run folder, a JSON document, --model with --variant, "
            "--size-ratio or --accuracy",
            remedy="hil claims check runs/NAME",
        )
    findings = check_claims(known, groups, claims=claims, as_if=as_if)
    if json:
        print_json({"findings": [_finding_json(each) for each in findings]})
    else:
        _print_findings(findings, others=len(known.claims))
    raise typer.Exit(_status(findings, strict=strict))


def _status(findings: Sequence[Finding], *, strict: bool) -> int:
    verdicts = {finding.verdict for finding in findings}
    if strict:
        return 0 if verdicts == {Verdict.CONFIRMED} else 1
    return 1 if Verdict.CONTRADICTED in verdicts else 0


def _files(model: str | None, variants: Sequence[str], name: str | None) -> Group:
    named = [*([] if model is None else [model]), *variants]
    paths = [resolve_path(text, Path()) for text in named]
    # A variant's file has the name of its recipe in it, the float one the model's own.
    group = read_files(paths, name=name or (paths[0].stem if model else None))
    if model is not None and group[0].kind != FLOAT:
        raise ConfigError(
            "--model is no float model",
            where=str(paths[0]),
            found=group[0].label,
            allowed="a float32 .tflite, which the variants are compared with",
            remedy=f"--variant {paths[0]}, and --model with the model it was made of",
        )
    return group


def _counted(text: str) -> tuple[int, int]:
    match = _COUNTED.fullmatch(text)
    if match is None or not 0 < int(match[2]) >= int(match[1]):
        raise ConfigError(
            "these are no right answers",
            found=f"--accuracy {text}",
            allowed="RIGHT/N, such as 902/1000",
        )
    return int(match[1]), int(match[2])


def _ratio(value: float) -> float:
    if not 0 < value < float("inf"):
        raise ConfigError(
            "no ratio of sizes",
            found=f"--size-ratio {value:g}",
            allowed="float's bytes over the variant's, such as 3.51",
        )
    return value


def _print_findings(findings: Sequence[Finding], *, others: int) -> None:
    for finding in findings:
        lines = [
            ("of", _subject(finding.measured)),
            ("claimed", f"{finding.claim.statement}: {finding.claim.in_words}"),
            ("found", finding.reason),
        ]
        if finding.to_decide is not None:
            lines.append(("to decide", finding.to_decide))
        if finding.claim.dataset and finding.n is not None:
            lines.append(("note", f"published on {finding.claim.dataset}"))
        lines.append(("source", _source(finding.claim)))
        title = f"{finding.verdict.value}: {finding.claim.id}"
        print_result(_rows(title, _COLORS[finding.verdict], lines))
    counts = [
        f"{sum(f.verdict is verdict for f in findings)} {verdict.value}"
        for verdict in Verdict
        if any(f.verdict is verdict for f in findings)
    ]
    told = ", ".join(counts) or "no claim is about what was measured"
    note(f"{told}; hil claims list shows all {others}, --claim ID asks for one")


def _subject(measured: Measured) -> str:
    """Name what was measured, and what it is where its label is known."""
    names = dict.fromkeys((measured.model or "a figure", measured.variant))
    if Path(measured.where).name == measured.variant:
        names = {measured.where: None}  # a file that was named itself
    device = [] if measured.device is None else [f"on {measured.device}"]
    told = ", ".join([*names, *device])
    return told if measured.label is None else f"{told} ({measured.label})"


def _rows(title: str, color: str, lines: Sequence[tuple[str, str]]) -> Lines:
    table = PlainTable(show_header=False)
    table.add_column(min_width=9)
    table.add_column()
    for key, value in lines:
        table.add_row(Text(f"  {key}"), Text(printable(value)))
    return Lines(Text(printable(title), style=color), table)


def _told(claim: Claim) -> list[tuple[str, str]]:
    kinds = ", ".join(claim.kinds) or "none that hil makes"
    lines = [
        ("says", claim.statement),
        ("claimed", f"{claim.quantity.value}: {claim.in_words}"),
        ("model", claim.model),
        ("variant", f"{claim.variant} (hil's: {kinds})"),
        ("baseline", claim.baseline),
        ("dataset", claim.dataset),
        ("device", claim.device),
        ("source", _source(claim)),
    ]
    return [(key, value) for key, value in lines if value is not None]


def _source(claim: Claim) -> str:
    source = claim.source
    parts = (source.title, source.edition, source.url)
    return ", ".join(part for part in parts if part)


def _claim_json(claim: Claim) -> dict[str, object]:
    told = asdict(claim)
    told |= {
        "source": {k: v for k, v in asdict(claim.source).items() if v is not None},
        "quantity": claim.quantity.value,
        "relation": claim.relation.value,
        "kinds": list(claim.kinds),
    }
    return {key: value for key, value in told.items() if value is not None}


def _finding_json(finding: Finding) -> dict[str, object]:
    known = {
        "claim": finding.claim.id,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "model": finding.measured.model,
        "variant": finding.measured.variant,
        "label": finding.measured.label,
        "device": finding.measured.device,
        "where": finding.measured.where,
        "claimed": finding.claim.value,
        "relation": finding.claim.relation.value,
        "tolerance": finding.claim.tolerance,
        "unit": finding.claim.unit,
        "value": finding.value,
        "low": finding.low,
        "high": finding.high,
        "n": finding.n,
        "samples_needed": finding.samples_needed,
        "to_decide": finding.to_decide,
    }
    return {key: value for key, value in known.items() if value is not None}
