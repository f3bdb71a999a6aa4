"""`hil diverge`: the same inputs on engines and devices, and where they part."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.accuracy.divergence_found import Answerer, Comparison
from hil.accuracy.inputs import find_pixels
from hil.bench.diverging.fingerprint import fingerprint, fingerprint_log
from hil.bench.diverging.pairs import hold_together
from hil.bench.diverging.recorded import read_log
from hil.bench.diverging.sides import ENGINES, is_log, opened, parse_names
from hil.bench.diverging.subject import read_subject
from hil.bench.examples import resolve_path
from hil.cli.output import print_json, progress_console, result_console
from hil.cli.tapes import Tapes
from hil.cli.targets import make_target
from hil.deadline import Deadline
from hil.errors import ConfigError, RecordingError, nearest
from hil.printable import printable
from hil.report.divergence import render, render_fingerprint
from hil.report.divergence_document import document, fingerprint_document
from hil.report.divergence_page import page
from hil.results.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.accuracy.divergence_found import Fingerprint
    from hil.bench.diverging.subject import Subject

app = typer.Typer(add_completion=False)

_REQUIRED = ("identical", "labels")


@app.command()
def diverge(
    model: Annotated[str, typer.Argument(help="A .tflite file (example:... too).")],
    inputs: Annotated[
        str, typer.Option(help="What all are given (.npz, IDX, MLPerf folder).")
    ],
    on: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="litert, litert-builtin, litert-ref, tflm, devices, cassette:F, .npz.",
        ),
    ] = None,
    unknown: Annotated[
        str | None,
        typer.Option(
            "--fingerprint",
            metavar="WHAT",
            help="Name the engine of this log, .npz, cassette:FILE or device.",
        ),
    ] = None,
    require: Annotated[
        str | None,
        typer.Option(metavar="identical|labels", help="Exit 1 unless all pairs are."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Use the first so many inputs only.")
    ] = None,
    layer_inputs: Annotated[
        int,
        typer.Option(min=0, help="Look into the layers of so many inputs that differ."),
    ] = 16,
    pixels: Annotated[
        str | None,
        typer.Option(help="What the model wants of raw pixels: 0..255, 0..1, -1..1."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one HTML file, too.")] = None,
    timeout_seconds: Annotated[
        float, typer.Option(help="The deadline of everything.", min=1)
    ] = 1800.0,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Hold answers against each other, bit for bit, and find the layer that parts them.

    Exit status 0 whatever is found, unless --require is broken.
    """
    _check(on, unknown, require, html)
    subject = read_subject(
        resolve_path(model, Path()),
        resolve_path(inputs, Path()),
        samples=samples,
        pixels=find_pixels(pixels),
    )
    deadline = Deadline(timeout_seconds)
    with tempfile.TemporaryDirectory(prefix="hil-diverge-") as scratch:
        folder = RunFolder.create(Path(scratch), subject.artifact.name)
        if unknown is not None:
            found = _fingerprint(unknown, subject, folder, deadline)
            _show_fingerprint(found, json=json)
            return
        assert on is not None
        compared = _compare(
            parse_names(on), subject, folder, deadline, layer_inputs=layer_inputs
        )
    if html is not None:
        _write(html, page(compared))
    if json:
        print_json(document(compared))
    else:
        result_console().print(render(compared, engines=ENGINES))
    raise typer.Exit(0 if _holds(compared, require) else 1)


def _check(
    on: str | None, unknown: str | None, require: str | None, html: Path | None
) -> None:
    if (on is None) == (unknown is None):
        raise ConfigError(
            "it is unclear what to compare",
            found="neither --on nor --fingerprint" if on is None else "both",
            allowed="--on A,B,... or --fingerprint WHAT",
        )
    if require is not None and require not in _REQUIRED:
        raise ConfigError(
            "unknown requirement",
            found=repr(require),
            allowed=", ".join(_REQUIRED),
            remedy=nearest(require, _REQUIRED),
        )
    if unknown is not None and (require is not None or html is not None):
        raise ConfigError(
            "--require and --html belong to --on", found="--fingerprint beside them"
        )


def _compare(
    names: Sequence[str],
    subject: Subject,
    folder: RunFolder,
    deadline: Deadline,
    *,
    layer_inputs: int,
) -> Comparison:
    progress = _progress()
    tapes = Tapes()
    with opened(
        names,
        subject,
        deadline,
        make=lambda profile: make_target(profile, folder, tapes),
        keep_model=folder.add_model,
        progress=progress,
    ) as sides:
        pairs = hold_together(
            subject, sides, deadline, layer_rows=layer_inputs, progress=progress
        )
    return Comparison(
        model=subject.artifact.name,
        sha256=subject.artifact.sha256,
        dataset=subject.dataset,
        inputs=len(subject.samples),
        sides=tuple(
            Answerer(name=side.name, engine=side.engine, answered=len(side.rows))
            for side in sides
        ),
        pairs=tuple(pairs),
    )


def _fingerprint(
    unknown: str, subject: Subject, folder: RunFolder, deadline: Deadline
) -> Fingerprint:
    log = read_log(Path(unknown), subject) if is_log(unknown) else None
    known = log is not None and log.side is None
    tapes = Tapes()
    with opened(
        # Without inputs that are known there is nothing to run.
        [] if known else list(ENGINES) if log is not None else [unknown, *ENGINES],
        subject,
        deadline,
        make=lambda profile: make_target(profile, folder, tapes),
        keep_model=folder.add_model,
        progress=_progress(),
    ) as sides:
        if log is not None:
            return fingerprint_log(subject, log, sides, deadline)
        return fingerprint(subject, sides[0], sides[1:], deadline)


def _show_fingerprint(found: Fingerprint, *, json: bool) -> None:
    if json:
        print_json(fingerprint_document(found))
    else:
        result_console().print(render_fingerprint(found))


def _holds(compared: Comparison, require: str | None) -> bool:
    if require is None:
        return True
    broken = (
        pair.differing if require == "identical" else pair.flipped
        for pair in compared.pairs
    )
    return not any(broken)


def _progress() -> Callable[[str], None]:
    console = progress_console()
    return lambda text: console.print(printable(text), style="dim", markup=False)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise RecordingError(
            "the page cannot be written",
            where=str(path),
            found=exc.strerror or str(exc),
        ) from exc
