"""Verification: a .tflite is untrusted, and nothing parses it before this module.

Beyond the structure (hil.models.flatbuffer) it is proved that indices lead to things
that exist, that shapes and sizes fit, and that subgraphs do not call themselves. The
rules are those of LiteRT where it has them; TFLite Micro checks almost nothing itself.
What is not proved: that the shapes of an operator's inputs and outputs go together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hil.errors import ModelError
from hil.models.flatbuffer import REMEDY, Structure, Table, check
from hil.models.identity import identify
from hil.models.schema import LAYOUTS, OPERATORS, TENSOR_TYPES, TYPE_BITS, VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

# TFLite Micro counts elements in a 32-bit int.
_ELEMENT_LIMIT = 2**31 - 1
_CUSTOM = OPERATORS.index("CUSTOM")


def verify(data: bytes, where: str) -> None:
    """Raise ModelError unless *data* is a .tflite that can be read safely."""
    verified_structure(data, where)


def verified_structure(data: bytes, where: str) -> Structure:
    """Verify *data* and return what is needed to read it; ModelError if unsound."""
    identify(data, where)
    structure = check(data, where=where)
    _Checker(structure.root, data, where).run()
    return structure


def operator_code(code: Table) -> int:
    """Return the builtin operator of an OperatorCode, as the runtimes compute it."""
    old = code.scalar("deprecated_builtin_code", "b")
    return max(old, code.scalar("builtin_code", "i"))


class _Checker:
    """What the structure alone cannot show, checked over one model."""

    def __init__(self, model: Table, data: bytes, where: str) -> None:
        self._model = model
        self._file_bytes = len(data)
        self._where = where

    def run(self) -> None:
        version = self._model.scalar("version", "I")
        if version != VERSION:
            self._fail(
                "the schema version of the model is not supported",
                found=str(version),
                allowed=str(VERSION),
                remedy="convert the model with a TensorFlow of 2018 or later",
            )
        self._subgraphs = self._model.tables("subgraphs")
        if not self._subgraphs:
            self._fail("the model has no subgraph", found="0", allowed="at least 1")
        self._codes = self._model.tables("operator_codes")
        self._check_codes()
        self._buffer_bytes = [
            self._sized(buffer, index)
            for index, buffer in enumerate(self._model.tables("buffers"))
        ]
        calls = [
            self._check_subgraph(subgraph, f"subgraph {index}")
            for index, subgraph in enumerate(self._subgraphs)
        ]
        self._check_calls(calls)
        self._check_metadata()

    def _check_codes(self) -> None:
        for index, code in enumerate(self._codes):
            builtin = operator_code(code)
            if not 0 <= builtin < len(OPERATORS):
                self._fail(
                    "an operator code is unknown",
                    at=f"operator code {index}",
                    found=str(builtin),
                    allowed=f"0 to {len(OPERATORS) - 1}",
                    remedy="a newer hil may know it",
                )
            if builtin == _CUSTOM and not code.count("custom_code"):
                self._fail(
                    "a custom operator has no name",
                    at=f"operator code {index}",
                    found="an empty custom_code",
                )

    def _sized(self, buffer: Table, index: int) -> int:
        """Return the bytes of a buffer, inside the tables or behind them."""
        inside = buffer.count("data")
        offset, size = buffer.scalar("offset", "Q"), buffer.scalar("size", "Q")
        if offset > 1:
            self._check_far(offset, size, at=f"buffer {index}")
        return inside or (size if offset > 1 else 0)

    def _check_far(self, offset: int, size: int, *, at: str) -> None:
        """Check data that stands behind the tables, as in files above 2 GB."""
        if offset + size > self._file_bytes:
            self._fail(
                "the model is cut short or damaged: data lie beyond its end",
                at=at,
                found=f"{size:,} bytes at {offset:,}",
                allowed=f"the file has {self._file_bytes:,} bytes",
            )

    def _check_subgraph(self, subgraph: Table, at: str) -> list[int]:
        """Return the indices of the subgraphs that this one calls."""
        tensors = subgraph.tables("tensors")
        for index, tensor in enumerate(tensors):
            self._check_tensor(tensor, len(tensors), at=f"{at}, tensor {index}")
        for name in ("inputs", "outputs"):
            self._check_indices(
                subgraph.integers(name), len(tensors), at=f"{at}, {name}", of="tensor"
            )
        calls: list[int] = []
        for index, operator in enumerate(subgraph.tables("operators")):
            place = f"{at}, operator {index}"
            calls += self._check_operator(operator, len(tensors), at=place)
        return calls

    def _check_tensor(self, tensor: Table, tensors: int, *, at: str) -> None:
        code = tensor.scalar("type", "b")
        if not 0 <= code < len(TENSOR_TYPES):
            self._fail(
                "the type of a tensor is unknown",
                at=at,
                found=str(code),
                allowed=f"0 to {len(TENSOR_TYPES) - 1}",
                remedy="a newer hil may know it",
            )
        shape = tensor.integers("shape")
        elements = self._elements(shape, at=at)
        buffer = tensor.scalar("buffer", "I")
        self._check_indices([buffer], len(self._buffer_bytes), at=at, of="buffer")
        if tensor.scalar("external_buffer", "I"):
            self._fail(
                "a tensor keeps its data in another file",
                at=at,
                found=f"external buffer {tensor.scalar('external_buffer', 'I')}",
                remedy="convert the model with its weights inside",
            )
        self._check_size(
            self._buffer_bytes[buffer],
            TENSOR_TYPES[code],
            elements=elements,
            sparse=tensor.has("sparsity"),
            buffer=buffer,
            at=at,
        )
        quantization = tensor.table("quantization")
        if quantization is not None:
            self._check_quantization(quantization, shape, tensors=tensors, at=at)

    def _elements(self, shape: Sequence[int], *, at: str) -> int:
        elements = 1
        for size in shape:
            elements *= max(size, 1)
            if size < 0 or elements > _ELEMENT_LIMIT:
                self._fail(
                    "the shape of a tensor is impossible",
                    at=at,
                    found=_listed(shape),
                    allowed=f"no negative size, at most {_ELEMENT_LIMIT:,} elements",
                )
        return 0 if 0 in shape else elements

    def _check_size(
        self,
        size: int,
        dtype: str,
        *,
        elements: int,
        sparse: bool,
        buffer: int,
        at: str,
    ) -> None:
        """Check that a constant holds as many bytes as its shape and type need."""
        needed = -(-elements * TYPE_BITS[dtype] // 8)
        if size == 0 or sparse or TYPE_BITS[dtype] == 0:
            return
        if buffer == 0:
            self._fail(
                "buffer 0 must be empty, since it stands for 'no data'",
                at=at,
                found=f"{size:,} bytes",
                allowed="0 bytes",
            )
        if size != needed:
            self._fail(
                "the data of a constant do not match its shape and type",
                at=at,
                found=f"{size:,} bytes in buffer {buffer}",
                allowed=f"{needed:,} bytes: {elements:,} elements of {dtype}",
            )

    def _check_quantization(
        self, table: Table, shape: Sequence[int], *, tensors: int, at: str
    ) -> None:
        details = table.union("details")
        if details is not None and details.kind != "CustomQuantization":
            indices = [
                details.scalar("scales", "i"),
                details.scalar("zero_points", "i"),
            ]
            self._check_indices(indices, tensors, at=at, of="tensor", optional=True)
        scales = table.count("scale")
        if scales == 0:
            return
        if not all(math.isfinite(scale) for scale in table.reals("scale")):
            self._fail("a scale is not a number", at=at, found="infinite or NaN")
        if table.count("zero_point") != scales:
            self._fail(
                "scales and zero points differ in number",
                at=at,
                found=f"{scales} scales, {table.count('zero_point')} zero points",
            )
        axis = table.scalar("quantized_dimension", "i")
        per_axis = scales != 1 and bool(shape)
        if len(shape) == 1 and axis > 0:
            # Old converters gave a bias the axis of its filter. LiteRT refuses such a
            # model, TFLite Micro runs it and never reads the axis of a bias.
            axis = 0
        if axis < 0 or (per_axis and axis >= len(shape)):
            self._fail(
                "the quantized dimension does not exist",
                at=at,
                found=str(axis),
                allowed=f"0 to {len(shape) - 1} for the shape {_listed(shape)}",
            )
        if per_axis and scales != shape[axis]:
            self._fail(
                "the number of scales does not match the shape",
                at=at,
                found=f"{scales} scales",
                allowed=f"1 or {shape[axis]} for the shape {_listed(shape)}",
            )

    def _check_operator(self, operator: Table, tensors: int, *, at: str) -> list[int]:
        """Return the indices of the subgraphs that the operator calls."""
        code = operator.scalar("opcode_index", "I")
        self._check_indices([code], len(self._codes), at=at, of="operator code")
        for name, optional in (
            ("inputs", True),
            ("outputs", False),
            ("intermediates", True),
        ):
            self._check_indices(
                operator.integers(name),
                tensors,
                at=f"{at}, {name}",
                of="tensor",
                optional=optional,
            )
        offset = operator.scalar("large_custom_options_offset", "Q")
        if offset > 1:
            size = operator.scalar("large_custom_options_size", "Q")
            self._check_far(offset, size, at=at)
        calls: list[int] = []
        for name in ("builtin_options", "builtin_options_2"):
            options = operator.union(name)
            if options is not None:
                calls += _called(options)
        self._check_indices(calls, len(self._subgraphs), at=at, of="subgraph")
        return calls

    def _check_calls(self, calls: Sequence[Sequence[int]]) -> None:
        """Check that no subgraph calls itself, directly or through another."""
        waiting = [len(set(callees)) for callees in calls]
        callers: list[list[int]] = [[] for _ in calls]
        for caller, callees in enumerate(calls):
            for callee in set(callees):
                callers[callee].append(caller)
        ready = [index for index, count in enumerate(waiting) if count == 0]
        done = 0
        while ready:
            done += 1
            for caller in callers[ready.pop()]:
                waiting[caller] -= 1
                if waiting[caller] == 0:
                    ready.append(caller)
        if done < len(calls):
            loop = [index for index, count in enumerate(waiting) if count]
            self._fail("a subgraph calls itself", found=f"subgraphs {_listed(loop)}")

    def _check_metadata(self) -> None:
        buffers = len(self._buffer_bytes)
        self._check_indices(
            self._model.integers("metadata_buffer"),
            buffers,
            at="metadata_buffer",
            of="buffer",
        )
        for entry in self._model.tables("metadata"):
            self._check_indices(
                [entry.scalar("buffer", "I")], buffers, at="metadata", of="buffer"
            )
        for signature in self._model.tables("signature_defs"):
            index = signature.scalar("subgraph_index", "I")
            self._check_indices(
                [index], len(self._subgraphs), at="signature", of="subgraph"
            )
            tensors = self._subgraphs[index].count("tensors")
            for name in ("inputs", "outputs"):
                used = [m.scalar("tensor_index", "I") for m in signature.tables(name)]
                self._check_indices(used, tensors, at=f"signature, {name}", of="tensor")

    def _check_indices(
        self,
        indices: Sequence[int],
        count: int,
        *,
        at: str,
        of: str,
        optional: bool = False,
    ) -> None:
        low = -1 if optional else 0
        for index in indices:
            if not low <= index < count:
                self._fail(
                    f"there is no {of} {index}",
                    at=at,
                    found=str(index),
                    allowed=f"{low} to {count - 1}" if count else f"no {of} exists",
                )

    def _fail(
        self,
        what: str,
        *,
        found: str,
        at: str | None = None,
        allowed: str | None = None,
        remedy: str = REMEDY,
    ) -> NoReturn:
        raise ModelError(
            what,
            where=f"{self._where}: {at}" if at else self._where,
            found=found,
            allowed=allowed,
            remedy=remedy,
        )


def _called(options: Table) -> list[int]:
    """Return the subgraphs that an operator's options name."""
    indices: list[int] = []
    for field in LAYOUTS[options.kind]:
        if field.is_subgraph and field.kind == "vector":
            indices += options.integers(field.name)
        elif field.is_subgraph:
            indices.append(options.scalar(field.name, "i"))
    return indices


def _listed(values: Sequence[int]) -> str:
    """Return a list of numbers as text of a bounded length."""
    shown = ", ".join(str(value) for value in values[:8])
    return f"[{shown}, ...]" if len(values) > 8 else f"[{shown}]"  # noqa: PLR2004 (fits a line)
