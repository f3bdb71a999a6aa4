"""The protobuf that `benchmark_model --result_file_path` writes (since 2025).

Format: tflite/tools/benchmark/proto/benchmark_result.proto of LiteRT, proto2. Both
tools write it; all times are those of the printed lines, kept as 32-bit floats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.printed_number import half_unit
from hil.android.refusal import contradiction
from hil.errors import FirmwareFault, ModelError
from hil.models.protobuf import BYTES, FIXED32, VARINT, fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.android.compiled_output import CompiledResults
    from hil.android.run_stats import RunStats

WHERE = "benchmark_model's result file"
_FLOAT = 1.2e-7  # how far a 32-bit float may be from a number, relative to it
_BLOCK_MS = 0.005 + 1e-9  # half of the last digit of the v2 tool's block
_NAME, _LATENCY, _MEMORY, _MISC = 1, 2, 3, 4
_LATENCY_FIELDS = {
    1: ("avg_ms", FIXED32),
    2: ("min_ms", FIXED32),
    3: ("max_ms", FIXED32),
    4: ("stddev_ms", FIXED32),
    5: ("median_ms", FIXED32),
    6: ("p5_ms", FIXED32),
    7: ("p95_ms", FIXED32),
    8: ("init_ms", FIXED32),
    9: ("first_inference_ms", FIXED32),
    10: ("average_warm_up_ms", FIXED32),
}
_MEMORY_FIELDS = {
    1: ("init_footprint_kb", VARINT),
    2: ("overall_footprint_kb", VARINT),
    3: ("peak_mem_mb", FIXED32),
}
_MISC_FIELDS = {
    1: ("model_size_mb", FIXED32),
    2: ("num_runs", VARINT),
    3: ("num_warmup_runs", VARINT),
    4: ("throughput_mb_s", FIXED32),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """The file's figures under the names of its fields; MB are 2**20 bytes."""

    avg_ms: float
    min_ms: float
    max_ms: float
    stddev_ms: float
    median_ms: float
    p5_ms: float
    p95_ms: float
    init_ms: float
    first_inference_ms: float
    average_warm_up_ms: float
    num_runs: int
    num_warmup_runs: int
    init_footprint_kb: int | None = None
    overall_footprint_kb: int | None = None
    peak_mem_mb: float | None = None


def parse_result_file(data: bytes) -> ResultFile:
    """Return the figures of the file.

    FirmwareFault where it is damaged, lacks a figure that the tool always writes, or
    contradicts itself.
    """
    try:
        parts = _messages(data)
        latency = _values(parts.get(_LATENCY), _LATENCY_FIELDS)
        memory = _values(parts.get(_MEMORY), _MEMORY_FIELDS)
        misc = _values(parts.get(_MISC), _MISC_FIELDS)
    except ModelError as exc:
        raise FirmwareFault(
            f"{WHERE} cannot be read", where=WHERE, found=f"{exc.what}: {exc.found}"
        ) from exc
    needed = {name for name, _ in _LATENCY_FIELDS.values()}
    missing = [name for name in needed if name not in latency]
    missing += [n for n in ("num_runs", "num_warmup_runs") if n not in misc]
    if missing:
        raise FirmwareFault(
            f"{WHERE} lacks figures that the tool always writes",
            where=WHERE,
            found=f"{len(data):,} bytes without {', '.join(sorted(missing))}",
            remedy="run again; the file may have been pulled before it was whole",
        )
    peak = memory.get("peak_mem_mb")
    result = ResultFile(
        **latency,
        num_runs=int(misc["num_runs"]),
        num_warmup_runs=int(misc["num_warmup_runs"]),
        init_footprint_kb=_whole(memory, "init_footprint_kb"),
        overall_footprint_kb=_whole(memory, "overall_footprint_kb"),
        peak_mem_mb=peak,
    )
    _check([*latency.values(), *memory.values(), *misc.values()], result)
    return result


def check_against(
    result: ResultFile,
    *,
    warmup: RunStats | None,
    timed: RunStats,
    init_us: float | None,
) -> None:
    """Hold the file against what the same run printed."""
    runs = (result.num_warmup_runs, result.num_runs)
    counted = (0 if warmup is None else warmup.n, timed.n)
    if runs != counted:
        raise contradiction(
            f"{runs[0]} and {runs[1]} runs",
            where=WHERE,
            allowed=f"{counted[0]} and {counted[1]} runs of the count= lines",
        )
    pairs = [
        ("avg_ms", result.avg_ms, timed.avg_us, half_unit(timed.avg_us)),
        ("min_ms", result.min_ms, timed.min_us, 0.0),
        ("max_ms", result.max_ms, timed.max_us, 0.0),
        ("stddev_ms", result.stddev_ms, timed.std_us, 0.0),
        ("median_ms", result.median_ms, timed.median_us, 0.0),
        ("p5_ms", result.p5_ms, timed.p5_us, 0.0),
        ("p95_ms", result.p95_ms, timed.p95_us, 0.0),
        ("init_ms", result.init_ms, init_us, 0.0),
    ]
    if warmup is not None:
        mean = warmup.avg_us
        pairs += [
            ("first_inference_ms", result.first_inference_ms, warmup.first_us, 0.0),
            ("average_warm_up_ms", result.average_warm_up_ms, mean, half_unit(mean)),
        ]
    for name, file_ms, printed_us, slack_us in pairs:
        if printed_us is None:
            continue
        if abs(file_ms * 1000 - printed_us) > slack_us + _FLOAT * printed_us + 1e-9:
            raise contradiction(
                f"{name} {file_ms:g}",
                where=WHERE,
                allowed=f"{printed_us:g} us, which the tool printed",
            )


