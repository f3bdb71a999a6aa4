"""Give a model the signature that calibration asks for."""

from __future__ import annotations

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"


def with_signature(model: bytes) -> bytes:
    """Return a copy of *model* with one signature over its inputs and outputs.

    Older converters, MLPerf Tiny's among them, write models without a signature; AI
    Edge Quantizer quantizes those but its calibrator does not run them. The copy is
    for calibration only, so that the quantized file holds nothing that we added.
    """
    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    main = tree.subgraphs[0]
    signature = schema.SignatureDefT()
    signature.signatureKey = "serving_default"
    signature.subgraphIndex = 0
    signature.inputs = [_named(f"input_{i}", t) for i, t in enumerate(main.inputs)]
    signature.outputs = [_named(f"output_{i}", t) for i, t in enumerate(main.outputs)]
    tree.signatureDefs = [signature]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _named(name: str, tensor_index: int) -> schema.TensorMapT:
    entry = schema.TensorMapT()
    entry.name = name
    entry.tensorIndex = int(tensor_index)
    return entry
