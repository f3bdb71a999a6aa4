"""The input tensors of benchmark_model: --input_layer and what goes with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.emulators.phone.benchmark_log import Failed, Fatal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from hil.emulators.phone.benchmark_flags import Settings

_INTEGER_RANGES: Final = {"uint8": (0, 254), "int8": (-127, 127), "bool": (0, 1)}
_OTHER_INTEGERS: Final = (0, 99)
# Compiled once in the runtime, not in every child that it forks.
_SIZE: Final = re.compile(r"-?\d{1,9}")
_RANGE: Final = re.compile(r"([^,]*),(-?\d{1,9}),(-?\d{1,9})")
_FILE: Final = re.compile(r"((?:[^:]|::)*):((?:[^:]|::)*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLayer:
    """One entry of --input_layer with its shape, and where its values come from."""

    name: str
    shape: list[int]
    file: str | None = None
    low_high: tuple[int, int] | None = None


def input_layers(settings: Settings) -> list[InputLayer]:
    """Return what the flags say of the inputs; Failed or Fatal if they are wrong."""
    names = _split(settings.text("input_layer"), ",")
    shapes = _split(settings.text("input_layer_shape"), ":")
    if len(names) != len(shapes):
        raise Failed(
            f"The number of items in --input_layer_shape "
            f"({settings.text('input_layer_shape')}, with {len(shapes)} items) must "
            f"match the number of items in --input_layer "
            f"({settings.text('input_layer')}, with {len(names)} items). For example "
            "--input_layer=input1,input2 --input_layer_shape=1,224,224,4:1,20"
        )
    ranges = dict(
        _range(item, names)
        for item in _split(settings.text("input_layer_value_range"), ":")
    )
    files = dict(
        _value_file(item, names)
        for item in _split(settings.text("input_layer_value_files"), ",")
    )
    return [
        InputLayer(
            name=name,
            shape=_shape(shape),
            file=files.get(name),
            low_high=ranges.get(name),
        )
        for name, shape in zip(names, shapes, strict=True)
    ]


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if text else []


def _shape(text: str) -> list[int]:
    sizes = text.split(",")
    if not all(_SIZE.fullmatch(size) for size in sizes):
        message = f"Incorrect size string specified: {text}"
        raise Fatal(message)
    if "-1" in sizes:
        raise Failed(
            "Any unknown sizes in the shapes (-1's) must be replaced with the size you "
            "want to benchmark with."
        )
    return [int(size) for size in sizes]


def _known(name: str, names: list[str]) -> str:
    if name not in names:
        message = (
            f"Cannot find the corresponding input_layer name({name}) in --input_layer "
            f"as {','.join(names)}"
        )
        raise Fatal(message)
    return name


def _range(item: str, names: list[str]) -> tuple[str, tuple[int, int]]:
    found = _RANGE.fullmatch(item)
    if found is None or int(found[2]) > int(found[3]):
        raise Failed(f"Wrong input value range item specified: {item}")
    return _known(found[1], names), (int(found[2]), int(found[3]))


def _value_file(item: str, names: list[str]) -> tuple[str, str]:
    """Read `NAME:PATH`; `::` in either stands for one colon."""
    found = _FILE.fullmatch(item)
    if found is None:
        raise Failed(f"Wrong input value file item specified: {item}")
    name, path = (part.replace("::", ":") for part in found.groups())
    return _known(name, names), path


def random_values(
    generator: np.random.Generator,
    dtype: np.dtype[np.generic],
    shape: Sequence[int],
    low_high: tuple[int, int] | None,
) -> npt.NDArray[np.generic]:
    """Return values from *low_high*, or from the real program's own range."""
    if dtype.kind == "f":
        low, high = low_high or (-0.5, 0.5)
        return generator.uniform(low, high, shape).astype(dtype)
    lowest, highest = low_high or _INTEGER_RANGES.get(dtype.name, _OTHER_INTEGERS)
    return generator.integers(lowest, highest, shape, endpoint=True).astype(dtype)
