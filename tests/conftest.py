"""What every test may ask for."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Give back what an emulator that ran in this process did to Ctrl-C."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def own_locks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep off the locks of this machine's devices, and of the other workers' fakes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIL_LOCKS", str(tmp_path_factory.mktemp("locks")))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and data beside the checkout."""
    folder = _ROOT.parent / "shared"
    if not (folder / "models").is_dir():
        pytest.skip("the shared models and data are not beside the checkout")
    return folder


@pytest.fixture(scope="session")
def digits() -> Path:
    """The folder of the digits example that comes with hil."""
    return _ROOT / "examples" / "digits"
