"""What `hil qat` shows: a table of the variants, remarks, one JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from hil.accuracy.gate import POINTS
from hil.models.facts import sha256_of
from hil.models.graph import read_graph
from hil.models.label import label
from hil.printable import printable
from hil.quantization.qat.qat import FLOAT, QAT, TUNED
from hil.quantization.qat.versus import ENGINE
from hil.report.accuracy import comparison_json, rating_json
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.quantization.qat.qat import FineTuned
    from hil.quantization.qat.versus import Standing

PTQ: Final = "ptq-int8"
_SCHEMA: Final = 1


def comparison_table(models: Mapping[str, bytes], standing: Standing) -> PlainTable:
    """Return a row for each variant, beside the float model and beside PTQ."""
    table = PlainTable()
    for name in ("variant", "size", "is", "accuracy", "95 % interval"):
        table.add_column(
            name, justify="right" if name in {"size", "accuracy"} else "left"
        )
    table.add_column("lost/gained, p beside float")
    table.add_column(f"lost/gained, p beside {PTQ}")
    found = {(row.variant, row.baseline): row.comparison for row in standing.versus}
    for name, data in models.items():
        rating = standing.ratings[name]
        low, high = (f"{POINTS * end:.2f}" for end in (rating.low, rating.high))
        cells = [
            name,
            f"{len(data):,} B",
            label(read_graph(data, name)).text,
            f"{rating.value:.2%}",
            f"{low} .. {high} %, n={rating.n:,}",
        ]
        for baseline in (FLOAT, PTQ):
            pair = found.get((name, baseline))
            cells.append(
                "-" if pair is None else f"{pair.lost}/{pair.gained}, {pair.p_holm:.2g}"
            )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def remarks(
    tuned: FineTuned, paths: Mapping[str, Path], standing: Standing, *, dataset: str
) -> list[str]:
    """Say what the comparison shows and what it does not, and where the files are."""
    lines = [row.verdict for row in standing.versus if row.baseline == PTQ]
    epochs = tuned.request.epochs
    lines.append(
        f"exact McNemar on {dataset}, kernels {ENGINE.value}, p adjusted by Holm; "
        f"{QAT} had {epochs} more epochs of training than {FLOAT} and {PTQ}"
    )
    tuning = tuned.told.get("tuning")
    if isinstance(tuning, dict):
        lines += _tuning(tuning)
    files = ", ".join(str(path) for path in paths.values())
    return [*lines, f"files: {files}", f"log: {tuned.log_path}"]


def _tuning(tuning: Mapping[str, object]) -> list[str]:
    """Say what the tuning came to, and what of it no .tflite can hold."""
    before = tuning["before"]
    assert isinstance(before, dict)
    start = f"held-out loss {before['loss']:.4f}, {before['accuracy']:.2%} right"
    after = tuning.get("after")
    if isinstance(after, dict):
        return [
            f"ranges trained: {start} -> {after['loss']:.4f}, {after['accuracy']:.2%}"
        ]
    trials = tuning["trials"]
    assert isinstance(trials, list)
    best = tuning.get("best")
    count = f"{len(trials)} trials ({tuning['resumed']} of them from before)"
    lines = [
        f"{count}, {tuning['sampler']}; without any: {start}",
        f"no trial with 8 bits throughout was better, so there is no {TUNED}"
        if best is None
        else f"trial {best} has the best ranges at 8 bits: {TUNED}",
    ]
    simulated = [t for t in trials if t["simulated"] and t["front"]]
    if simulated:
        lines += [
            "other bits are simulated: no .tflite holds them but 4-bit weights (int4)",
            "of the best: loss, accuracy, bytes of weights and activations",
        ]
        lines += [
            f"  trial {t['number']}: {t['loss']:.4f}, {t['accuracy']:.2%}, "
            f"{t['bytes']:,.0f} B"
            for t in sorted(simulated, key=lambda t: float(t["bytes"]))
        ]
    return lines


def document(
    tuned: FineTuned,
    models: Mapping[str, bytes],
    paths: Mapping[str, Path],
    standing: Standing,
) -> dict[str, object]:
    """Return what `hil qat --json` prints."""
    beside_float = {r.variant: r for r in standing.versus if r.baseline == FLOAT}
    beside_ptq = {r.variant: r for r in standing.versus if r.baseline == PTQ}
    rows: list[dict[str, object]] = []
    for name, data in models.items():
        row: dict[str, object] = {
            "model": tuned.request.source.stem,
            "variant": name,
            "path": str(paths[name]),
            "sha256": sha256_of(data),
            "size_bytes": len(data),
            "label": label(read_graph(data, name)).text,
            "accuracy": rating_json(standing.ratings[name]),
        }
        for key, found in (("versus", beside_float), ("versus_ptq", beside_ptq)):
            if name in found:
                pair = found[name]
                told = comparison_json(pair.comparison, baseline=pair.baseline)
                row[key] = {**told, "verdict": pair.verdict}
        rows.append(row)
    return {
        "schema": _SCHEMA,
        "engine": ENGINE.value,
        "log": str(tuned.log_path),
        "training": dict(tuned.told),
        "results": rows,
    }
