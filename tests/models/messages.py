"""Writes TensorFlow graphs as protobuf messages, sound or broken on purpose."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def real(number: int, value: float) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<f", value)


def node(
    name: str,
    op: str,
    inputs: Sequence[str] = (),
    attributes: Mapping[str, bytes] | None = None,
) -> bytes:
    body = field(1, name) + field(2, op)
    body += b"".join(field(3, source) for source in inputs)
    for key, value in (attributes or {}).items():
        body += field(5, field(1, key) + field(2, value))
    return body


def const(name: str, *values: float, packed: bool = True) -> bytes:
    data = struct.pack(f"<{len(values)}f", *values)
    stored = field(4, data) if packed else b"".join(real(5, v) for v in values)
    return node(name, "Const", (), {"value": field(8, field(1, 1) + stored)})


def call(name: str, function: str, inputs: Sequence[str]) -> bytes:
    return node(
        name, "StatefulPartitionedCall", inputs, {"f": field(10, field(1, function))}
    )


def function(
    name: str,
    arguments: Sequence[str],
    nodes: Sequence[bytes],
    returns: Mapping[str, str],
) -> bytes:
    signature = field(1, name)
    signature += b"".join(field(2, field(1, argument)) for argument in arguments)
    signature += b"".join(field(3, field(1, output)) for output in returns)
    body = field(1, signature) + b"".join(field(3, item) for item in nodes)
    for key, value in returns.items():
        body += field(4, field(1, key) + field(2, value))
    return body


def graph(nodes: Sequence[bytes], functions: Sequence[bytes] = ()) -> bytes:
    body = b"".join(field(1, item) for item in nodes)
    return body + field(2, b"".join(field(1, item) for item in functions))


def saved_model(graph_def: bytes) -> bytes:
    return field(1, 1) + field(2, field(1, b"") + field(2, graph_def))


def fake_quant(
    name: str, source: str, low: float = -6.0, high: float = 6.0
) -> list[bytes]:
    """A FakeQuant with its limits in two constants."""
    return [
        const(f"{name}/min", low),
        const(f"{name}/max", high),
        node(
            name,
            "FakeQuantWithMinMaxVars",
            [source, f"{name}/min", f"{name}/max"],
            {"num_bits": field(3, 8), "narrow_range": field(5, 0)},
        ),
    ]


def network(*, ranges: Sequence[str] = ("x", "w", "conv")) -> list[bytes]:
    """x -> conv(w) -> bias -> relu -> y, with a FakeQuant for each name in *ranges*."""
    nodes = [node("x", "Placeholder"), const("w", 1.0, 2.0), const("b", 0.5)]
    at = {"x": "x", "w": "w"}
    for name in ("x", "w"):
        if name in ranges:
            nodes += fake_quant(f"{name}_q", name)
            at[name] = f"{name}_q"
    nodes += [
        node("conv", "Conv2D", [at["x"], at["w"]]),
        node("bias", "BiasAdd", ["conv", "b"]),
        node("relu", "Relu", ["bias"]),
    ]
    if "conv" in ranges:
        nodes += fake_quant("conv_q", "relu")
    return nodes
