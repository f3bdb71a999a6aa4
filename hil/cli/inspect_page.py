"""What `hil inspect` prints of a .tflite, for a person and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from hil.models.arena import Basis, CmsisNn, Kind
from hil.models.summary import to_json
from hil.printable import printable
from hil.report.plain_table import PlainTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from hil.bench.runnable import Trial
    from hil.models.arena import ArenaPrediction
    from hil.models.delegates import Coverage
    from hil.models.expectation import Verdict
    from hil.models.facts import Anatomy
    from hil.models.summary import ModelSummary, TensorLine

_BY_TABLE = "by table, not tried"
_RIGHT = frozenset({"#", "MACs", "bytes", "scales"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All that one call found out; what was not asked for is absent."""

    summary: ModelSummary
    delegates: tuple[Coverage, ...]
    name: Verdict | None
    expected: Verdict | None
    arena: ArenaPrediction
    cmsis_nn: Mapping[CmsisNn, ArenaPrediction]
    trials: tuple[Trial, ...] | None


def document(found: Inspection) -> dict[str, object]:
    """Return the whole inspection in plain JSON types."""
    result = to_json(found.summary)
    verdicts = {"name": found.name, "expected": found.expected}
    result["verdicts"] = {
        key: {
            "expected": verdict.expected,
            "holds": verdict.holds,
            "differences": list(verdict.differences),
        }
        for key, verdict in verdicts.items()
        if verdict is not None
    }
    result["delegates"] = [
        {**_known(asdict(coverage)), "basis": _BY_TABLE} for coverage in found.delegates
    ]
    result["tflm_arena"] = _arena_json(found.arena, found.cmsis_nn)
    if found.trials is not None:
        result["engines"] = [
            {"runs": trial.refusal is None, **_known(asdict(trial))}
            for trial in found.trials
        ]
    return result


def page(found: Inspection) -> RenderableType:
    """Return the page for a person."""
    summary = found.summary
    head = PlainTable(show_header=False)
    for name, value in _facts(found):
        head.add_row(Text(name, style="bold"), Text(printable(value)))
    return Group(head, Text(), _operators(summary), Text(), _runners(found))


def tensor_table(summary: ModelSummary) -> str:
    """Return a line for every tensor; as plain text, since there may be thousands."""
    several = any(row.subgraph for row in summary.tensors)
    rows = [("#", "tensor", "is", "type", "bytes", "scales", "quantization")]
    for row in summary.tensors:
        quantization = row.granularity
        if row.scale is not None:
            quantization += f", {row.scale:.6g}, zero point {row.zero_point}"
        elif row.axis is not None:
            quantization += f", along dimension {row.axis}"
        cells = (
            f"{row.subgraph}.{row.index}" if several else f"{row.index}",
            row.name or "(no name)",
            row.role,
            f"{row.type}[{','.join(str(n) for n in row.shape)}]",
            f"{row.size_bytes:,}",
            str(row.scales or "-"),
            quantization or "-",
        )
        rows.append(cells)
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*safe, strict=True)]
    right = [name in _RIGHT for name in rows[0]]
    lines = (
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in safe
    )
    return "\n".join(lines)


def _facts(found: Inspection) -> Iterator[tuple[str, str]]:
    summary = found.summary
    weights = summary.label.weights
    yield "file", str(summary.path)
    yield "sha256", summary.sha256
    yield "size", f"{summary.size_bytes:,} B"
    yield "is", summary.label.text
    if found.name is not None:
        yield "its name", _named(found.name)
    if found.expected is not None:
        yield "expected", _expected(found.expected)
    yield (
        "weights",
        f"{weights.quantized} of {weights.total} quantized{_granularity(summary)}",
    )
    for line in summary.inputs:
        yield "input", _tensor(line)
    for line in summary.outputs:
        yield "output", _tensor(line)
    yield "MACs", f"{summary.macs.total:,} ({_uncounted(summary)})"
    yield "bytes", _bytes(summary.anatomy)
    peak = summary.peak
    alive = f"{peak.size_bytes:,} B of activations live at once"
    yield "arena", f"{alive}, at operator {peak.operator}; an arena is larger"
    yield from (("", line) for line in _arena(found.arena, found.cmsis_nn))
    for trial in found.trials or ():
        if trial.arena_bytes is not None:
            yield "", f"{trial.arena_bytes:,} B for {trial.engine}, {trial.arena_basis}"


def _named(verdict: Verdict) -> str:
    if verdict.holds:
        return f"says {verdict.expected}, rightly"
    return f"says {verdict.expected}, but {'; '.join(verdict.differences)}"


def _expected(verdict: Verdict) -> str:
    if verdict.holds:
        return f"{verdict.expected}, and so it is"
    return f"{verdict.expected}, but {'; '.join(verdict.differences)}"


