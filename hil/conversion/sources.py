"""Which kind of model a path is, told by its content and not by its name."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

from hil.conversion.request import SourceKind
from hil.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_KINDS = (
    "a .keras file, a whole model as .h5, a SavedModel folder, or a frozen graph (.pb)"
)
_HDF5 = b"\x89HDF\r\n\x1a\n"
_TFLITE = b"TFL3"  # after the first four bytes: a flatbuffer's identifier
_PICKLE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_TORCH_MAGIC = bytes.fromhex("6cfc9c46f9206aa85019")  # torch/serialization.py
_SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
# Fields of onnx.ModelProto: ir_version 1, graph 7, opset_import 8; of a GraphDef: node
# 1, library 2, version 3, versions 4, debug_info 5; of a SavedModel: its schema version
# 1 and meta_graphs 2.
_ONNX_FIELDS = {(1, 0), (7, 2)}
_GRAPH_DEF_FIELDS = {(1, 2), (2, 2), (3, 0), (4, 2), (5, 2)}
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def find_kind(path: Path) -> SourceKind:
    """Return what *path* holds; ConfigError or ModelError with the way to convert it.

    ONNX and PyTorch files are recognized too, to name the tool that converts them.
    """
    try:
        if path.is_dir():
            return _kind_of_folder(path)
        with path.open("rb") as stream:
            head = stream.read(4096)
            if zipfile.is_zipfile(path):
                return _kind_of_zip(path)
            return _kind_of_file(path, stream, head)
    except OSError as exc:
        raise ModelError(
            "the model cannot be read",
            where=str(path),
            found=exc.strerror or str(exc),
            allowed=_KINDS,
        ) from exc


def _kind_of_folder(folder: Path) -> SourceKind:
    if any((folder / name).is_file() for name in _SAVED_MODEL_FILES):
        return SourceKind.SAVED_MODEL
    inside = sorted(item.name for item in folder.iterdir())
    raise ConfigError(
        "the folder is no SavedModel",
        where=str(folder),
        found=", ".join(inside[:5]) or "an empty folder",
        allowed="a folder with saved_model.pb in it",
    )


def _kind_of_file(path: Path, stream: BinaryIO, head: bytes) -> SourceKind:
    if head.startswith(_HDF5):
        return SourceKind.HDF5
    if head[4:8] == _TFLITE:
        raise ConfigError(
            "the model is a .tflite already",
            where=str(path),
            allowed=_KINDS,
            remedy=f"hil quantize {path} --recipe int8 --calibration DATA; "
            "hil inspect tells what it is",
        )
    if _is_torch_pickle(head):
        raise _pytorch(path, "weights or a module, pickled by PyTorch")
    fields = _fields(stream)
    if fields is not None and fields >= _ONNX_FIELDS:
        raise _onnx(path)
    if fields == {(1, _VARINT), (2, _LENGTH)}:
        return _inside_saved_model(path)
    if fields and fields <= _GRAPH_DEF_FIELDS and (1, _LENGTH) in fields:
        return SourceKind.GRAPH_DEF
    raise ConfigError(
        "the file is no model that can be converted",
        where=str(path),
        found=f"it begins with {head[:8]!r}" if head else "an empty file",
        allowed=_KINDS,
    )


def _kind_of_zip(path: Path) -> SourceKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as exc:
        raise ModelError(
            "the archive is damaged", where=str(path), found=str(exc)
        ) from exc
    if "config.json" in names and any(name.endswith(".weights.h5") for name in names):
        return SourceKind.KERAS
    tails = {name.partition("/")[2] for name in names}
    if "archive_format" in tails or any("exported_program" in name for name in names):
        raise _pytorch(path, "a program exported by torch.export")
    if "constants.pkl" in tails:
        raise _pytorch(path, "a TorchScript module")
    if "data.pkl" in tails:
        raise _pytorch(path, "weights or a module, saved by torch.save")
    raise ConfigError(
        "the archive is no model that can be converted",
        where=str(path),
        found=", ".join(names[:5]) or "an empty archive",
        allowed=_KINDS,
    )


def _inside_saved_model(path: Path) -> SourceKind:
    raise ConfigError(
        "the file is part of a SavedModel, which is a folder",
        where=str(path),
        found=path.name,
        allowed="the folder, which has the variables beside this file",
        remedy=f"hil convert {path.parent}",
    )


def _onnx(path: Path) -> ConfigError:
    return ConfigError(
        "the model is ONNX, which TensorFlow's converter does not read",
        where=str(path),
        allowed=_KINDS,
        remedy="onnx2tf makes a SavedModel of it; it pins an older TensorFlow, so give "
        "it an environment of its own:\n"
        "           python -m venv onnx && onnx/bin/pip install onnx2tf\n"
        f"           onnx/bin/onnx2tf -i {path} -o {path.stem}_saved_model\n"
        f"           hil convert {path.stem}_saved_model",
    )


def _pytorch(path: Path, found: str) -> ConfigError:
    return ConfigError(
        "the model is PyTorch's, which TensorFlow's converter does not read",
        where=str(path),
        found=found,
        allowed=_KINDS,
        remedy="litert-torch makes a float .tflite of the module itself (pip install "
        "litert-torch):\n"
        "           litert_torch.convert(module.eval(), (sample,)).export"
        f'("{path.stem}.tflite")\n'
        f"           hil quantize {path.stem}.tflite",
    )


def _is_torch_pickle(head: bytes) -> bool:
    return head.startswith(_PICKLE) and (_TORCH_MAGIC in head or b"torch" in head)


def _fields(stream: BinaryIO) -> set[tuple[int, int]] | None:
    """Return the (number, wire type) of a protobuf's outermost fields, or None.

    The encoding is that of protobuf.dev, "Encoding": a varint key, then a varint, 8
    bytes, a length and that many bytes, or 4 bytes. None where the file is no protobuf.
    """
    size_bytes = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    found: set[tuple[int, int]] = set()
    while stream.tell() < size_bytes:
        key = _varint(stream)
        if key is None or key < 1 << 3:
            return None
        number, wire = key >> 3, key & 7
        found.add((number, wire))
        if wire == _VARINT:
            skipped = 0 if _varint(stream) is not None else None
        else:
            skipped = {_FIXED64: 8, _FIXED32: 4}.get(wire)
            if wire == _LENGTH:
                skipped = _varint(stream)
        if skipped is None or stream.tell() + skipped > size_bytes:
            return None
        stream.seek(skipped, os.SEEK_CUR)
    return found


def _varint(stream: BinaryIO) -> int | None:
    value = 0
    for shift in range(0, 64, 7):
        byte = stream.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 1 << 7:
            return value
    return None
