"""The proof of a diet: both files run on the same inputs, every byte compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.engines.litert import Kernels, LitertEngine
from hil.engines.tflm import TflmEngine
from hil.errors import ConfigError, HilError, ModelError
from hil.models.arena import confirmed_arena
from hil.models.graph import read_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from hil.models.graph import Graph, SubGraph, Tensor
    from hil.vocab import Engine

    Inputs = Sequence[npt.NDArray[np.generic]]

_SEED = 0
_ENGINES: dict[str, Callable[[], Engine]] = {
    "tflm": TflmEngine,
    "litert-ref": lambda: LitertEngine(Kernels.REFERENCE),
    "litert": LitertEngine,
}
_TYPES = frozenset(
    {"float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32"}
    | {"uint32", "int64", "bool"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What one engine answered to both files.

    `identical` of `inputs` had the same bytes in every output. `refusal` says why the
    engine could not run the model at all: then nothing is proved there. The arenas
    are TFLite Micro's on a 32-bit core, at most where the wheel does not bear the
    prediction out.
    """

    engine: str
    version: str = ""
    inputs: int = 0
    identical: int = 0
    refusal: str | None = None
    arena_before_bytes: int | None = None
    arena_after_bytes: int | None = None


def prove(before: bytes, after: bytes, inputs: Sequence[Inputs]) -> tuple[Proof, ...]:
    """Return what each engine answered to both files on each of *inputs*.

    Raises ModelError where no engine here runs *before*.
    """
    proofs = tuple(_proof(name, before, after, inputs=inputs) for name in _ENGINES)
    if all(proof.refusal is not None for proof in proofs):
        raise ModelError(
            "no engine here runs the model, so nothing can be proved of it",
            found="; ".join(f"{proof.engine}: {proof.refusal}" for proof in proofs),
            allowed="a model that TFLite Micro or LiteRT runs",
        )
    return proofs


def require_identical(proofs: Sequence[Proof], *, where: str) -> None:
    """Raise HilError unless every answer of every engine was the same to the bit."""
    for proof in proofs:
        if proof.identical != proof.inputs:
            raise HilError(
                "the shrunk model answers otherwise, so it is not written",
                where=f"{where} on {proof.engine}",
                found=f"{proof.inputs - proof.identical} of {proof.inputs} inputs",
                allowed="the same bytes in every output",
                remedy="please report this model: it is a fault in hil",
            )


def judging_engine(model: bytes) -> Engine:
    """Return an engine that has loaded *model*: TFLite Micro, else LiteRT's reference.

    Raises what LiteRT raises where neither runs it.
    """
    try:
        engine = _ENGINES["tflm"]()
        engine.load(model)
    except (ModelError, ConfigError):
        engine = _ENGINES["litert-ref"]()
        engine.load(model)
    return engine


def random_inputs(graph: Graph, count: int) -> list[Inputs]:
    """Return *count* inputs over the range of each input; the same ones every time.

    Integers take all values of their type (indices and flags 0 or 1), floats the
    range of the QUANTIZE that reads them, else -1 to 1.
    """
    rng = np.random.default_rng(_SEED)
    main = graph.subgraphs[0]
    tensors = [main.tensors[index] for index in main.inputs]
    for tensor in tensors:
        if tensor.type not in _TYPES:
            raise ModelError(
                "the model takes an input that cannot be made up",
                found=f"type {tensor.type}",
                allowed=", ".join(sorted(_TYPES)),
            )
    return [[_random(rng, main, tensor) for tensor in tensors] for _ in range(count)]


def _random(
    rng: np.random.Generator, main: SubGraph, tensor: Tensor
) -> npt.NDArray[np.generic]:
    dtype = np.dtype(tensor.type)
    if dtype.kind == "f":
        low, high = _float_range(main, tensor)
        return rng.uniform(low, high, tensor.shape).astype(dtype)
    if tensor.quantization is None:
        return rng.integers(0, 2, tensor.shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, tensor.shape, endpoint=True).astype(dtype)


def _float_range(main: SubGraph, tensor: Tensor) -> tuple[float, float]:
    for operator in main.operators:
        if operator.name != "QUANTIZE" or operator.inputs != (tensor.index,):
            continue
        target = main.outputs_of(operator)[0]
        if target.quantization is not None and target.type in _TYPES:
            scale, zero = (
                target.quantization.scales[0],
                target.quantization.zero_points[0],
            )
            info = np.iinfo(target.type)
            return (info.min - zero) * scale, (info.max - zero) * scale
    return -1.0, 1.0


def _proof(
    name: str, before: bytes, after: bytes, *, inputs: Sequence[Inputs]
) -> Proof:
    try:
        first = _ENGINES[name]()
        first.load(before)
        wanted = [_answer(first, row) for row in inputs]
    except (ModelError, ConfigError) as exc:
        return Proof(engine=name, refusal=exc.what)
    second = _ENGINES[name]()
    second.load(after)
    pairs = zip(_answers(second, inputs), wanted, strict=True)
    same = sum(answer == expected for answer, expected in pairs)
    return Proof(
        engine=name,
        version=first.version,
        inputs=len(inputs),
        identical=same,
        arena_before_bytes=_arena_bytes(before, first),
        arena_after_bytes=_arena_bytes(after, second),
    )


def _arena_bytes(model: bytes, engine: Engine) -> int | None:
    memory = engine.memory()
    if not memory:
        return None
    return confirmed_arena(read_graph(model, engine.name), memory).total_bytes


def _answers(engine: Engine, inputs: Sequence[Inputs]) -> Iterator[list[bytes]]:
    for row in inputs:
        yield _answer(engine, row)


def _answer(engine: Engine, row: Inputs) -> list[bytes]:
    """Return every output's bytes, so that NaN equals NaN and 0 differs from -0."""
    return [output.tobytes() for output in engine.invoke(row)]
