"""Renews tests/codegen/golden: run it, then read the difference before you commit it.

    python tests/codegen/renew_golden.py

The data are made up and the versions fixed, so the files change only with the code.
"""

from __future__ import annotations

from pathlib import Path

from hil.codegen.c_array import render_c_array
from hil.codegen.op_resolver import render_op_resolver
from hil.codegen.source import Provenance, SourceFile, write
from hil.models.graph import Graph, Operator, SubGraph

GOLDEN = Path(__file__).with_name("golden")


def golden_files() -> tuple[SourceFile, ...]:
    """Return the files of a tiny made-up model of 43 bytes and three operators."""
    data = bytes(7 * index % 256 for index in range(43))
    provenance = Provenance(
        model="tiny model*/é.tflite",
        sha256="0123456789abcdef" * 4,
        variant="int8",
        size_bytes=len(data),
        label="full int8, float boundary",
        hil_version="0.0.0",
    )
    operators = tuple(
        Operator(
            index=index,
            name=name,
            is_custom=name.startswith("Signal"),
            version=1,
            inputs=(),
            outputs=(),
            options={},
        )
        for index, name in enumerate(["CONV_2D", "SOFTMAX", "CONV_2D", "SignalRfft"])
    )
    graph = Graph(
        version=3,
        description="",
        subgraphs=(
            SubGraph(
                index=0,
                name="",
                tensors=(),
                inputs=(),
                outputs=(),
                operators=operators,
            ),
        ),
        buffers=(),
        metadata={},
        size_bytes=len(data),
        bytes_by_field={},
    )
    name = "tiny model"
    return (
        *render_c_array(data, name=name, provenance=provenance),
        render_op_resolver(graph, name=name, provenance=provenance),
    )


if __name__ == "__main__":
    write(golden_files(), GOLDEN)
