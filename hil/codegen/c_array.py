"""A model as a C array: `<name>_model_data.h` and `<name>_model_data.cc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.codegen.identifier import identifier
from hil.codegen.source import SourceFile
from hil.codegen.templates import render

if TYPE_CHECKING:
    from hil.codegen.source import Provenance

# Stands where the array goes; no comment can hold it, since "\0" is escaped there.
_ARRAY = "\0"


def render_c_array(
    data: bytes, *, name: str, provenance: Provenance
) -> tuple[SourceFile, SourceFile]:
    """Return the header and the source that hold *data*.

    *name* may be any text; hil.codegen.identifier makes a name of it.
    """
    assert data, "a model that was read is not empty"
    safe = identifier(name)
    values = {"name": safe, "provenance": provenance, "size_bytes": len(data)}
    header = render("tflm", "model_data.h.j2", **values)
    source = render("tflm", "model_data.cc.j2", array=_ARRAY, **values)
    before, after = source.split(_ARRAY)
    return (
        SourceFile(name=f"{safe}_model_data.h", before=header),
        SourceFile(
            name=f"{safe}_model_data.cc", before=before, array=data, after=after
        ),
    )
