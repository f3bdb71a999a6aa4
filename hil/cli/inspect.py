"""`hil inspect`: what a .tflite really is, or what ranges a graph has before it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.bench.examples import resolve_path
from hil.cli.inspect_page import Inspection, document, page, tensor_table
from hil.cli.output import note, print_json, print_result
from hil.errors import ConfigError
from hil.models.arena import CmsisNn, predict_arena
from hil.models.delegates import delegate_coverage
from hil.models.expectation import find_expectation, hold, name_says
from hil.models.facts import read_model
from hil.models.graph import read_graph
from hil.models.summary import summary_of

if TYPE_CHECKING:
    from hil.bench.runnable import Trial
    from hil.models.graph import Graph

app = typer.Typer(add_completion=False)

_GRAPHDEF_SUFFIXES = frozenset({".pb", ".pbtxt"})


@app.command()
def inspect(
    model: Annotated[
        str,
        typer.Argument(
            help="A .tflite (example:digits.tflite comes with hil); or a frozen "
            "graph (.pb) or SavedModel folder, whose quantization ranges are told."
        ),
    ],
    expect: Annotated[
        str | None,
        typer.Option(
            help="What it should be (int8, dynamic, float32, ...): exit 1 if it is not."
        ),
    ] = None,
    tensors: Annotated[
        bool, typer.Option("--tensors", help="Print every tensor too.")
    ] = False,
    engines: Annotated[
        bool,
        typer.Option(
            "--engines", help="Try the engines of this machine; proves the arena."
        ),
    ] = False,
    svg: Annotated[
        Path | None, typer.Option(help="Draw the graph, coloured by type.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Say what the file is by its own tensors, whatever its name says."""
    path = resolve_path(model, Path())
    if path.is_dir() or path.suffix.lower() in _GRAPHDEF_SUFFIXES:
        _refuse_options(path, expect=expect, engines=engines, svg=svg, tensors=tensors)
        _inspect_ranges(path, json=json)
        return
    expectation = None if expect is None else find_expectation(expect)
    data = read_model(path)
    graph = read_graph(data, str(path))
    summary = summary_of(graph, data, path)
    named = name_says(path.stem)
    found = Inspection(
        summary=summary,
        delegates=delegate_coverage(graph),
        name=None if named is None else hold(named, summary.label),
        expected=None if expectation is None else hold(expectation, summary.label),
        arena=predict_arena(graph),
        cmsis_nn={core: predict_arena(graph, cmsis_nn=core) for core in CmsisNn},
        trials=_trials(data, path) if engines else None,
    )
    if svg is not None:
        _draw(graph, path, svg)
    if json:
        print_json(document(found))
    else:
        print_result(page(found))
        if tensors:
            print(f"\n{tensor_table(summary)}")
    if found.expected is not None and not found.expected.holds:
        raise typer.Exit(1)


def _trials(data: bytes, path: Path) -> tuple[Trial, ...]:
    # The engines take half a second to import, and nothing else here needs them.
    from hil.bench.runnable import try_engines  # noqa: PLC0415

    return try_engines(data, path)


def _inspect_ranges(path: Path, *, json: bool) -> None:
    # A .tflite needs none of this.
    from hil.cli.inspect_ranges import ranges_document, ranges_page  # noqa: PLC0415
    from hil.models.graphdef import read_graphdef  # noqa: PLC0415
    from hil.models.ranges import range_coverage  # noqa: PLC0415

    coverage = range_coverage(read_graphdef(path), where=str(path))
    if json:
        print_json(ranges_document(coverage, path))
    else:
        print_result(ranges_page(coverage, path))
    if coverage.uncovered or coverage.faults:
        raise typer.Exit(1)


def _draw(graph: Graph, path: Path, svg: Path) -> None:
    # Only who asks for a picture pays for the layout.
    from hil.models.picture import draw  # noqa: PLC0415

    part = svg.with_name(f".{svg.name}.part")
    try:
        part.write_text(draw(graph, title=path.name), encoding="utf-8")
        part.replace(svg)
    except OSError as exc:
        with suppress(OSError):
            part.unlink()
        raise ConfigError(
            "the picture cannot be written",
            where=str(svg),
            found=exc.strerror or str(exc),
            allowed="a file in a folder that is there and has room",
        ) from exc
    note(f"{svg}: written")


def _refuse_options(
    path: Path, *, expect: str | None, engines: bool, svg: Path | None, tensors: bool
) -> None:
    given = {
        "--expect": expect is not None,
        "--engines": engines,
        "--svg": svg is not None,
        "--tensors": tensors,
    }
    wrong = [name for name, was_given in given.items() if was_given]
    if wrong:
        raise ConfigError(
            "these options are for a .tflite",
            where=str(path),
            found=", ".join(wrong),
            allowed="--json",
            remedy="hil convert makes a .tflite of it",
        )