def _arena(
    arena: ArenaPrediction, cmsis_nn: Mapping[CmsisNn, ArenaPrediction]
) -> Iterator[str]:
    told = "" if arena.basis is Basis.EXACT else f"{arena.basis} "
    yield (
        f"{told}{arena.total_bytes:,} B in use by TFLite Micro on a 32-bit core: "
        f"{arena.nonpersistent_bytes:,} for activations, "
        f"{arena.persistent_bytes:,} kept"
    )
    if arena.unknown:
        names = ", ".join(arena.unknown)
        yield f"not known: what the kernels of {names} keep (--engines gives a bound)"
        return
    yield (
        f"{arena.smallest_bytes:,} B of arena are enough to set it up; "
        f"{arena.kinds[Kind.RECORDER]} of them record what it is used for"
    )
    dsp, mve = cmsis_nn[CmsisNn.DSP], cmsis_nn[CmsisNn.MVE]
    if dsp.unknown:
        yield f"no bound is known for CMSIS-NN's {', '.join(dsp.unknown)}"
    else:
        yield (
            f"with CMSIS-NN's kernels at most {dsp.total_bytes:,} B, "
            f"{mve.total_bytes:,} B on a core with MVE"
        )


def _arena_json(
    arena: ArenaPrediction, cmsis_nn: Mapping[CmsisNn, ArenaPrediction]
) -> dict[str, object]:
    return {
        "basis": arena.basis,
        "total_bytes": arena.total_bytes,
        "persistent_bytes": arena.persistent_bytes,
        "nonpersistent_bytes": arena.nonpersistent_bytes,
        "smallest_bytes": arena.smallest_bytes,
        "kinds": {str(kind): size for kind, size in arena.kinds.items()},
        "unknown": list(arena.unknown),
        "cmsis_nn_at_most_bytes": {
            str(core): bound.total_bytes
            for core, bound in cmsis_nn.items()
            if not bound.unknown
        },
    }


def _granularity(summary: ModelSummary) -> str:
    words = {
        "yes": ", one scale a channel",
        "no": ", one scale a tensor",
        "mixed": ", some with one scale a channel, some with one a tensor",
    }
    return words.get(summary.label.per_channel, "")


def _operators(summary: ModelSummary) -> PlainTable:
    table = _table("#", "operator", "version", "inputs", "outputs", "MACs")
    several = any(operator.subgraph for operator in summary.operators)
    for operator in summary.operators:
        cells = (
            f"{operator.subgraph}.{operator.index}" if several else f"{operator.index}",
            operator.name,
            str(operator.version),
            ", ".join(_short(line) for line in operator.inputs),
            ", ".join(_short(line) for line in operator.outputs),
            "-" if operator.macs is None else f"{operator.macs:,}",
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _runners(found: Inspection) -> PlainTable:
    table = _table("runs on", "", "known")
    for trial in found.trials or ():
        runs = "all of it" if trial.refusal is None else f"no: {trial.refusal}"
        cells = trial.engine, runs, f"tried{_version(trial)}"
        table.add_row(*(Text(printable(cell)) for cell in cells))
    for coverage in found.delegates:
        cells = coverage.delegate, _share(coverage), _BY_TABLE
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _version(trial: Trial) -> str:
    return "" if trial.version is None else f": {trial.version}"


def _share(coverage: Coverage) -> str:
    first = coverage.first_blocker
    if first is None:
        return f"all {coverage.total} operators"
    reason = f"{first.name} (operator {first.operator}): {first.reason}"
    if coverage.taken == 0:
        return f"none of {coverage.total} operators: {reason}"
    return f"{coverage.taken} of {coverage.total} operators; first left out {reason}"


def _table(*names: str) -> PlainTable:
    table = PlainTable()
    for name in names:
        table.add_column(name, justify="right" if name in _RIGHT else "left")
    return table


def _bytes(anatomy: Anatomy) -> str:
    quantization = anatomy.quantization
    return (
        f"weights {anatomy.weight_bytes:,}, "
        f"quantization {anatomy.quantization_bytes:,} "
        f"(scales {quantization.scale_bytes:,}, "
        f"zero points {quantization.zero_point_bytes:,}, "
        f"min/max {quantization.min_max_bytes:,}), "
        f"names {anatomy.name_bytes:,}, metadata {anatomy.metadata_bytes:,}, "
        f"structure {anatomy.rest_bytes:,}"
    )


def _uncounted(summary: ModelSummary) -> str:
    names: Sequence[str] = summary.macs.uncounted
    told = f"none counted for {', '.join(names)}" if names else "all operators counted"
    # Others are branches, loops, or models of their own: how often they run is unknown.
    alone = all(operator.subgraph == 0 for operator in summary.operators)
    return told if alone else f"{told}, of subgraph 0"


def _tensor(line: TensorLine) -> str:
    text = f"{line.name}: {_short(line)}" if line.name else _short(line)
    if line.scale is None:
        return text
    return f"{text}, scale {line.scale:.9g}, zero point {line.zero_point}"


def _short(line: TensorLine) -> str:
    return f"{line.type}[{','.join(str(n) for n in line.shape)}]"


def _known(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
