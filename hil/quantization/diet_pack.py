"""A model's object tree written into as few bytes as the format allows.

A FlatBuffer leads to its parts by offsets, so that equal parts need to stand in the
file only once: readers follow the offset and see the same values. Shared are texts,
vectors of numbers (the zero points of most channels are rows of the same zeros) and
whole tables (two activations of one shape and type, once their names are gone).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

if TYPE_CHECKING:
    from collections.abc import Iterator

IDENTIFIER = b"TFL3"
_ALIGNMENT_BYTES = 16  # force_align of Buffer.data in the schema


class _Builder(flatbuffers.Builder):  # type: ignore[misc]  # it has no annotations
    """A builder that writes equal texts and equal vectors of numbers once.

    The methods have the names that flatbuffers and its generated code call.
    """

    head: int

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self._texts: dict[bytes, int] = {}
        self._vectors: dict[tuple[int, int, bytes], int] = {}
        self._open: tuple[int, int, int] | None = None

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:  # noqa: N802, N803 - flatbuffers' names
        """Begin a vector, and remember where to go back to."""
        self._open = (self.Offset(), elemSize, alignment)
        return int(super().StartVector(elemSize, numElems, alignment))

    def PrependUOffsetTRelative(self, off: int) -> None:  # noqa: N802 - flatbuffers' name
        """Write an offset: it means another thing elsewhere, so it is never shared."""
        self._open = None
        super().PrependUOffsetTRelative(off)

    def EndVector(self) -> int:  # noqa: N802 - flatbuffers' name
        """End a vector; take its bytes back where the same are written already."""
        opened, self._open = self._open, None
        offset = int(super().EndVector())
        if opened is None:
            return offset
        before, element_bytes, alignment = opened
        count = int.from_bytes(self.Bytes[self.head : self.head + 4], "little")
        stored = self.Bytes[self.head : self.head + 4 + count * element_bytes]
        key = (element_bytes, alignment, bytes(stored))
        if key in self._vectors:
            self.head = len(self.Bytes) - before
        return self._vectors.setdefault(key, offset)

    def CreateString(  # noqa: N802 - flatbuffers' name
        self, s: str | bytes, encoding: str = "utf-8", errors: str = "strict"
    ) -> int:
        """Write a text once."""
        data = s.encode(encoding, errors) if isinstance(s, str) else s
        if data not in self._texts:
            self._texts[data] = int(super().CreateString(data))
        return self._texts[data]


def pack(tree: schema.ModelT) -> bytes:
    """Return the file; constant data stay aligned to 16 bytes, as the schema asks."""
    _share_tables(tree)
    builder = _Builder(1024)
    builder.Finish(tree.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def frozen(value: object) -> object:
    """Return what can be compared and hashed, equal where two sub-trees are equal."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    if hasattr(value, "Pack"):
        fields = vars(value).items()
        parts = tuple((k, frozen(v)) for k, v in fields if k != "Pack")
        return type(value).__name__, parts
    return value


def _share_tables(tree: schema.ModelT) -> None:
    """Let equal tables be packed once, and give constants their alignment."""
    written: dict[object, int] = {}
    for node in _nodes(tree):
        kind = type(node)
        write = _pack_buffer if kind is schema.BufferT else kind.Pack
        key = frozen(node)
        node.Pack = functools.partial(
            _once, written, key, functools.partial(write, node)
        )


def _nodes(tree: schema.ModelT) -> Iterator[schema.TensorT]:
    yield from tree.buffers or []
    for subgraph in tree.subgraphs:
        for tensor in subgraph.tensors or []:
            if tensor.quantization is not None:
                yield tensor.quantization
            yield tensor
        for operator in subgraph.operators or []:
            for options in (operator.builtinOptions, operator.builtinOptions2):
                if options is not None:
                    yield options
            yield operator


def _once(
    written: dict[object, int],
    key: object,
    write: functools.partial[int],
    builder: flatbuffers.Builder,
) -> int:
    if key not in written:
        written[key] = write(builder)
    return written[key]


def _pack_buffer(buffer: schema.BufferT, builder: flatbuffers.Builder) -> int:
    """Write one constant; the generated code forgets the alignment of its data."""
    data = None
    if buffer.data is not None:
        stored = np.ascontiguousarray(buffer.data).tobytes()
        builder.StartVector(1, len(stored), _ALIGNMENT_BYTES)
        builder.head -= len(stored)
        builder.Bytes[builder.head : builder.head + len(stored)] = stored
        data = builder.EndVector()
    schema.BufferStart(builder)
    if data is not None:
        schema.BufferAddData(builder, data)
    return int(schema.BufferEnd(builder))
