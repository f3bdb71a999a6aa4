"""A TFLite Micro is taken only where headers, flatbuffers, library and core agree."""

from __future__ import annotations

import shutil

import pytest

from hil.deadline import Deadline
from hil.errors import ConfigError
from hil.firmware.core_abi import CoreAbi, read_object
from hil.firmware.tflm import LIBRARY, find_library, find_tree, tflm_folder
from hil.tools import run

HEADERS = (
    "tensorflow/lite/micro/micro_interpreter.h",
    "tensorflow/lite/micro/micro_mutable_op_resolver.h",
    "tensorflow/lite/micro/recording_micro_allocator.h",
    "tensorflow/lite/micro/memory_helpers.h",
)
SCHEMA = "tensorflow/lite/schema/schema_generated.h"
WHOLE = "int RecordingMicroAllocator_Create(void) { return 0; }\n"
OTHER_CORE = CoreAbi("EM_ARM", 32, arch=13, float_abi="VFP registers", fpu=6)


def _demand(version):
    parts = zip(("MAJOR", "MINOR", "REVISION"), version.split("."), strict=True)
    words = " &&\n".join(f"FLATBUFFERS_VERSION_{part} == {n}" for part, n in parts)
    return f'static_assert({words}, "Non-compatible flatbuffers version included");\n'


def _have(version):
    parts = zip(("MAJOR", "MINOR", "REVISION"), version.split("."), strict=True)
    return "".join(f"#define FLATBUFFERS_VERSION_{part} {n}\n" for part, n in parts)


def _write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def tree(tmp_path):
    """A folder as create_tflm_tree.py writes it, with empty headers."""
    folder = tmp_path / "tflm"
    for header in HEADERS:
        _write(folder / header)
    _write(folder / SCHEMA, _demand("25.9.23"))
    third = folder / "third_party"
    _write(third / "flatbuffers/include/flatbuffers/flatbuffers.h")
    _write(third / "flatbuffers/include/flatbuffers/base.h", _have("25.9.23"))
    _write(third / "gemmlowp/fixedpoint/fixedpoint.h")
    _write(third / "ruy/ruy/profiler/instrumentation.h")
    return folder


@pytest.fixture
def host():
    """Makes a library for this machine and returns its core."""
    for tool in ("cc", "ar"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")

    def make(folder, source=WHOLE):
        _write(folder / "part.c", source)
        run(["cc", "-c", "part.c"], cwd=folder, deadline=Deadline(60))
        run(["ar", "rcs", LIBRARY, "part.o"], cwd=folder, deadline=Deadline(60))
        return read_object(folder / "part.o")

    return make


def test_without_a_folder_the_two_ways_to_name_it_are_told():
    with pytest.raises(ConfigError, match="needs a TFLite Micro") as caught:
        tflm_folder(None, {})
    assert caught.value.found == "neither --tflm nor HIL_TFLM"
    assert "--tflm DIR or HIL_TFLM=DIR" in caught.value.remedy


def test_the_command_line_goes_before_the_environment(tmp_path):
    for name in ("given", "named"):
        (tmp_path / name).mkdir()
    environment = {"HIL_TFLM": str(tmp_path / "named")}
    assert tflm_folder(None, environment) == tmp_path / "named"
    assert tflm_folder(tmp_path / "given", environment) == tmp_path / "given"


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no folder of this name"):
        tflm_folder(tmp_path / "nowhere", {})


def test_a_made_tree_is_found_with_what_it_includes(tree):
    found = find_tree(tree)
    third = tree / "third_party"
    includes = (tree, third / "flatbuffers/include", third / "gemmlowp", third / "ruy")
    assert found.includes == includes
    assert found.flatbuffers == "25.9.23"


def test_a_checkout_keeps_the_others_below_its_downloads(tree):
    downloads = tree / "tensorflow/lite/micro/tools/make/downloads"
    downloads.parent.mkdir(parents=True)
    (tree / "third_party").rename(downloads)
    assert find_tree(tree).includes[1] == downloads / "flatbuffers/include"


def test_headers_may_lie_in_a_folder_include(tree, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    tree.rename(outer / "include")
    assert find_tree(outer).includes[0] == outer / "include"


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="this folder has no TFLite Micro") as caught:
        find_tree(tmp_path)
    assert caught.value.found == "no tensorflow/lite/micro/micro_interpreter.h"


def test_a_missing_header_is_named(tree):
    (tree / HEADERS[2]).unlink()
    with pytest.raises(
        ConfigError, match="headers of TFLite Micro are missing"
    ) as caught:
        find_tree(tree)
    assert caught.value.found == f"no {HEADERS[2]}"


@pytest.mark.parametrize("name", ["flatbuffers", "gemmlowp", "ruy"])
def test_a_missing_third_party_is_named_with_how_to_get_it(tree, name):
    shutil.rmtree(tree / "third_party" / name)
    with pytest.raises(ConfigError, match=f"headers need {name}") as caught:
        find_tree(tree)
    assert caught.value.remedy.endswith("third_party_downloads")


@pytest.mark.parametrize("version", ["24.3.25", "25.9.22"])
def test_another_flatbuffers_than_the_schema_was_made_with_is_refused(tree, version):
    _write(tree / "third_party/flatbuffers/include/flatbuffers/base.h", _have(version))
    with pytest.raises(ConfigError, match="made with another flatbuffers") as caught:
        find_tree(tree)
    assert (caught.value.found, caught.value.allowed) == (version, "25.9.23")


def test_a_path_that_cmake_would_take_apart_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="CMake cannot take a path"):
        find_tree(tmp_path / "a;b")


def test_a_library_of_the_core_is_found_with_its_hash(tree, host):
    core = host(tree / "gen" / "host" / "lib")
    library = find_library(tree, core)
    assert library.path == tree / "gen/host/lib" / LIBRARY
    assert (library.kernels, library.bits) == ("reference", core.bits)
    assert len(library.sha256) == 64


def test_a_library_with_cmsis_nn_is_recognized(tree, host):
    core = host(tree, WHOLE + "int arm_convolve_s8(void) { return 0; }\n")
    assert find_library(tree, core).kernels == "CMSIS-NN"


def test_no_library_is_told_with_the_folders_that_were_looked_at(tree):
    with pytest.raises(ConfigError, match=f"no {LIBRARY} for this core") as caught:
        find_library(tree, OTHER_CORE)
    assert "gen/*/lib/" in caught.value.allowed


def test_a_library_of_another_core_is_refused_with_both_cores(tree, host):
    core = host(tree / "lib")
    with pytest.raises(ConfigError, match="fits the board's core") as caught:
        find_library(tree, OTHER_CORE)
    assert caught.value.found == f"lib/{LIBRARY} is for {core}"
    assert caught.value.allowed == str(OTHER_CORE)


def test_two_libraries_for_one_core_are_not_chosen_from(tree, host):
    host(tree / "gen/debug")
    core = host(tree / "gen/release")
    with pytest.raises(ConfigError, match="several libraries fit") as caught:
        find_library(tree, core)
    assert caught.value.found == f"gen/debug/{LIBRARY}, gen/release/{LIBRARY}"


def test_a_library_without_the_recording_allocator_is_refused(tree, host):
    core = host(tree, "int other(void) { return 0; }\n")
    with pytest.raises(ConfigError, match="not a whole TFLite Micro"):
        find_library(tree, core)


def test_a_library_with_other_structures_is_refused(tree, host):
    core = host(tree, WHOLE + "int TfLiteTensorRealloc(void) { return 0; }\n")
    with pytest.raises(ConfigError, match="without TF_LITE_STATIC_MEMORY"):
        find_library(tree, core)
