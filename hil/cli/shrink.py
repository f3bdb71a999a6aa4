"""`hil shrink`: a .tflite without what no kernel reads, proved by running both."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import prepare
from hil.bench.examples import resolve_path
from hil.cli.output import print_json, print_result
from hil.errors import ConfigError
from hil.models.facts import anatomy, read_model, sha256_of
from hil.models.graph import read_graph
from hil.models.input_spec import input_spec
from hil.models.label import label
from hil.printable import printable
from hil.quantization.diet import Slim, slim
from hil.quantization.diet_per_tensor import PerTensor, per_tensor
from hil.quantization.diet_proof import prove, random_inputs, require_identical
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from rich.console import RenderableType

    from hil.models.facts import Anatomy
    from hil.quantization.diet_per_tensor import Verdict
    from hil.quantization.diet_proof import Inputs, Proof

app = typer.Typer(add_completion=False)

_SUFFIX = "_shrunk.tflite"
_PARTS = (
    ("weights and constants", "weight_bytes"),
    ("quantization", "quantization_bytes"),
    ("names", "name_bytes"),
    ("metadata", "metadata_bytes"),
    ("structure and padding", "rest_bytes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Samples:
    """The dataset in the type of the model's input."""

    x: npt.NDArray[np.generic]
    y: npt.NDArray[np.int64] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """All that is told of one diet."""

    source: Path
    path: Path
    before: Anatomy
    after: Anatomy
    before_bytes: int
    slim: Slim
    label: str
    proofs: tuple[Proof, ...]
    requantized: PerTensor | None


@app.command()
def shrink(
    model: Annotated[
        str, typer.Argument(help="A .tflite (example:digits.tflite comes with hil).")
    ],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", help=f"The file, or a folder for NAME{_SUFFIX}."),
    ] = Path(),
    keep_names: Annotated[
        bool, typer.Option("--keep-names", help="Keep the names of tensors.")
    ] = False,
    drop_signatures: Annotated[
        bool,
        typer.Option(
            "--drop-signatures",
            help="Drop signatures too: microcontrollers never read them, apps may.",
        ),
    ] = False,
    requantize: Annotated[
        bool,
        typer.Option(
            "--per-tensor",
            help="Also give weights one scale each where a paired test on --dataset "
            "finds no harm. This changes answers; the flips are told.",
        ),
    ] = False,
    dataset: Annotated[
        str | None,
        typer.Option(help="Samples to prove and judge on (.npz, IDX, folder)."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Take the first N of the dataset.")
    ] = None,
    inputs: Annotated[
        int, typer.Option(min=1, help="How many random inputs the proof runs.")
    ] = 100,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document.")
    ] = False,
) -> None:
    """Drop what no kernel reads; the answers are proved to be the same to the bit."""
    path = resolve_path(model, Path())
    data = read_model(path)
    target = _target(path, out)
    data_samples = _samples(data, path, dataset, count=samples)
    changed = _requantized(data, path, data_samples) if requantize else None
    start = data if changed is None else changed.data
    slimmed = slim(
        start, where=str(path), keep_names=keep_names, drop_signatures=drop_signatures
    )
    graph = read_graph(data, str(path))
    rows = random_inputs(graph, inputs) + _rows(data_samples)
    proofs = prove(start, slimmed.data, rows)
    require_identical(proofs, where=str(path))
    _write(target, slimmed.data)
    after = read_graph(slimmed.data, str(target))
    outcome = _Outcome(
        source=path,
        path=target,
        before=anatomy(graph),
        after=anatomy(after),
        before_bytes=len(data),
        slim=slimmed,
        label=label(after).text,
        proofs=proofs,
        requantized=changed,
    )
    if json:
        print_json(_document(outcome))
    else:
        print_result(_page(outcome))


def _target(path: Path, out: Path) -> Path:
    target = out / f"{path.stem}{_SUFFIX}" if out.is_dir() else out
    if target.exists() and target.samefile(path):
        raise ConfigError(
            "the shrunk model would replace the model itself",
            where=str(target),
            remedy="give -o another file or a folder",
        )
    return target


def _samples(
    data: bytes, path: Path, dataset: str | None, *, count: int | None
) -> _Samples | None:
    if dataset is None:
        return None
    found = load_dataset(resolve_path(dataset, Path()), float_targets=True)
    spec = input_spec(read_graph(data, str(path)))
    x = prepare(found, spec)[:count]
    return _Samples(x=x, y=None if found.y is None else found.y[:count])


