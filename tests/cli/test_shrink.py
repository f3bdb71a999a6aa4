"""`hil shrink`: the report, the proof, the flips and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hil.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

DIGITS = "example:digits.tflite"
TEST = "example:digits_test.npz"


@pytest.fixture(scope="module")
def int8(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("int8")
    words = ["--calibration", "example:digits_calibration.npz", "-o", str(folder)]
    assert main(["quantize", DIGITS, *words]) == 0
    return str(folder / "digits_int8.tflite")


def test_the_report_tells_bytes_by_part_and_the_proof(
    int8: str, tmp_path: Path, capsys
) -> None:
    assert main(["shrink", int8, "-o", str(tmp_path), "--inputs", "10"]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "digits_int8_shrunk.tflite" in page
    assert "is full int8, int8 boundary" in page
    assert "tflm: 10 of 10 inputs answered the same to the bit" in page
    assert "litert-ref: 10 of 10 inputs answered the same to the bit" in page
    assert "arena 7,732 B -> 7,732 B (tflm, on a 32-bit core)" in page
    size = (tmp_path / "digits_int8_shrunk.tflite").stat().st_size
    assert f"the file 27,488 {size:,} {27_488 - size:,}" in page


def test_the_json_is_one_document(int8: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "small.tflite"
    words = ["-o", str(out), "--inputs", "5", "--dataset", TEST, "--samples", "7"]
    assert main(["shrink", int8, *words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["after_bytes"] == out.stat().st_size < document["before_bytes"]
    assert document["anatomy"]["after"]["name_bytes"] < 200  # the signature's
    proofs = {proof["engine"]: proof for proof in document["proofs"]}
    assert proofs["tflm"]["inputs"] == proofs["tflm"]["identical"] == 12
    assert "per_tensor" not in document


def test_what_an_engine_cannot_prove_is_told(tmp_path: Path, capsys) -> None:
    assert main(["quantize", DIGITS, "--recipe", "dynamic", "-o", str(tmp_path)]) == 0
    model = str(tmp_path / "digits_dynamic.tflite")
    assert main(["shrink", model, "-o", str(tmp_path), "--inputs", "5"]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "tflm: not proved there, since tflm cannot run CONV_2D, operator 0" in page


def test_one_scale_a_tensor_tells_the_flips(int8: str, tmp_path: Path, capsys) -> None:
    words = ["--per-tensor", "--dataset", TEST, "--samples", "100", "--inputs", "5"]
    assert main(["shrink", int8, "-o", str(tmp_path), *words]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "weights have one scale now:" in page
    assert "labels flipped" in page
    assert "exact McNemar p =" in page


def test_one_scale_a_tensor_needs_labels(int8: str, tmp_path: Path, capsys) -> None:
    assert main(["shrink", int8, "-o", str(tmp_path), "--per-tensor"]) == 2
    shown = capsys.readouterr().err
    assert "--per-tensor needs labelled samples" in shown
    assert list(tmp_path.iterdir()) == []


def test_the_model_itself_is_never_replaced(int8: str, capsys) -> None:
    assert main(["shrink", int8, "-o", int8]) == 2
    assert "the shrunk model would replace the model itself" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_status_2(
    int8: str, tmp_path: Path, capsys
) -> None:
    out = str(tmp_path / "no" / "small.tflite")
    assert main(["shrink", int8, "-o", out, "--inputs", "1"]) == 2
    assert "the shrunk model cannot be written" in capsys.readouterr().err
