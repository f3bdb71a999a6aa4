"""Which engines on this machine run a model, found out by trying them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.codegen.compiled import generate
from hil.engines.litert import Kernels, LitertEngine
from hil.engines.tflm import TflmEngine
from hil.errors import ConfigError, DoesNotFit, ModelError
from hil.models.arena import Basis, confirmed_arena
from hil.models.graph import read_graph

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.vocab import Engine

_ON_CORE = "on a 32-bit core"
_PLANNED = "planned by hil codegen --engine compiled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What an engine said: `refusal` is absent where it takes the model.

    `arena_bytes` is what it would need, `arena_basis` how that is known.
    """

    engine: str
    version: str | None = None
    refusal: str | None = None
    arena_bytes: int | None = None
    arena_basis: str | None = None


def try_engines(data: bytes, path: Path) -> tuple[Trial, ...]:
    """Load the model in each engine of this machine, and compile it to C."""
    return (
        _loaded("litert", LitertEngine, data),
        _loaded("litert-ref", lambda: LitertEngine(Kernels.REFERENCE), data),
        _micro(data, path),
        _compiled(data, path),
    )


def _loaded(name: str, make: Callable[[], Engine], data: bytes) -> Trial:
    try:
        engine = make()
        engine.load(data)
    except (ModelError, ConfigError, DoesNotFit) as exc:
        return Trial(engine=name, refusal=exc.what)
    return Trial(engine=name, version=engine.version)


def _micro(data: bytes, path: Path) -> Trial:
    engine = "tflm"
    try:
        micro = TflmEngine()
        micro.load(data)
    except (ModelError, ConfigError, DoesNotFit) as exc:
        return Trial(engine=engine, refusal=exc.what)
    arena = confirmed_arena(read_graph(data, str(path)), micro.memory())
    basis = f"{_ON_CORE}: borne out by the wheel"
    if arena.basis is not Basis.EXACT:
        basis = f"{_ON_CORE} at most: measured on 64 bits"
    return Trial(
        engine=engine,
        version=micro.version,
        arena_bytes=arena.total_bytes,
        arena_basis=basis,
    )


def _compiled(data: bytes, path: Path) -> Trial:
    try:
        model = generate(data, path)
    except ModelError as exc:
        place = (exc.where or "").removeprefix(f"{path}: ")
        return Trial(engine="compiled", refusal=f"{exc.what}: {place}")
    return Trial(engine="compiled", arena_bytes=model.arena_bytes, arena_basis=_PLANNED)
