"""The memory that benchmark_model reports: VmHWM and statm of its own process."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from hil.emulators.phone.benchmark_log import info

_MEBIBYTE: Final = 1 << 20
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def reset_peak() -> None:
    """Let VmHWM start anew at what is resident now.

    A forked child inherits the pages of the runtime (Python, numpy, LiteRT) in its
    high-water mark. The real program has a start-up peak too, and its figures hide all
    that stays below it; ours are taken from here on and hide nothing.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return  # not allowed in some containers: then the start-up peak hides a little


def peak_kb() -> int:
    """Return the peak of resident memory since the last reset, in KiB."""
    text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = _PEAK.search(text)
    return int(found[1]) if found else 0


def log_memory() -> None:
    """Log the peak and the memory now; the misspellings are the real program's."""
    info(
        "Overall peak memory footprint (MB) via periodic monitoring: "
        f"{peak_kb() / 1024:g}"
    )
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    resident, shared = (
        int(count) * os.sysconf("SC_PAGE_SIZE") // _MEBIBYTE for count in pages[1:3]
    )
    info("Memory status at the end of exeution:")
    info(f"- VmRSS              : {resident} MB")
    info(f"+ RssAnnon           : {resident - shared} MB")
    info(f"+ RssFile + RssShmem : {shared} MB")
