"""What was measured, as claims are held against it: runs, hil's JSON, plain files.

Everything becomes groups of variants of one model, on one device where they ran on
one. The float variant of a group is what the others are compared with.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.bench.plan import AS_IS, HOST_BASELINE, read_accuracy_gate
from hil.bench.summary import summarize
from hil.bench.versus import report_accuracy
from hil.errors import ConfigError
from hil.models.facts import anatomy, read_model
from hil.models.graph import read_graph
from hil.models.label import label
from hil.report import accuracy, document
from hil.results.claims_measured import Measured, Paired, Rated, Time
from hil.results.run_folder import load_plan, load_records, load_scores
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FLOAT: Final = "float"
GIVEN: Final = "given"  # a figure that a person gave: of whatever variant they say
Group = list[Measured]

# The beginning of a truth label in words, and what claims call such a file.
_LABELS = (
    ("float32", FLOAT),
    ("float16", "float16"),
    ("dynamic range", "dynamic"),
    ("full int8", "int8"),
    ("full uint8", "uint8"),
    ("16x8", "int16x8"),
    ("weight-only", "weight-only"),
    ("mixed", "mixed"),
)
_RECIPES = {"int8-float-io": "int8", "weight-only-int8": "weight-only"}
_QAT = "qat"


def read_measurements(path: Path) -> tuple[list[Group], list[str]]:
    """Return what *path* holds, a run folder or a JSON document, and what was skipped.

    Raises ConfigError where it is neither.
    """
    if path.is_dir() or path.suffix == ".jsonl":
        return _from_run(path)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(
            "the measurements cannot be read",
            where=str(path),
            found=exc.strerror,
            remedy="a run folder of hil bench, or what hil evaluate --json prints",
        ) from exc
    except ValueError as exc:
        raise _not_measurements(path, f"no JSON: {exc}") from exc
    try:
        return _from_document(told, where=str(path)), []
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        found = f"JSON of another kind ({type(exc).__name__}: {exc})"
        raise _not_measurements(path, found) from exc


def read_files(paths: Sequence[Path], *, name: str | None = None) -> Group:
    """Return the sizes and the truth of .tflite files, variants of one model."""
    return [_from_file(path, name=name) for path in paths]


def given(
    *,
    name: str,
    size_ratio: float | None = None,
    counted: tuple[int, int] | None = None,
) -> Group:
    """Return figures that a person gave: a ratio of sizes, right answers of n."""
    rated = None
    if counted is not None:
        correct, n = counted
        share = correct / n
        rated = Rated(
            metric="top1", value=share, low=share, high=share, n=n, correct=correct
        )
    return [
        Measured(
            where="the command line",
            model=name,
            variant=GIVEN,
            kind=GIVEN,
            size_ratio=size_ratio,
            accuracy=rated,
        )
    ]


def _from_run(path: Path) -> tuple[list[Group], list[str]]:
    """Read a run as its report tells it, with the models that it kept."""
    records, notes = load_records(path)
    scores, more = load_scores(path)
    gate = read_accuracy_gate(load_plan(path))
    judged = report_accuracy(scores, records, gate)
    told = document.render(summarize(records), run=path.name)
    told = accuracy.with_accuracy(told, judged.ratings, judged.versus)
    groups = _from_document(told, where=str(path))
    models = (path if path.is_dir() else path.parent) / "models"
    hashes = {(r.model, r.variant): r.model_sha256 for r in records}
    found = []
    for group in groups:
        files = [models / f"{hashes[m.model, m.variant]}.tflite" for m in group]
        known = [
            _with_file(m, file) if file.is_file() else m
            for m, file in zip(group, files, strict=True)
        ]
        found.append(_paired_with_float(known))
    return found, [*notes, *more]


def _from_document(told: Mapping[str, object], *, where: str) -> list[Group]:
    """Read the JSON of `hil bench`, `report`, `evaluate`, `quantize`, `convert`, `qat`.

    KeyError and the like where it is none of them.
    """
    if "files" in told:
        return [_from_made(told, where=where)]
    rows = _list(told["results"])
    groups: dict[tuple[object, ...], Group] = {}
    for row in rows:
        measured = _from_row(row, where=where)
        # Without devices, all files of a document are variants of one model.
        key = (measured.model, measured.device) if "device" in row else ()
        groups.setdefault(key, []).append(measured)
    return [_paired_with_float(_float_named(group)) for group in groups.values()]


def _from_made(told: Mapping[str, object], *, where: str) -> Group:
    source = Path(str(told["source"]))
    group = []
    if "source_bytes" in told:
        group.append(
            Measured(
                where=where,
                model=source.stem,
                variant=source.name,
                kind=FLOAT,
                size_bytes=_whole(told["source_bytes"]),
            )
        )
    for row in _list(told["files"]):
        name = str(row.get("recipe") or row["mode"])
        group.append(
            Measured(
                where=where,
                model=source.stem,
                variant=name,
                kind=_kind(str(row["label"]), name),
                label=str(row["label"]),
                size_bytes=_whole(row["size_bytes"]),
            )
        )
    return group


def _from_row(row: Mapping[str, object], *, where: str) -> Measured:
    name = str(row.get("variant") or row["model"])
    text = None if row.get("label") is None else str(row["label"])
    memory = row.get("memory")
    arena = memory.get("arena_bytes") if isinstance(memory, dict) else None
    return Measured(
        where=where,
        model=str(row["model"]),
        variant=name,
        kind=_kind(text, name),
        label=text,
        device=None if row.get("device") is None else str(row["device"]),
        size_bytes=_whole(row["size_bytes"]),
        accuracy=_rated(row.get("accuracy")),
        paired=_pair(row.get("versus")),
        time=_time(row),
        arena_bytes=None if arena is None else _whole(arena),
    )


def _rated(told: object) -> Rated | None:
    if not isinstance(told, dict):
        return None
    correct = told.get("correct")
    return Rated(
        metric=str(told["metric"]),
        value=float(told["value"]),
        low=float(told["low"]),
        high=float(told["high"]),
        n=int(told["n"]),
        correct=None if correct is None else int(correct),
    )


def _pair(told: object) -> Paired | None:
    if not isinstance(told, dict) or "lost" not in told:
        return None
    return Paired(
        baseline=str(told["baseline"]),
        metric=str(told["metric"]),
        lost=int(told["lost"]),
        gained=int(told["gained"]),
        n=int(told["n"]),
    )


def _time(row: Mapping[str, object]) -> Time | None:
    latency = row.get("latency")
    if not isinstance(latency, dict):
        return None
    basis = TimeBasis(row["time_basis"])
    unit = "insn" if basis is TimeBasis.EMULATED_INSTRUCTIONS else "us"
    median = latency.get(f"median_{unit}")
    if median is None:
        return None
    interval = {f"low_{unit}": median, f"high_{unit}": median, **latency}
    return Time(
        basis=basis,
        median=float(median),
        low=float(interval[f"low_{unit}"]),
        high=float(interval[f"high_{unit}"]),
        n=int(latency["n"]),
    )


def _from_file(path: Path, *, name: str | None) -> Measured:
    measured = Measured(
        where=str(path), model=name or path.stem, variant=path.name, kind=""
    )
    return _with_file(measured, path)


def _with_file(measured: Measured, path: Path) -> Measured:
    """Add what the file itself says; its label is the truth about its kind."""
    data = read_model(path)
    graph = read_graph(data, str(path))
    truth = label(graph)
    parts = anatomy(graph)
    return replace(
        measured,
        kind=_kind(truth.text, measured.variant),
        label=truth.text,
        per_channel={"yes": True, "no": False}.get(truth.per_channel),
        size_bytes=len(data),
        quantization_bytes=parts.quantization_bytes,
        name_bytes=parts.name_bytes,
    )


def _kind(text: str | None, name: str) -> str:
    """Return what claims call a file of this label; by its name where there is none."""
    known = next(
        (kind for start, kind in _LABELS if (text or "").startswith(start)), None
    )
    if known == "int8" and _QAT in name.lower():
        return _QAT  # an int8 file does not tell how its ranges came about
    if known is not None:
        return known
    return _RECIPES.get(name, name)


def _float_named(group: Group) -> Group:
    """Return *group* with `as-is` known as float, where hil quantized it."""
    if len(group) == 1:
        return group
    return [replace(m, kind=FLOAT) if m.kind == AS_IS else m for m in group]


def _paired_with_float(group: Group) -> Group:
    """Return *group* without pairs whose baseline is no float model.

    hil bench compares with `as-is`, on the device or on this host; what it quantized
    was float, but `as-is` itself may be anything.
    """
    floats = {m.variant for m in group if m.kind == FLOAT} | {HOST_BASELINE, AS_IS}
    return [
        m
        if m.paired is None
        or (m.variant != AS_IS and m.paired.baseline.split(" on ")[0] in floats)
        else replace(m, paired=None)
        for m in group
    ]


def _list(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        message = "no list of objects"
        raise TypeError(message)
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int):
        message = f"{value!r} is no count"
        raise TypeError(message)
    return value


def _not_measurements(path: Path, found: str) -> ConfigError:
    return ConfigError(
        "these are no measurements",
        where=str(path),
        found=found,
        allowed="a run folder, or the JSON of hil bench, report, evaluate, quantize, "
        "convert or qat",
    )
