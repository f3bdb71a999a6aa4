"""`hil diverge` from the command line to exit status and files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hil.bench.diverging.side import HostSide
from hil.bench.diverging.subject import read_subject
from hil.bench.examples import resolve_path
from hil.cli.main import main

INPUTS = ["--inputs", "example:digits_test.npz", "--samples", "60"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The digits as int8."""
    path = tmp_path_factory.mktemp("models")
    words = ["--recipe", "int8", "--calibration", "example:digits_calibration.npz"]
    assert main(["quantize", "example:digits.tflite", *words, "-o", str(path)]) == 0
    return str(path / "digits_int8.tflite")


@pytest.fixture
def diverge(capsys):
    def run(*words):
        capsys.readouterr()
        status = main(["diverge", *words])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


@pytest.fixture
def changed(tmp_path):
    """A file of answers of which one has another label, another one value."""
    outputs = np.full((60, 10), -128, np.int8)
    outputs[:, 0] = 127
    np.savez(tmp_path / "a.npz", outputs=outputs)
    outputs[7, 1] += 1
    np.savez(tmp_path / "b.npz", outputs=outputs)
    outputs[9, :2] = -128, 127
    np.savez(tmp_path / "c.npz", outputs=outputs)
    return [str(tmp_path / f"{name}.npz") for name in "abc"]


def test_engines_and_an_emulated_board_are_compared_pair_by_pair(diverge, model):
    status, out, _ = diverge(
        model, *INPUTS, "--on", "litert,tflm,emulated-mcu", "--json"
    )
    told = json.loads(out)
    assert status == 0
    assert [side["name"] for side in told["sides"]] == [
        "litert",
        "tflm",
        "emulated-mcu",
    ]
    assert len(told["pairs"]) == 3
    board = told["pairs"][2]
    assert (board["left"], board["right"]) == ("tflm", "emulated-mcu")
    assert board["identical"]["count"] == board["inputs"] == 60
    (group,) = (group for group in told["same_answers"] if "tflm" in group)
    assert "emulated-mcu" in group


def test_the_table_goes_to_stdout_and_progress_to_stderr(diverge, model):
    status, out, err = diverge(model, *INPUTS, "--on", "litert-ref,tflm")
    assert status == 0
    assert out.startswith("digits_int8 on 60 inputs of digits_test.npz\n")
    assert "litert-ref : tflm" in out
    assert err.splitlines()[0] == "litert-ref: 60 inputs"


@pytest.mark.parametrize(
    ("names", "require", "status"),
    [
        ("ab", None, 0),
        ("ab", "identical", 1),
        ("ab", "labels", 0),
        ("ac", "labels", 1),
        ("aa", "identical", 0),
    ],
)
def test_what_is_required_decides_the_exit_status(
    diverge, model, changed, tmp_path, names, require, status
):
    first, second = ("abc".index(name) for name in names)
    other = changed[second]
    if first == second:
        other = str(tmp_path / "same.npz")
        np.savez(other, outputs=np.load(changed[0])["outputs"])
    words = ["--require", require] if require else []
    found, _, _ = diverge(
        model, *INPUTS, "--on", f"{changed[first]},{other}", *words, "--json"
    )
    assert found == status


def test_a_page_is_written_beside_the_table(diverge, model, changed, tmp_path):
    path = tmp_path / "page.html"
    status, out, _ = diverge(
        model, *INPUTS, "--on", f"tflm,{changed[0]}", "--html", str(path)
    )
    assert status == 0
    assert "tflm : " in out
    assert path.read_text().startswith("<!DOCTYPE html>")
    status, _, err = diverge(
        model, *INPUTS, "--on", f"tflm,{changed[0]}", "--html", str(tmp_path / "no/x")
    )
    assert status == 3
    assert "the page cannot be written" in err


def test_the_engine_of_unknown_answers_is_named(diverge, model, tmp_path):
    path = tmp_path / "unknown.npz"
    source = resolve_path("example:digits_test.npz", tmp_path)
    subject = read_subject(resolve_path(model, tmp_path), source, samples=60)
    np.savez(path, outputs=HostSide("tflm", subject).outputs)
    status, out, _ = diverge(model, *INPUTS, "--fingerprint", str(path), "--json")
    told = json.loads(out)
    assert status == 0
    assert "tflm" in told["equals"]
    assert len(told["pairs"]) == 4


def test_a_live_device_has_a_fingerprint_too(diverge, model):
    status, out, _ = diverge(model, *INPUTS, "--fingerprint", "emulated-mcu")
    assert status == 0
    assert out.startswith("emulated-mcu (tflm")
    assert "  equals " in out
    assert "tflm: all 60 answers, bit for bit" in out


@pytest.mark.shared
def test_a_log_of_a_board_names_its_engine_or_its_faults(diverge, shared):
    words = [
        str(shared / "models" / "kws_ref_model.tflite"),
        *("--inputs", str(shared / "data/kws/kws01.npz"), "--samples", "5"),
        "--fingerprint",
    ]
    logs = shared / "data" / "mlperf_logs"
    name = "v13_l4r5zip_xcubeai_kws_performance.txt"
    status, out, _ = diverge(*words, str(logs / name), "--json")
    assert (status, json.loads(out)["equals"]) == (0, ["litert"])
    name = "v12_cy8cproto062_vww_performance.txt"
    status, out, _ = diverge(*words, str(logs / name))
    assert status == 0
    assert "doubt: device clock: 0.6685 of the host's" in out
    assert "equals none: each answer is that of a repeated inference" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "it is unclear what to compare"),
        (
            ["--on", "tflm,litert", "--fingerprint", "x"],
            "it is unclear what to compare",
        ),
        (["--on", "tflm"], "there is nothing to compare"),
        (["--on", "tflm,litret"], "did you mean 'litert'?"),
        (["--on", "tflm,litert", "--require", "label"], "did you mean 'labels'?"),
        (["--fingerprint", "native", "--html", "x"], "--require and --html belong to"),
        (["--on", "tflm,cassette:none"], "the recording cannot be read"),
    ],
)
def test_wrong_words_end_with_status_2_and_say_what_is_allowed(
    diverge, model, words, message
):
    status, out, err = diverge(model, *INPUTS, *words)
    assert (status, out) == (2, "")
    assert message in err
