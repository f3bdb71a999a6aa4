"""`hil toco`: a historical command line explained, judged, translated and run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from hil.cli.output import note, print_json, print_result
from hil.conversion.convert import convert
from hil.conversion.legacy.explain import Explanation, explain
from hil.conversion.legacy.findings import Finding, Severity
from hil.conversion.legacy.flags import Generation
from hil.conversion.legacy.order import order
from hil.conversion.legacy.proof import prove
from hil.deadline import Deadline
from hil.errors import ConfigError, RecordingError, nearest
from hil.printable import printable
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hil.conversion.legacy.proof import Check, Proof

app = typer.Typer(add_completion=False)

_SECONDS: Final = 600.0  # TensorFlow needs 10 s to start and seconds to convert
_STYLES: Final = {
    Severity.REFUSED: "bold red",
    Severity.IGNORED: "bold red",
    Severity.DIFFERS: "bold red",
    Severity.CHECK: "yellow",
    Severity.NOTE: "dim",
}


@app.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
    }
)
def toco(
    line: Annotated[
        list[str],
        typer.Argument(
            help="The command line verbatim, as words or as one quoted text; "
            "a bare -- may stand before it."
        ),
    ],
    run: Annotated[
        bool,
        typer.Option("--run", help="Convert (extra convert), prove it."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="With --run: this file, not the line's own."),
    ] = None,
    generation: Annotated[
        str | None,
        typer.Option(help="Where you know it: toco, v1 or v2."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Say what a toco or tflite_convert line meant, and what it means today.

    Exit status: 0 sound; 1 refused, or something differs; 2 no such line.
    """
    explanation = explain(line, _generation(generation))
    proof = written = None
    if run:
        if not json:
            print_result(_page(explanation))
        proof, written = _run(explanation, out)
    if json:
        print_json(_document(explanation, proof, written))
    elif proof is not None:
        print_result(_proof_page(proof, written))
    else:
        print_result(_page(explanation))
        print(f"\n# Python for TensorFlow 2.21\n{_code(explanation)}")
        print(_next(explanation))
    if not explanation.is_sound or (proof is not None and not proof.holds):
        raise typer.Exit(1)


def _generation(text: str | None) -> Generation | None:
    allowed = [generation.value for generation in Generation]
    if text is None:
        return None
    if text not in allowed:
        raise ConfigError(
            "there is no such generation",
            found=repr(text),
            allowed=", ".join(allowed),
            remedy=nearest(text, allowed),
        )
    return Generation(text)


def _run(explanation: Explanation, out: Path | None) -> tuple[Proof, Path]:
    request = order(explanation)
    path = out or Path(explanation.case.intent.output or "model.tflite")
    note(f"converting {request.source} with TensorFlow, which takes some seconds")
    log_path = path.with_name(f"{path.stem}_convert.log")
    converted = convert(request, Deadline(_SECONDS), log_path=log_path)
    try:
        path.write_bytes(converted.data)
    except OSError as exc:
        raise RecordingError(
            "the model cannot be written",
            where=str(path),
            found=exc.strerror or str(exc),
            remedy="choose another file by --out",
        ) from exc
    proof = prove(
        converted.data,
        explanation.case.intent,
        path=path,
        fake_quants=converted.fake_quants,
    )
    return proof, path


def _page(explanation: Explanation) -> RenderableType:
    verdict = explanation.verdict
    parts: list[RenderableType] = [
        _facts(
            [
                ("generation", verdict.generation.title),
                ("because", "; ".join(verdict.why)),
                *([("but", verdict.ambiguity)] if verdict.ambiguity else []),
                *[("then", text) for text in explanation.then],
                *[("today", text) for text in explanation.now],
                *[("input", text) for text in explanation.boundary],
            ]
        ),
        _title("Flags"),
        _flags(explanation),
        _title("Findings" if explanation.findings else "Findings: none"),
        *[_finding(finding) for finding in explanation.findings],
    ]
    return Group(*parts)


def _code(explanation: Explanation) -> str:
    # Not by rich, which would fold lines and fill them up with blanks.
    return printable(explanation.code, keep_lines=True)


