"""Keep what the quantizer prints and warns of out of our output."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import TYPE_CHECKING

from hil.engines.native_output import captured

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send prints, progress bars, warnings and native chatter nowhere.

    AI Edge Quantizer draws tqdm bars, LiteRT warns of the mode that calibration asks
    for, and its native part reports each delegate: none of it is a result. Not to be
    nested, nor used around an engine's load: there is one capture at a time.
    """
    with (
        captured(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
