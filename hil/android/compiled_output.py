"""The block that the CompiledModel `benchmark_model` (v2) logs, in milliseconds.

Source: litert/tools/benchmark_litert_model.h of LiteRT. The tool logs it on standard
error; the statistics lines of the v1 tool still come on standard output.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.printed_number import INTEGER, half_unit
from hil.android.refusal import WHERE, contradiction, damaged
from hil.errors import FirmwareFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.android.run_stats import RunStats

BEGIN = "========== BENCHMARK RESULTS =========="
RESOLUTION_US = 10.0  # two digits of a millisecond
_END = re.compile(r"={30,}")
_TWO = r"[0-9]+\.[0-9]{2}"
_UNIT_MS = 0.005 + 1e-9  # half of the last printed digit
# In this order, each at most once. `None` stands for a line that says "not there".
_LINES = (
    ("signature", r"Signature name: +(?P<signature>.*)"),
    ("init", rf"Model initialization: +(?P<init>{_TWO}) ms"),
    ("first", rf"Warmup \(first\): +(?P<first>{_TWO}) ms"),
    (
        "warmup",
        (
            rf"Warmup \(avg\): +(?P<warmup>{_TWO}|-?nan) ms "
            rf"\((?P<warmup_n>{INTEGER}) runs\)"
        ),
    ),
    (
        "avg",
        rf"Inference \(avg\): +(?P<avg>{_TWO}|-?nan) ms \((?P<n>{INTEGER}) runs\)",
    ),
    ("min", rf"Inference \(min\): +(?P<min>{_TWO}) ms"),
    ("max", rf"Inference \(max\): +(?P<max>{_TWO}) ms"),
    ("std", rf"Inference \(std\): +(?P<std>{_TWO})"),
    ("none", r"No inference runs were performed\."),
    ("throughput", rf"Throughput: +(?P<throughput>{_TWO}) MB/s"),
    ("throughput", r"No throughput data available \(throughput <= 0\)\."),
    ("memory", r"Memory Usage:"),
    ("init_mb", rf"Init footprint: +(?P<init_mb>{_TWO}) MB"),
    ("overall_mb", rf"Overall footprint: +(?P<overall_mb>{_TWO}) MB"),
    ("peak_mb", rf"Peak memory: +(?P<peak_mb>{_TWO}) MB"),
    ("peak_mb", r"Peak memory usage not available\. \(peak_mem_mb <= 0\)"),
)
_PATTERNS = tuple((name, re.compile(text)) for name, text in _LINES)
_TIMES = ("init", "first", "warmup", "avg", "min", "max", "std", "throughput")
_MEMORY = ("memory", "init_mb", "overall_mb", "peak_mb")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledResults:
    """The figures of the block, milliseconds and MB (2**20 bytes), as printed."""

    signature: str | None
    init_ms: float
    warmup_first_ms: float
    warmup_avg_ms: float
    warmup_n: int
    n: int
    avg_ms: float
    min_ms: float
    max_ms: float
    std_ms: float
    throughput_mb_s: float | None
    init_mb: float | None
    overall_mb: float | None
    peak_mb: float | None


def results_of(lines: Sequence[str]) -> CompiledResults | None:
    """Return the block's figures; None where *lines* (of `output_lines`) hold none.

    FirmwareFault where the block is cut, damaged, there twice or contradicts itself.
    """
    begins = [i for i, line in enumerate(lines) if BEGIN in line]
    at = begins[0] if begins else len(lines)
    ends = [i for i in range(at, len(lines)) if _END.fullmatch(lines[i])]
    after = ends[0] + 1 if ends else len(lines)
    outside = [x for x in [*lines[:at], *lines[after:]] if is_of_block(x)]
    if outside and len(begins) < 2:  # noqa: PLR2004 - two are told of below
        raise damaged(outside[0], allowed="such a line within a block of results")
    if not begins:
        return None
    if len(begins) > 1:
        raise contradiction(
            f"{len(begins)} blocks '{BEGIN}'", allowed="one block of results"
        )
    if lines[begins[0]] != BEGIN:
        raise damaged(lines[begins[0]], allowed=BEGIN)
    figures = _figures(lines[begins[0] + 1 :])
    if int(figures["n"]) == 0:
        raise FirmwareFault("benchmark_model timed no run", where=WHERE)
    results = _results(figures)
    _check(results)
    return results


def is_of_block(line: str) -> bool:
    """Tell whether *line* is one that the block consists of."""
    return (
        line == BEGIN
        or _END.fullmatch(line) is not None
        or any(pattern.fullmatch(line) for _, pattern in _PATTERNS)
    )


def check_against(
    results: CompiledResults, *, warmup: RunStats | None, inference: RunStats
) -> None:
    """Hold the block against the statistics lines of the same run."""
    pairs: list[tuple[str, float, float]] = [
        ("Inference (avg)", results.avg_ms, inference.avg_us),
        ("Inference (min)", results.min_ms, inference.min_us),
        ("Inference (max)", results.max_ms, inference.max_us),
        ("Inference (std)", results.std_ms, inference.std_us),
    ]
    if warmup is not None:
        pairs += [
            ("Warmup (first)", results.warmup_first_ms, warmup.first_us),
            ("Warmup (avg)", results.warmup_avg_ms, warmup.avg_us),
        ]
    for name, block_ms, line_us in pairs:
        slack_us = _UNIT_MS * 1000 + half_unit(line_us)
        if not abs(block_ms * 1000 - line_us) <= slack_us:
            raise contradiction(
                f"{name} {block_ms:g} ms", allowed=f"{line_us:g} us of its count= line"
            )
    runs = (results.warmup_n, results.n)
    counted = (0 if warmup is None else warmup.n, inference.n)
    if runs != counted:
        raise contradiction(
            f"{runs[0]} and {runs[1]} runs",
            allowed=f"{counted[0]} and {counted[1]} runs of the count= lines",
        )


def _figures(lines: Sequence[str]) -> dict[str, str]:
    """Read the lines up to the block's end: known ones, in order, each once."""
    figures: dict[str, str] = {}
    seen: list[str] = []
    names = list(dict.fromkeys(name for name, _ in _LINES))
    for line in lines:
        if _END.fullmatch(line):
            break
        matches = ((n, m) for n, p in _PATTERNS if (m := p.fullmatch(line)) is not None)
        name, match = next(matches, ("", None))
        if match is None or (seen and names.index(name) <= names.index(seen[-1])):
            raise damaged(line, allowed="the lines of one block, in their order")
        seen.append(name)
        figures |= {k: v for k, v in match.groupdict().items() if v is not None}
    else:
        raise FirmwareFault(
            "benchmark_model's block of results is cut",
            where=WHERE,
            found=f"no line of === after '{seen[-1] if seen else BEGIN}'",
        )
    if "none" in seen:
        return {"n": "0"}
    needed = [*_TIMES, *(_MEMORY if "memory" in seen else ())]
    missing = [name for name in needed if name not in seen]
    if missing or ("memory" not in seen and set(seen) & set(_MEMORY)):
        raise FirmwareFault(
            "benchmark_model's block of results lacks a line",
            where=WHERE,
            found=", ".join(seen),
            allowed=", ".join(names),
        )
    return figures


