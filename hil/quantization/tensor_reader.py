"""An engine whose every tensor can be read after a run."""

from __future__ import annotations

import warnings

from hil.engines.litert import LitertEngine


def load_readable(model: bytes) -> LitertEngine:
    """Return LiteRT with *model* and all tensors kept; raises as its `load` does."""
    engine = LitertEngine(preserve_tensors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what keeping tensors costs: it is wanted
        engine.load(model)
    return engine