def check_block(result: ResultFile, block: CompiledResults) -> None:
    """Hold the file against the block that the v2 tool printed in the same run."""
    pairs = (
        ("avg_ms", result.avg_ms, block.avg_ms),
        ("min_ms", result.min_ms, block.min_ms),
        ("max_ms", result.max_ms, block.max_ms),
        ("stddev_ms", result.stddev_ms, block.std_ms),
        ("init_ms", result.init_ms, block.init_ms),
        ("first_inference_ms", result.first_inference_ms, block.warmup_first_ms),
        ("average_warm_up_ms", result.average_warm_up_ms, block.warmup_avg_ms),
        ("num_runs", result.num_runs, block.n),
        ("num_warmup_runs", result.num_warmup_runs, block.warmup_n),
    )
    for name, filed, printed in pairs:
        if abs(filed - printed) > _BLOCK_MS + _FLOAT * abs(printed):
            raise contradiction(
                f"{name} {filed:g}",
                where=WHERE,
                allowed=f"{printed:g}, which the tool printed",
            )


def _messages(data: bytes) -> dict[int, memoryview]:
    parts: dict[int, memoryview] = {}
    for field in fields(memoryview(data), WHERE):
        if field.number not in {_NAME, _LATENCY, _MEMORY, _MISC}:
            continue  # of a newer tool
        if field.wire != BYTES or field.number in parts:
            raise _unexpected(f"field {field.number}")
        parts[field.number] = field.view
    return parts


def _values(
    message: memoryview | None, known: Mapping[int, tuple[str, int]]
) -> dict[str, float]:
    values: dict[str, float] = {}
    for field in fields(message or memoryview(b""), WHERE):
        if field.number not in known:
            continue  # of a newer tool
        name, wire = known[field.number]
        if field.wire != wire or name in values:
            raise _unexpected(name)
        values[name] = field.signed if wire == VARINT else field.real
    return values


def _unexpected(name: str) -> FirmwareFault:
    return FirmwareFault(
        f"{WHERE} cannot be read",
        where=WHERE,
        found=f"{name} is there twice or of another type",
    )


def _whole(values: Mapping[str, float], name: str) -> int | None:
    return int(values[name]) if name in values else None


def _check(values: list[float], result: ResultFile) -> None:
    if not all(math.isfinite(value) for value in values):
        # The mean of no runs is not a number.
        raise contradiction(
            "a figure that is no number", where=WHERE, allowed="numbers only"
        )
    if result.num_runs < 1 or result.num_warmup_runs < 0:
        raise FirmwareFault(
            "benchmark_model timed no run",
            where=WHERE,
            found=f"num_runs {result.num_runs}",
        )
    rising = [result.min_ms, result.p5_ms, result.median_ms, result.p95_ms]
    rising.append(result.max_ms)
    if rising != sorted(rising) or result.min_ms < 0:
        raise contradiction(
            " ".join(f"{value:g}" for value in rising),
            where=WHERE,
            allowed="min, p5, median, p95 and max that rise",
        )
    slack = _FLOAT * result.max_ms
    if not result.min_ms - slack <= result.avg_ms <= result.max_ms + slack:
        raise contradiction(
            f"avg_ms {result.avg_ms:g}",
            where=WHERE,
            allowed=f"a mean between {result.min_ms:g} and {result.max_ms:g}",
        )
    below, above = result.avg_ms - result.min_ms, result.max_ms - result.avg_ms
    if result.stddev_ms**2 > (below + 2 * slack) * (above + 2 * slack) + slack:
        raise contradiction(
            f"stddev_ms {result.stddev_ms:g}",
            where=WHERE,
            allowed=f"that of runs from {result.min_ms:g} to {result.max_ms:g}",
        )
    if (result.overall_footprint_kb or 0) < (result.init_footprint_kb or 0):
        raise contradiction(
            f"overall_footprint_kb {result.overall_footprint_kb}",
            where=WHERE,
            allowed=f"at least init_footprint_kb, {result.init_footprint_kb}",
        )
