"""`hil convert` from the command line to the files."""

from __future__ import annotations

import importlib.util
import json
import subprocess  # noqa: TID251 - the maker is no tool of hil's
import sys

import numpy as np
import pytest

from hil.cli.main import main

# A conv of 36 weights and a dense of 1,600, saved as a frozen graph and by Keras.
_MAKE = """
import sys
import keras
keras.utils.set_random_seed(1)
keras.Sequential([
    keras.layers.Input((12, 12, 1), name="image"),
    keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
    keras.layers.MaxPool2D(),
    keras.layers.Flatten(),
    keras.layers.Dense(16, name="dense"),
]).save(sys.argv[1])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed (pip install 'hil[convert]')")
    made = tmp_path_factory.mktemp("convert")
    subprocess.run(
        [sys.executable, "-c", _MAKE, str(made / "net.keras")],
        check=True,
        capture_output=True,
        timeout=300,
    )
    x = np.random.default_rng(0).uniform(0, 1, (30, 12, 12, 1)).astype(np.float32)
    np.savez(made / "data.npz", x=x)
    return made


@pytest.mark.tensorflow
def test_a_model_becomes_several_files_and_a_document(folder, capsys):
    words = ["convert", f"{folder}/net.keras", "--to", "float,dynamic,int8", "--json"]
    words += ["--representative", f"{folder}/data.npz", "-o", f"{folder}/out"]
    assert main([*words, "--input-type", "uint8"]) == 0
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["source"] == f"{folder}/net.keras"
    files = {each["mode"]: each for each in document["files"]}
    assert list(files) == ["float", "dynamic", "int8"]
    assert files["int8"]["label"] == "full int8, mixed boundary (uint8 in, int8 out)"
    assert files["int8"]["samples"] == 30
    assert files["int8"]["inputs"][0]["type"] == "uint8"
    assert "CONV_2D" in files["dynamic"]["warnings"][0]
    for each in files.values():
        path = folder / "out" / f"net_{each['mode']}.tflite"
        assert each["path"] == str(path)
        assert path.stat().st_size == each["size_bytes"]
    assert "hil: " in (folder / "out" / "net_convert.log").read_text()


@pytest.mark.tensorflow
def test_what_could_be_made_is_there_beside_the_error_of_what_could_not(folder, capsys):
    words = ["convert", f"{folder}/net.keras", "--to", "dynamic,int8,int16x8"]
    assert main([*words, "-o", f"{folder}/some"]) == 2
    shown = capsys.readouterr()
    assert "dynamic range, 1 of 2 weights int8" in shown.out
    assert "CONV_2D" in shown.err
    assert "error: int8 needs representative data" in shown.err
    assert "error: int16x8 needs representative data" in shown.err
    assert f"log of TensorFlow 2.21.0: {folder}/some/net_convert.log" in shown.err
    assert sorted(path.name for path in (folder / "some").iterdir()) == [
        "net_convert.log",
        "net_dynamic.tflite",
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none.keras"], "the model cannot be read"),
        (["g.pb", "--to", "int9"], "did you mean 'int8'?"),
        (["g.pb", "--representative", "d.npz"], "representative data change nothing"),
        (["g.pb", "--to", "int8", "--pixels", "0..1"], "there are no pixels"),
        (["g.pb", "--to", "float,int16x8", "--input-type", "int8"], "int16, or int8"),
        (["g.pb", "--input-type", "int8"], "float cannot have that input type"),
        (["g.pb", "--no-per-channel"], "float has no scales, so none a channel"),
        (["g.pb", "--input-shape", "1,a"], "that is no shape of an input"),
        (["g.pb", "--input-shape", "x=1,0"], "an input shape must be whole"),
        (["g.pb", "--optimisation", "x"], "--optimisation"),
        (["m.onnx"], "onnx2tf -i"),
    ],
)
def test_what_cannot_be_is_refused_before_tensorflow_starts(
    tmp_path, monkeypatch, capsys, words, says
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.pb").write_bytes(b"\x0a\x03\x0a\x01a")
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08\x3a\x02\x12\x00\x42\x02\x10\x11")
    assert main(["convert", *words]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.out == ""
    assert not list(tmp_path.glob("*.log"))
