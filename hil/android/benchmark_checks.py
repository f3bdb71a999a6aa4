"""Whether the lines of one benchmark_model run tell the same of the same runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.output_figures import (
    FOOTPRINT,
    PEAK,
    PHASE,
    RSS,
    RSS_ANON,
    RSS_FILE,
    SESSION,
    SUMMARY,
    SUMMARY_2018,
)
from hil.android.printed_number import half_unit
from hil.android.refusal import contradiction

if TYPE_CHECKING:
    import re

    from hil.android.compiled_output import CompiledResults
    from hil.android.output_figures import Figures
    from hil.android.result_file import ResultFile
    from hil.android.run_stats import RunStats

_BLOCK_US = 5.0 + 1e-6  # half of a printed hundredth of a millisecond
_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFootprint:
    """The memory lines, as printed; absent where the tool did not print them.

    "MB" of benchmark_model is 2**20 bytes: it is ru_maxrss (KiB on Linux) / 1024.
    """

    init_mb: float | None = None
    overall_mb: float | None = None
    peak_mb: float | None = None
    rss_mb: float | None = None


def check_figures(
    found: Figures,
    *,
    warmup: RunStats | None,
    timed: RunStats,
    block: CompiledResults | None,
) -> None:
    """Hold the lines of one run against its statistics; FirmwareFault at the first lie.

    What the block of the v2 tool says of the runs is not looked at here.
    """
    summary = found.one(SUMMARY, SUMMARY_2018)
    session = found.one(SESSION)
    if warmup is not None and (warmup.median_us is None) != (timed.median_us is None):
        raise contradiction(
            "percentiles in one of two lines", allowed="the same figures in both"
        )
    if summary is not None:
        _check_summary(summary, warmup=warmup, timed=timed)
    if session is not None:
        init_us = block.init_ms * 1000 if block is not None else None
        if summary is not None:
            init_us = float(summary["init"])
        _check_init(session, init_us, slack_us=1e-6 if block is None else _BLOCK_US)
    _check_phases(found.all(PHASE), (warmup, timed))


def memory_of(
    found: Figures, *, block: CompiledResults | None, file: ResultFile | None
) -> MemoryFootprint:
    """Return what is told of memory; FirmwareFault where it is told in two ways."""
    footprint, peak, rss = found.one(FOOTPRINT), found.one(PEAK), found.one(RSS)
    memory = MemoryFootprint(
        init_mb=float(footprint["init"]) if footprint else None,
        overall_mb=float(footprint["overall"]) if footprint else None,
        peak_mb=float(peak["peak"]) if peak else None,
        rss_mb=float(rss["mb"]) if rss else None,
    )
    _check_memory(found, memory)
    if block is not None and footprint is None:
        memory = MemoryFootprint(
            init_mb=block.init_mb, overall_mb=block.overall_mb, peak_mb=block.peak_mb
        )
    if file is None:
        return memory
    kept = _of_file(file)
    for name in ("init_mb", "overall_mb", "peak_mb"):
        printed, filed = getattr(memory, name), getattr(kept, name)
        unit = 0.005 + 1e-6 if block is not None else half_unit(printed or 0.0) + 1e-5
        if printed is not None and filed is not None and abs(printed - filed) > unit:
            raise contradiction(
                f"{name} {filed:g} of the result file", allowed=f"{printed:g} MB"
            )
    return memory if memory != MemoryFootprint() else kept


def _of_file(file: ResultFile) -> MemoryFootprint:
    init, overall = file.init_footprint_kb, file.overall_footprint_kb
    return MemoryFootprint(
        init_mb=None if init is None else init / _KIB_PER_MIB,
        overall_mb=None if overall is None else overall / _KIB_PER_MIB,
        peak_mb=file.peak_mem_mb,
    )


def _check_memory(found: Figures, memory: MemoryFootprint) -> None:
    # Both come from ru_maxrss, a high-water mark, so the later one is not smaller.
    if (memory.overall_mb or 0.0) < (memory.init_mb or 0.0):
        raise contradiction(
            f"init={memory.init_mb:g} overall={memory.overall_mb:g}",
            allowed="init= at most overall=",
        )
    parts = [found.one(pattern) for pattern in (RSS, RSS_ANON, RSS_FILE)]
    sizes = [int(part["mb"]) for part in parts if part is not None]
    if len(sizes) == len(parts) and sizes[0] != sizes[1] + sizes[2]:
        raise contradiction(
            f"VmRSS {sizes[0]} MB", allowed=f"the sum of {sizes[1]} and {sizes[2]} MB"
        )


def _check_summary(
    summary: re.Match[str], *, warmup: RunStats | None, timed: RunStats
) -> None:
    """Hold the summary's means, which are printed a second time, against the blocks."""
    if float(summary["inference"]) != timed.avg_us:
        raise contradiction(
            summary[0],
            allowed=f"Inference (avg) of the timed block, {timed.avg_us:g}",
        )
    mean = 0.0 if warmup is None else warmup.avg_us
    # The mean of no runs is a quiet NaN, which an integer type turns into 0.
    printed = float(summary["warmup"])
    if printed != mean and not (warmup is None and math.isnan(printed)):
        raise contradiction(
            summary[0], allowed=f"Warmup (avg) of the warm-up block, {mean:g}"
        )
    first = summary.groupdict().get("first")
    expected = 0.0 if warmup is None else warmup.first_us
    if first is not None and float(first) != expected:
        raise contradiction(
            summary[0], allowed=f"First inference of the warm-up block, {expected:g}"
        )


def _check_init(
    session: re.Match[str], init_us: float | None, *, slack_us: float
) -> None:
    session_ms = float(session["session"])
    slack_us += half_unit(session_ms) * 1000
    if init_us is not None and abs(init_us - session_ms * 1000) > slack_us:
        raise contradiction(
            f"Init {init_us:g} us",
            allowed=f"that of the session, {session_ms * 1000:g} us",
        )


def _check_phases(
    phases: list[re.Match[str]], blocks: tuple[RunStats | None, RunStats]
) -> None:
    """Hold the announced number of runs against the counted ones.

    A phase may run fewer only when its time limit ended it.
    """
    for phase, stats in zip(phases, blocks, strict=False):
        n = 0 if stats is None else stats.n
        limit_us = float(phase["max"] or "inf") * 1e6
        spent_us = 0.0 if stats is None else stats.n * stats.avg_us
        # What passes between two runs counts for the limit too, but is far less.
        if n < int(phase["n"]) and spent_us < limit_us / 2:
            raise contradiction(f"{n} runs", allowed=f"at least {phase['n']} runs")
