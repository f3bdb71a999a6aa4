"""One figure to one short text, the same in every document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.vocab import RunStatus, TimeBasis

if TYPE_CHECKING:
    from hil.vocab import Accuracy, Agreement, Latency, Result

ABSENT: Final = "-"
BASIS_NAMES: Final = {
    TimeBasis.CPU_CYCLES: "cpu cycles",
    TimeBasis.DEVICE_CLOCK: "device clock",
    TimeBasis.HOST_CLOCK: "host clock",
    TimeBasis.EMULATED_INSTRUCTIONS: "insn",
}
BASIS_NOTES: Final = {
    TimeBasis.HOST_CLOCK: "host clock: the time that this machine took, by an emulator "
    "or a process. It compares variants with each other; it is no device's latency.",
    TimeBasis.EMULATED_INSTRUCTIONS: "insn: instructions counted by an emulator. "
    "Exact, but no time.",
}
_MS_FROM_US = 1000
_S_FROM_US = 1_000_000
_MIB = 1024 * 1024
_HZ_IN_MHZ = 1_000_000


def duration(microseconds: float, digits: int = 3) -> str:
    """Return a time with *digits* that count: 68.1 us, 1.23 ms, 2.50 s."""
    if microseconds < _MS_FROM_US:
        return f"{_rounded(microseconds, digits)} us"
    if microseconds < _S_FROM_US:
        return f"{_rounded(microseconds / _MS_FROM_US, digits)} ms"
    return f"{_rounded(microseconds / _S_FROM_US, digits)} s"


def value(figure: float, basis: TimeBasis, digits: int = 3) -> str:
    """Return one value of a distribution in the unit of its basis."""
    if basis is TimeBasis.EMULATED_INSTRUCTIONS:
        return f"{figure:,.0f} insn"
    return duration(figure, digits)


def median(latency: Latency | None) -> str:
    """Return the median: 68.1 us."""
    if latency is None or latency.median is None:
        return ABSENT
    return value(latency.median, latency.basis)


def interval(latency: Latency | None) -> str:
    """Return the 95 % interval of the median: 67.0 .. 70.2 us; empty for too few.

    A narrow one gets as many digits as tell its ends apart, five at most.
    """
    if latency is None or latency.low is None or latency.high is None:
        return ""
    for digits in (3, 4, 5):
        low = value(latency.low, latency.basis, digits)
        high = value(latency.high, latency.basis, digits)
        if low != high:
            break
    number, _, unit = low.rpartition(" ")
    return f"{number if high.endswith(f' {unit}') else low} .. {high}"


def tail(latency: Latency | None) -> str:
    """Return the 90th percentile, or the 95th where only that was printed."""
    if latency is None:
        return ABSENT
    if latency.p90 is not None:
        return f"p90 {value(latency.p90, latency.basis)}"
    if latency.p95 is not None:
        return f"p95 {value(latency.p95, latency.basis)}"
    return ABSENT


def cycles(latency: Latency) -> str:
    """Return the median in cycles and the clock it ran at; empty for other bases."""
    if latency.cycles is None or latency.clock_hz is None:
        return ""
    return f"{latency.cycles:,.0f} at {latency.clock_hz / _HZ_IN_MHZ:g} MHz"


def size(size_bytes: int) -> str:
    """Return a size in bytes, grouped; model files are compared to the byte."""
    return f"{size_bytes:,} B"


def memory(result: Result) -> tuple[str, str]:
    """Return a size and what it is of: the arena or the peak resident set."""
    if "arena_bytes" in result.memory:
        return size(result.memory["arena_bytes"]), "arena"
    if "peak_rss_bytes" in result.memory:
        return f"{result.memory['peak_rss_bytes'] / _MIB:.1f} MiB", "peak RSS"
    return ABSENT, ""


def accuracy(found: Accuracy | None) -> tuple[str, str]:
    """Return the share of right answers with n, and its 95 % interval."""
    if found is None:
        return ABSENT, ""
    return (
        f"{100 * found.value:.1f} %, n={found.n}",
        f"{100 * found.low:.1f} .. {100 * found.high:.1f} %",
    )


def agreement(found: Agreement | None) -> tuple[str, str]:
    """Return how many outputs equal the reference engine's, and how others differ."""
    if found is None:
        return ABSENT, ""
    same = f"{found.identical}/{found.n}"
    if found.identical == found.n:
        return same, f"= {found.reference}"
    parts = []
    if found.max_lsb is not None:
        parts.append(f"max {found.max_lsb} LSB")
    if found.max_relative is not None:
        parts.append(f"max {found.max_relative:.1e}")
    if found.label_flips is not None:
        parts.append(f"{found.label_flips} flips")
    return f"{same} = {found.reference}", ", ".join(parts)


def status(found: RunStatus) -> str:
    """Return the status in words."""
    return found.value.replace("_", " ")


def _rounded(number: float, digits: int) -> str:
    # A whole number of microseconds was counted so; digits behind it would be made up.
    if number == int(number):
        return f"{number:.0f}"
    before_point = len(str(int(number))) if number >= 1 else 1
    return f"{number:.{max(0, digits - before_point)}f}"
