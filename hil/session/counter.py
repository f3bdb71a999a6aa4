"""Whether a device's counter can have gone round within a run: then its ticks lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.errors import BrokenSetup

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROUND_TICKS: Final = 1 << 32  # of the counter that firmware reads (hil_port.h)


def check_counter(
    ticks: Sequence[int], *, tick_hz: int, waited_seconds: float, where: str
) -> None:
    """Raise BrokenSetup where the host waited a round longer than *ticks* say.

    A run that takes a round of the counter more is told as that much shorter, and
    nothing in its ticks shows it. While less than a round is missing none was lost.
    """
    round_seconds = _ROUND_TICKS / tick_hz
    told_seconds = sum(ticks) / tick_hz
    if waited_seconds - told_seconds < round_seconds:
        return
    raise BrokenSetup(
        "the ticks are not the time of the runs: the counter may have gone round",
        where=where,
        found=f"{told_seconds:.3f} s for {len(ticks)} runs by the device, "
        f"{waited_seconds:.3f} s by this host",
        allowed=f"runs of less than {round_seconds:.1f} s, a round of 32 bits",
        remedy="a smaller model, or a port whose ticks are longer",
    )
