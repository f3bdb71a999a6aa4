"""What the benchmarks share: real files, and where the figures go."""

from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def digits() -> Path:
    """The folder of the digits example that comes with hil."""
    return _ROOT / "examples" / "digits"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and data beside the checkout."""
    folder = _ROOT.parent / "shared"
    if not (folder / "models").is_dir():
        pytest.skip("the shared models and data are not beside the checkout")
    return folder
