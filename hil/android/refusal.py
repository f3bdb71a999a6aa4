"""How the readers of benchmark_model's output refuse: damage, or a contradiction."""

from __future__ import annotations

from hil.errors import FirmwareFault
from hil.printable import printable

WHERE = "benchmark_model's output"


def damaged(line: str, *, allowed: str | None = None) -> FirmwareFault:
    """Return the error that says that a line with figures cannot be read whole."""
    return FirmwareFault(
        "a line of benchmark_model's output is damaged",
        where=WHERE,
        found=printable(line).strip(),
        allowed=allowed,
    )


def contradiction(found: str, *, allowed: str, where: str = WHERE) -> FirmwareFault:
    """Return the error that says that two figures cannot both be true."""
    return FirmwareFault(
        "benchmark_model's figures contradict each other",
        where=printable(where),
        found=printable(found),
        allowed=printable(allowed),
    )
