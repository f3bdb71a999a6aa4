"""`hil calibrate`: the X-ray of a calibration set, and a better one in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Group
from rich.text import Text

from hil.accuracy.datasets import load_dataset
from hil.bench.examples import resolve_path
from hil.cli.output import print_json, print_result
from hil.cli.quantize import calibration_inputs, check_against, parse_pixels
from hil.models.facts import read_model
from hil.models.graph import read_graph
from hil.printable import printable
from hil.quantization.calibration import (
    CalibrationData,
    check_calibration,
    checked_extremes,
    measure_ranges,
)
from hil.quantization.calibration_set import propose, to_json, verdict, write_set
from hil.quantization.calibrators import NAMES, Method, find_calibrator
from hil.quantization.operator_codes import with_operator_codes
from hil.quantization.xray import examine
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hil.models.graph import Graph
    from hil.quantization.calibration import Ranges
    from hil.quantization.calibration_set import Proposal
    from hil.quantization.calibrators import Calibrator

app = typer.Typer(add_completion=False)

_TENSORS = 20  # rows of the table; --json has them all


@app.command()
def calibrate(
    model: Annotated[
        str, typer.Argument(help="A float .tflite (example:digits.tflite).")
    ],
    calibration: Annotated[
        str, typer.Option(help="The samples to examine (.npz, IDX, folder).")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(help="Data that the model is known to take: same preprocessing?"),
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(help="What the model wants of raw pixels: 0..255, 0..1, -1..1."),
    ] = None,
    calibrator: Annotated[
        str, typer.Option(help=f"Ranges to show beside: {', '.join(NAMES)}.")
    ] = "minmax",
    write: Annotated[
        Path | None, typer.Option(help="Write the proposed set as .npz.")
    ] = None,
    fill: Annotated[
        bool, typer.Option("--fill", help="Fill thin classes with moved pictures.")
    ] = False,
    flip: Annotated[
        bool, typer.Option("--flip", help="Mirror every second one, too.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Say which samples set which ranges, which to drop, and whether they are enough.

    Exit status 1 where samples should be dropped and --write does not do it.
    """
    chosen = find_calibrator(calibrator)
    path, source = resolve_path(model, Path()), resolve_path(calibration, Path())
    data = with_operator_codes(read_model(path))
    graph = read_graph(data, str(path))
    given = load_dataset(source, float_targets=True)
    samples = calibration_inputs(given, graph, pixels=parse_pixels(pixels), path=path)
    check_calibration(samples, graph, where=str(path))
    checked = check_against(
        samples, graph, dataset=dataset, pixels=parse_pixels(pixels)
    )
    xray = examine(checked_extremes(data, samples, graph, where=str(path)))
    proposal = propose(
        xray,
        given.x,
        given.y,
        where=str(source),
        classes=_classes(graph),
        filling=fill,
        flips=flip,
    )
    ranges = _ranges(data, samples, graph, proposal=proposal, calibrator=chosen)
    if write is not None:
        write_set(
            proposal,
            write,
            x=given.x,
            y=given.targets if given.y is None else given.y,
            preprocessing=given.preprocessing,
        )
    if json:
        document = to_json(proposal, ranges=ranges, calibrator=chosen)
        written = {} if write is None else {"written": str(write)}
        print_json(
            {"model": str(path), **document, "preprocessing": checked, **written}
        )
    else:
        print_result(_page(proposal, ranges, chosen, checked=checked, write=write))
    if proposal.dropped and write is None:
        raise typer.Exit(1)


def _classes(graph: Graph) -> int:
    """Return how many classes the model's one output has, as far as it has any."""
    main = graph.subgraphs[0]
    return main.tensors[main.outputs[0]].shape[-1] if len(main.outputs) == 1 else 0


def _ranges(
    model: bytes,
    samples: CalibrationData,
    graph: Graph,
    *,
    proposal: Proposal,
    calibrator: Calibrator,
) -> Ranges:
    """Return the ranges that *calibrator* gives over the samples that are kept."""
    kept = CalibrationData(
        name=samples.name, x=np.delete(samples.x, list(proposal.dropped), axis=0)
    )
    return measure_ranges(model, kept, graph, where=samples.name, calibrator=calibrator)


def _page(
    proposal: Proposal,
    ranges: Ranges,
    calibrator: Calibrator,
    *,
    checked: str,
    write: Path | None,
) -> RenderableType:
    lines = [*verdict(proposal), f"preprocessing: {checked}"]
    if write is not None:
        lines.append(f"written: {write}")
    elif proposal.dropped or proposal.filled:
        lines.append("--write OUT.npz writes the proposed set")
    head = [
        Text(printable(line), style="bold" if i == 0 else "")
        for i, line in enumerate(lines)
    ]
    return Group(*head, Text(), _table(proposal, ranges, calibrator))


def _table(proposal: Proposal, ranges: Ranges, calibrator: Calibrator) -> PlainTable:
    kept = "minmax of kept" if calibrator.method is Method.MINMAX else calibrator.name
    names = ("tensor", "range", "set by", "without", "times", "resampled", kept)
    table = PlainTable()
    for name in names:
        table.add_column(name, justify="left" if name == "tensor" else "right")
    for tensor in proposal.xray.tensors[:_TENSORS]:
        cells = (
            _short(tensor.name),
            _ends(tensor.low, tensor.high),
            f"{_sample(tensor.low_sample)}, {_sample(tensor.high_sample)}",
            _ends(*tensor.without),
            f"{tensor.factor:.2f}",
            f"{tensor.spread[0]:.0%} to {tensor.spread[1]:.0%}",
            _ends(*ranges[tensor.name]),
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    more = len(proposal.xray.tensors) - _TENSORS
    if more > 0:
        table.add_row(Text(f"and {more} more (--json)"))
    return table


def _short(name: str) -> str:
    """Return the first of the names that a converter joined into one."""
    return name.split(";", 1)[0]


def _sample(index: int | None) -> str:
    return "many" if index is None else str(index)


def _ends(low: float, high: float) -> str:
    return f"{low:.4g} to {high:.4g}"