def _requantized(data: bytes, path: Path, samples: _Samples | None) -> PerTensor:
    if samples is None or samples.y is None:
        raise ConfigError(
            "--per-tensor needs labelled samples: without them harm cannot be seen",
            where=str(path),
            found="no --dataset" if samples is None else "a dataset without labels",
            allowed="a dataset with labels",
            remedy="--dataset test.npz, with x and y",
        )
    return per_tensor(data, samples.x, samples.y, where=str(path))


def _rows(samples: _Samples | None) -> list[Inputs]:
    return [] if samples is None else [[sample[None]] for sample in samples.x]


def _write(target: Path, data: bytes) -> None:
    """Write the file whole or not at all."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError as exc:
        with suppress(OSError):
            part.unlink()
        raise ConfigError(
            "the shrunk model cannot be written",
            where=str(target),
            found=exc.strerror or str(exc),
            allowed="a file in a folder that is there and has room",
        ) from exc


def _page(outcome: _Outcome) -> RenderableType:
    size = len(outcome.slim.data)
    lines = [
        ("file", str(outcome.path)),
        (
            "size",
            f"{outcome.before_bytes:,} B -> {size:,} B ({_change(outcome)})",
        ),
        ("is", outcome.label),
        ("dropped", ", ".join(outcome.slim.done) or "nothing: there was nothing"),
        *_told(outcome.requantized),
        *[("proof", _proved(proof)) for proof in outcome.proofs],
        *[("arena", text) for text in _arena(outcome.proofs)],
    ]
    head = PlainTable(show_header=False)
    for name, value in lines:
        head.add_row(Text(name, style="bold"), Text(printable(value)))
    return Group(head, Text(), _parts(outcome))


def _change(outcome: _Outcome) -> str:
    return f"{len(outcome.slim.data) / outcome.before_bytes - 1:+.1%}"


def _parts(outcome: _Outcome) -> PlainTable:
    table = PlainTable()
    table.add_column("bytes of")
    for name in ("before", "after", "less"):
        table.add_column(name, justify="right")
    for words, field in _PARTS:
        before, after = getattr(outcome.before, field), getattr(outcome.after, field)
        table.add_row(words, f"{before:,}", f"{after:,}", f"{before - after:,}")
    size = len(outcome.slim.data)
    table.add_row(
        "the file",
        f"{outcome.before_bytes:,}",
        f"{size:,}",
        f"{outcome.before_bytes - size:,}",
    )
    return table


def _proved(proof: Proof) -> str:
    if proof.refusal is not None:
        return f"{proof.engine}: not proved there, since {proof.refusal}"
    return (
        f"{proof.engine}: {proof.identical} of {proof.inputs} inputs answered the same "
        "to the bit"
    )


def _arena(proofs: Sequence[Proof]) -> list[str]:
    return [
        f"{proof.arena_before_bytes:,} B -> {proof.arena_after_bytes:,} B "
        f"({proof.engine}, on a 32-bit core)"
        for proof in proofs
        if proof.arena_before_bytes is not None and proof.arena_after_bytes is not None
    ]


def _told(changed: PerTensor | None) -> list[tuple[str, str]]:
    if changed is None:
        return []
    share = f"{len(changed.sites)} of {changed.candidates} weights have one scale now"
    lines = [("per tensor", f"{share}: {_tested(changed.verdict)}")]
    if changed.refused is not None:
        text = f"all {changed.candidates} would do harm: {_tested(changed.refused)}"
        lines.append(("", text))
    return lines


def _tested(verdict: Verdict) -> str:
    return (
        f"{verdict.correct_before} -> {verdict.correct_after} of {verdict.n} right, "
        f"{verdict.flips} labels flipped, {verdict.lost} lost, {verdict.gained} "
        f"gained, exact McNemar p = {verdict.p:.2g} ({verdict.engine})"
    )


def _document(outcome: _Outcome) -> dict[str, object]:
    document: dict[str, object] = {
        "source": str(outcome.source),
        "path": str(outcome.path),
        "sha256": sha256_of(outcome.slim.data),
        "label": outcome.label,
        "before_bytes": outcome.before_bytes,
        "after_bytes": len(outcome.slim.data),
        "anatomy": {"before": asdict(outcome.before), "after": asdict(outcome.after)},
        "dropped": list(outcome.slim.done),
        "proofs": [
            {name: value for name, value in asdict(proof).items() if value is not None}
            for proof in outcome.proofs
        ],
    }
    changed = outcome.requantized
    if changed is not None:
        document["per_tensor"] = {
            "weights": len(changed.sites),
            "candidates": changed.candidates,
            "test": asdict(changed.verdict),
            **({"refused": asdict(changed.refused)} if changed.refused else {}),
        }
    return document