def _next(explanation: Explanation) -> str:
    if any(finding.stops for finding in explanation.findings):
        return "next: mend what is marked above, then hil toco --run ..."
    return "next: hil toco --run ... converts the line and proves the result"


def _facts(rows: list[tuple[str, str]]) -> PlainTable:
    table = PlainTable(show_header=False)
    for index, (name, value) in enumerate(rows):
        repeated = index > 0 and rows[index - 1][0] == name
        table.add_row(
            Text("" if repeated else name, style="bold"), Text(printable(value))
        )
    return table


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _flags(explanation: Explanation) -> PlainTable:
    table = PlainTable()
    for name in ("flag", "then", "today"):
        table.add_column(name)
    for flag in explanation.flags:
        taken = "" if flag.standing == "taken" else f"[{flag.standing}] "
        default = f" (default {flag.default})" if flag.default else ""
        table.add_row(
            Text(printable(flag.written)),
            Text(taken + (flag.then + default if flag.then else "no such flag")),
            Text(flag.today or "-"),
        )
    return table


def _finding(finding: Finding) -> RenderableType:
    head = Text()
    head.append(f"{finding.severity.value:<8}", style=_STYLES[finding.severity])
    head.append(printable(finding.what))
    lines: list[RenderableType] = [head]
    for name, value in (
        ("it said", finding.said),
        ("today", finding.today),
        ("do", finding.remedy),
    ):
        if value is not None:
            text = Text(f"{name + ':':<9}", style="dim")
            text.append(printable(value), style="not dim")
            lines.append(_under(text))
    return Group(*lines)


def _proof_page(proof: Proof, written: Path | None) -> RenderableType:
    checks: list[RenderableType] = [_check(check) for check in proof.checks]
    facts = [("fact", text) for text in proof.facts]
    end = "the file is what the line says"
    if not proof.holds:
        end = "the file is NOT what the line says"
    return Group(
        _title("Proof"),
        _facts(
            [
                ("written", f"{written} ({proof.size_bytes:,} B)"),
                ("is", proof.label.text),
                *facts,
            ]
        ),
        *checks,
        Text(end, style="bold" if proof.holds else "bold red"),
    )


def _check(check: Check) -> RenderableType:
    mark = Text("holds   " if check.holds else "BROKEN  ")
    mark.stylize("green" if check.holds else "bold red")
    mark.append(printable(check.what), style="not bold default")
    if check.holds:
        return mark.append(f": {printable(check.found)}", style="not bold default")
    rows = [f"said:    {check.expected}", f"found:   {check.found}"]
    if check.why is not None:
        rows.append(f"why:     {check.why}")
    return Group(mark, *[_under(Text(printable(row))) for row in rows])


def _under(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 8), expand=False)


def _document(
    explanation: Explanation, proof: Proof | None, written: Path | None
) -> dict[str, object]:
    verdict, command = explanation.verdict, explanation.case.command
    document: dict[str, object] = {
        "generation": verdict.generation.value,
        "why": list(verdict.why),
        "program": command.program_text,
        "sound": explanation.is_sound,
        "then": list(explanation.then),
        "today": list(explanation.now),
        "boundary": list(explanation.boundary),
        "flags": [_present(flag) for flag in explanation.flags],
        "findings": [
            _present(finding) | {"severity": finding.severity.value}
            for finding in explanation.findings
        ],
        "python": explanation.code,
    }
    if verdict.ambiguity is not None:
        document["ambiguity"] = verdict.ambiguity
    if proof is not None:
        document["proof"] = {
            "path": str(written),
            "size_bytes": proof.size_bytes,
            "label": proof.label.text,
            "holds": proof.holds,
            "checks": [_present(check) for check in proof.checks],
            "facts": list(proof.facts),
        }
    return document


def _present(value: object) -> dict[str, object]:
    """Return the fields of a dataclass that are not absent."""
    fields = getattr(value, "__dataclass_fields__", {})
    pairs = ((name, getattr(value, name)) for name in fields)
    return {name: item for name, item in pairs if item is not None}
