"""A source model as the worker holds it. Imported in the worker's process only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

    from hil.conversion.samples import InputSlot


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A graph without variables, as the v1 converter takes it."""

    graph: GraphDef
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a source model takes, and how to get a new v2 converter of it.

    `ranges` names the FakeQuant nodes. `freeze` is absent where the v1 converter reads
    the source itself.
    """

    inputs: tuple[InputSlot, ...]
    ranges: tuple[str, ...]
    converter: Callable[[], tf.lite.TFLiteConverter]
    freeze: Callable[[], Frozen] | None = None


def chosen_shapes(
    slots: tuple[InputSlot, ...],
    wanted: Mapping[str, tuple[int, ...]],
    *,
    where: str,
) -> dict[str, tuple[int | None, ...] | None]:
    """Return the shape of each input: the one asked for, else its own.

    The name "" stands for the only input. Raises ConfigError for a name or a shape
    that the model does not have.
    """
    known = {slot.name: slot for slot in slots}
    named = dict(wanted)
    if "" in named and len(slots) == 1:
        named[slots[0].name] = named.pop("")
    for name, shape in named.items():
        if name not in known:
            raise ConfigError(
                "the model has no such input",
                where=where,
                found=f"a shape for {name!r}" if name else "a shape without a name",
                allowed=", ".join(slot.text for slot in slots),
                remedy=nearest(name, known),
            )
        own = known[name].shape
        if own is not None and not _fits(shape, own):
            raise ConfigError(
                "the input cannot have that shape",
                where=where,
                found=f"{list(shape)} for {name}",
                allowed=known[name].text,
            )
    return {slot.name: named.get(slot.name, slot.shape) for slot in slots}


def _fits(shape: tuple[int, ...], own: tuple[int | None, ...]) -> bool:
    return len(shape) == len(own) and all(
        size in {None, wanted} for wanted, size in zip(shape, own, strict=True)
    )


def sizes(shape: tf.TensorShape) -> tuple[int | None, ...] | None:
    """Return a TensorShape as plain sizes; None where even the rank is open."""
    return None if shape.rank is None else tuple(shape.as_list())
