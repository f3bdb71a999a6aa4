"""Give an older model the operator codes that AI Edge Quantizer reads.

Files of older converters, MLPerf Tiny's keyword model among them, store an operator in
the field `deprecated_builtin_code` alone. Runtimes take the larger of the two fields;
AI Edge Quantizer takes the newer one, which is absent there and reads as 0, so that it
holds every operator for an ADD: biases become int8 and weights get a zero point.
"""

from __future__ import annotations

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"


def with_operator_codes(model: bytes) -> bytes:
    """Return *model*, or a copy in which both fields name the same operator."""
    root = schema.Model.GetRootAs(model)
    codes = [root.OperatorCodes(index) for index in range(root.OperatorCodesLength())]
    if all(code.BuiltinCode() >= code.DeprecatedBuiltinCode() for code in codes):
        return model
    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    for code in tree.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())