def _results(figures: dict[str, str]) -> CompiledResults:
    def optional(name: str) -> float | None:
        return float(figures[name]) if name in figures else None

    return CompiledResults(
        signature=figures.get("signature"),
        init_ms=float(figures["init"]),
        warmup_first_ms=float(figures["first"]),
        # The mean of no runs is not a number.
        warmup_avg_ms=float(figures["warmup"]) if int(figures["warmup_n"]) else 0.0,
        warmup_n=int(figures["warmup_n"]),
        n=int(figures["n"]),
        avg_ms=float(figures["avg"]),
        min_ms=float(figures["min"]),
        max_ms=float(figures["max"]),
        std_ms=float(figures["std"]),
        throughput_mb_s=optional("throughput"),
        init_mb=optional("init_mb"),
        overall_mb=optional("overall_mb"),
        peak_mb=optional("peak_mb"),
    )


def _check(results: CompiledResults) -> None:
    unit = 2 * _UNIT_MS
    low, high, mean = results.min_ms, results.max_ms, results.avg_ms
    # The shortest and the longest run are both among the n.
    smallest = ((results.n - 1) * low + high) / results.n
    largest = (low + (results.n - 1) * high) / results.n
    if not smallest - unit <= mean <= largest + unit:
        raise contradiction(
            f"Inference (avg) {mean:g} ms",
            allowed=f"the mean of {results.n} runs from {low:g} to {high:g} ms",
        )
    below, above = max(0.0, mean - low) + unit, max(0.0, high - mean) + unit
    # The tool keeps whole microseconds of it, and cuts the rest.
    if not results.std_ms**2 <= below * above + unit:
        raise contradiction(
            f"Inference (std) {results.std_ms:g}",
            allowed=f"that of runs from {low:g} to {high:g} ms with mean {mean:g} ms",
        )
    if results.warmup_first_ms > results.warmup_n * (results.warmup_avg_ms + unit):
        raise contradiction(
            f"Warmup (first) {results.warmup_first_ms:g} ms",
            allowed=f"one of {results.warmup_n} runs with mean "
            f"{results.warmup_avg_ms:g} ms",
        )
    if (results.overall_mb or 0.0) < (results.init_mb or 0.0):
        raise contradiction(
            f"Overall footprint {results.overall_mb:g} MB",
            allowed=f"at least the init footprint, {results.init_mb:g} MB",
        )
