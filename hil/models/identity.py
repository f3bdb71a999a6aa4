"""What a file is by its first bytes, before anything in it is believed."""

from __future__ import annotations

from hil.errors import ModelError
from hil.models.flatbuffer import REMEDY
from hil.models.schema import IDENTIFIER

_TEXT_BYTES = 512
_CONVERT = "hil convert turns it into a .tflite"
_KERAS = f"{_CONVERT}; exported as a SavedModel, hil inspect shows its ranges"
# First bytes of files that people take for a .tflite: what it is, and the remedy.
_LOOKS: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive (a .keras file is one)", _KERAS),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (a Keras .h5 model)", _KERAS),
    (b"\x1f\x8b", "a gzip archive", "unpack it with gunzip or tar first"),
    (
        b"version https://git-lfs",
        "a Git LFS pointer, not the file itself",
        "git lfs pull",
    ),
)


def identify(data: bytes, where: str) -> None:
    """Raise ModelError unless the file says that it is a .tflite."""
    if not data:
        raise ModelError(
            "the model is empty", where=where, found="0 bytes", remedy=REMEDY
        )
    if data[4:8] == IDENTIFIER:
        return
    found, remedy = _looks_like(data)
    raise ModelError(
        "not a .tflite file",
        where=where,
        found=found,
        allowed=f"a FlatBuffer with {IDENTIFIER.decode()} at byte 4",
        remedy=remedy,
    )


def _looks_like(data: bytes) -> tuple[str, str]:
    """Return what the file seems to be, and what to do about it."""
    for magic, name, remedy in _LOOKS:
        if data.startswith(magic):
            return name, remedy
    head = data[:_TEXT_BYTES]
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html", b"<?xml")):
        return "a web page (HTML)", "the download went wrong; fetch the file again"
    # A protobuf that begins with a small int in field 1 (ir_version) and goes on with
    # a string in field 2 (producer_name) or a message in field 7 (graph) or 8.
    if len(head) > 2 and head[0] == 0x08 and head[2] in {0x12, 0x3A, 0x42}:  # noqa: PLR2004 (wire format)
        return "an ONNX model, by its first bytes", _CONVERT
    if all(byte >= 0x20 or byte in b"\t\r\n" for byte in head) and head.isascii():  # noqa: PLR2004 (printable ASCII)
        return "a text file", REMEDY
    return f"bytes that begin with {head[:8].hex(' ')}", REMEDY
