"""Files are known by what is in them; those of other tools are refused with the way."""

from __future__ import annotations

import zipfile

import pytest

from hil.conversion.request import SourceKind
from hil.conversion.sources import find_kind
from hil.errors import ConfigError, ModelError

# ir_version 8, producer_name "pytorch", graph {name "g"}, opset_import {version 17}
ONNX = b"\x08\x08\x12\x07pytorch\x3a\x03\x12\x01g\x42\x02\x10\x11"
GRAPH_DEF = b"\x0a\x06\x0a\x01x\x12\x01y\x22\x02\x08\x15"  # a node, and versions
SAVED_MODEL = b"\x08\x01\x12\x02\x0a\x00"
TORCH_PICKLE = b"\x80\x02\x8a\x0a" + bytes.fromhex("6cfc9c46f9206aa85019") + b".\x80"


def archive(path, *names):
    with zipfile.ZipFile(path, "w") as stream:
        for name in names:
            stream.writestr(name, b"{}")
    return path


def test_files_of_a_model_are_known_by_their_content(tmp_path):
    path = tmp_path / "model.bin"
    archive(path, "metadata.json", "config.json", "model.weights.h5")
    assert find_kind(path) is SourceKind.KERAS
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert find_kind(path) is SourceKind.HDF5
    path.write_bytes(GRAPH_DEF)
    assert find_kind(path) is SourceKind.GRAPH_DEF


@pytest.mark.parametrize("name", ["saved_model.pb", "saved_model.pbtxt"])
def test_a_folder_with_a_saved_model_is_one(tmp_path, name):
    (tmp_path / name).write_bytes(SAVED_MODEL)
    assert find_kind(tmp_path) is SourceKind.SAVED_MODEL


def refused(path) -> str:
    with pytest.raises((ConfigError, ModelError)) as caught:
        find_kind(path)
    assert caught.value.where == str(path)
    assert caught.value.exit_status == 2
    return str(caught.value)


@pytest.mark.parametrize("name", ["model.onnx", "model.pb", "model"])
def test_onnx_is_refused_with_the_command(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(ONNX)
    said = refused(path)
    assert "the model is ONNX" in said
    assert f"onnx2tf -i {path} -o model_saved_model" in said
    assert "an environment of its own" in said
    assert "hil convert model_saved_model" in said


@pytest.mark.parametrize(
    ("members", "found"),
    [
        (("m/data.pkl", "m/constants.pkl", "m/code/a.py"), "a TorchScript module"),
        (("m/data.pkl", "m/version", "m/data/0"), "saved by torch.save"),
        (("m/archive_format", "m/models/model.json"), "exported by torch.export"),
        (("serialized_exported_program.json", "version"), "exported by torch.export"),
    ],
)
def test_an_archive_of_pytorch_is_refused_with_the_command(tmp_path, members, found):
    said = refused(archive(tmp_path / "net.pt", *members))
    assert "the model is PyTorch's" in said
    assert found in said
    assert 'litert_torch.convert(module.eval(), (sample,)).export("net.tflite")' in said
    assert "hil quantize net.tflite" in said


@pytest.mark.parametrize("data", [TORCH_PICKLE, b"\x80\x04\x95\x00ctorch._utils\n"])
def test_a_pickle_of_pytorch_is_refused_unopened(tmp_path, data):
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    assert "the model is PyTorch's" in refused(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x1c\x00\x00\x00TFL3" + bytes(20), "the model is a .tflite already"),
        (SAVED_MODEL, "the file is part of a SavedModel, which is a folder"),
        (b"", "an empty file"),
        (b"hello, world", "it begins with b'hello, w'"),
        (b"\x80\x02}q\x00.", "the file is no model that can be converted"),
        (b"\x0a\xff\xff\xff\xff\x0fx", "the file is no model that can be converted"),
        (b"\x0a", "the file is no model that can be converted"),
        (b"\x0b\x01", "the file is no model that can be converted"),
        (b"\xff" * 12, "the file is no model that can be converted"),
    ],
)
def test_other_files_are_refused_with_what_they_are(tmp_path, data, says):
    path = tmp_path / "model.pb"
    path.write_bytes(data)
    assert says in refused(path)


def test_other_archives_and_folders_are_refused(tmp_path):
    said = refused(archive(tmp_path / "a.zip", "photo.jpg"))
    assert "the archive is no model that can be converted" in said
    assert "photo.jpg" in said
    assert "no such file" in refused(tmp_path / "none").lower()
    assert "a.zip" in refused(tmp_path)
    (tmp_path / "empty").mkdir()
    assert "an empty folder" in refused(tmp_path / "empty")
