"""`hil firmware` with the engine tflm: what is asked for, and what is missing."""

from __future__ import annotations

import json
import shutil

import pytest

from hil.cli.main import main

MODEL = ["--model", "example:digits.tflite"]
BUILD = ["firmware", "build", "--profile", "native", *MODEL]


@pytest.fixture(autouse=True)
def no_tflm(monkeypatch):
    monkeypatch.delenv("HIL_TFLM", raising=False)


@pytest.mark.usefixtures("digits")
def test_without_a_tflite_micro_both_ways_to_name_one_are_told(capsys):
    assert main([*BUILD, "--engine", "tflm"]) == 2
    told = capsys.readouterr().err
    assert "the engine tflm needs a TFLite Micro, which hil does not bring" in told
    assert "--tflm DIR or HIL_TFLM=DIR" in told


@pytest.mark.usefixtures("digits")
def test_a_folder_alone_asks_for_the_engine(tmp_path, capsys):
    assert main([*BUILD, "--tflm", str(tmp_path)]) == 2
    assert "this folder has no TFLite Micro" in capsys.readouterr().err


@pytest.mark.usefixtures("digits")
def test_the_environment_names_the_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HIL_TFLM", str(tmp_path))
    assert main([*BUILD, "--set", "firmware.engine='tflm'"]) == 2
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.usefixtures("digits")
def test_an_engine_that_is_not_known_is_refused_with_the_nearest(capsys):
    assert main([*BUILD, "--engine", "tfml"]) == 2
    told = capsys.readouterr().err
    assert "there is no such engine" in told
    assert "did you mean 'tflm'" in told


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("more", [["--preserve-tensors"], ["--serves", MODEL[1]]])
def test_what_is_for_tflm_is_refused_for_another_engine(capsys, more):
    assert main([*BUILD, "--engine", "compiled", *more]) == 2
    assert "are for the engine tflm" in capsys.readouterr().err


def test_an_engine_without_a_model_is_not_flashed(tmp_path, capsys):
    profile = tmp_path / "desk.toml"
    profile.write_text(
        'name = "desk"\nkind = "mcu"\narch = "armv7e-m"\ncore = "x"\n'
        'ram_bytes = 1\nflash_bytes = 1\ntime_basis = "cpu_cycles"\n'
        '[link]\nport = "/dev/null"\nbaud = 115200\n'
        '[flash]\ntool = "openocd"\narguments = ["-f", "x"]\n'
    )
    words = ["firmware", "flash", "--profile", str(profile), "--engine", "tflm"]
    assert main(words) == 2
    assert "are for an image that is built" in capsys.readouterr().err


@pytest.mark.qemu
@pytest.mark.usefixtures("digits")
def test_a_risc_v_compiler_without_a_c_plus_plus_library_is_told(tflm_headers, capsys):
    if shutil.which("riscv64-unknown-elf-g++") is None:
        pytest.skip("riscv64-unknown-elf-g++ is not installed")
    board = ["firmware", "build", "--profile", "qemu-riscv32-virt", *MODEL]
    assert main([*board, "--tflm", str(tflm_headers)]) == 2
    told = capsys.readouterr().err
    assert "the board's C++ compiler does not compile for its core" in told
    assert "a RISC-V compiler with a C++ library" in told


@pytest.fixture
def tflm_headers(tmp_path):
    """Headers that are whole and empty; no library."""
    for name in (
        "tensorflow/lite/micro/micro_interpreter.h",
        "tensorflow/lite/micro/micro_mutable_op_resolver.h",
        "tensorflow/lite/micro/recording_micro_allocator.h",
        "tensorflow/lite/micro/memory_helpers.h",
        "tensorflow/lite/schema/schema_generated.h",
        "flatbuffers/flatbuffers.h",
        "flatbuffers/base.h",
        "fixedpoint/fixedpoint.h",
        "ruy/profiler/instrumentation.h",
    ):
        path = tmp_path / "tflm" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "tflm"


@pytest.mark.qemu
@pytest.mark.usefixtures("digits")
def test_a_folder_for_cmake_needs_the_library_too(tflm_headers, tmp_path, capsys):
    if shutil.which("arm-none-eabi-g++") is None:
        pytest.skip("arm-none-eabi-g++ is not installed")
    words = ["firmware", "new", str(tmp_path / "out"), "--board", "qemu_mps2_an386"]
    assert main([*words, *MODEL, "--tflm", str(tflm_headers)]) == 2
    assert "there is no libtensorflow-microlite.a" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("digits")
def test_the_default_engine_of_a_board_stays_compiled(tmp_path, capsys):
    words = ["firmware", "new", str(tmp_path / "out"), "--board", "native", *MODEL]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["arena_bytes"] > 0
    config = (tmp_path / "out/hil_config.cmake").read_text()
    assert 'set(HIL_ENGINE "compiled"' in config
    assert not (tmp_path / "out/hil_tflm.cmake").exists()
