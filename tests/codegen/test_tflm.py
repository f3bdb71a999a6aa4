"""What hil generates, compiled: the bytes, their alignment and the operators."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil import __version__
from hil.codegen.source import write
from hil.codegen.tflm import generate
from hil.deadline import Deadline
from hil.errors import ModelError
from hil.models.facts import sha256_of
from hil.tools import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

# As much of TFLite Micro as a generated header names.
_STUB = """
#ifndef STUB_H_
#define STUB_H_
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
namespace tflite {
template <unsigned int N>
class MicroMutableOpResolver {
 public:
  TfLiteStatus AddConv2D() { return Add(); }
  TfLiteStatus AddQuantize() { return Add(); }
  TfLiteStatus AddDequantize() { return Add(); }
  unsigned int count = 0;
 private:
  TfLiteStatus Add() { return ++count <= N ? kTfLiteOk : kTfLiteError; }
};
}  // namespace tflite
#endif
"""


@pytest.fixture(scope="module")
def compiler() -> str:
    found = shutil.which("g++") or shutil.which("clang++")
    if found is None:
        pytest.skip("no C++ compiler is installed (apt-get install g++)")
    return found


def build_and_run(compiler: str, folder: Path, sources: Sequence[str]) -> str:
    deadline = Deadline(120)
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-I", str(folder)]
    run([compiler, *flags, *sources, "-o", "program"], deadline=deadline, cwd=folder)
    return run([str(folder / "program")], deadline=deadline).stdout.decode()


def test_the_files_say_where_they_come_from(tiny: ModuleType) -> None:
    data = tiny.int8_conv_model()
    header, source, resolver = generate(
        data, Path("some/small-net.tflite"), variant="int8"
    )
    for file in (header, source, resolver):
        head = file.text.splitlines()[:6]
        assert head == [
            f"// Made by hil {__version__} (hil codegen); do not edit.",
            "// model:   small-net.tflite",
            f"// sha256:  {sha256_of(data)}",
            "// variant: int8",
            f"// size:    {len(data)} bytes",
            "// label:   full int8, int8 boundary",
        ]
    assert header.name == "small_net_model_data.h"
    assert source.name == "small_net_model_data.cc"
    assert resolver.name == "small_net_op_resolver.h"


def test_two_runs_give_the_same_bytes(tiny: ModuleType) -> None:
    data = tiny.int8_conv_model()
    first, second = (generate(data, Path("m.tflite")) for _ in range(2))
    assert [file.text for file in first] == [file.text for file in second]


def test_a_model_that_is_not_sound_is_not_generated() -> None:
    with pytest.raises(ModelError, match=r"not a \.tflite file"):
        generate(b"PK\x03\x04", Path("m.keras"))


@pytest.mark.parametrize("name", ["2 fast.v1", "int", "模型", "a" * 250, "x*/ ??/\\"])
def test_any_name_compiles_without_a_warning(
    tiny: ModuleType, compiler: str, tmp_path: Path, name: str
) -> None:
    files = generate(tiny.conv_model(), Path(f"{name}.tflite"))
    write(files, tmp_path)
    main = f'#include "{files[0].name}"\nint main() {{ return 0; }}\n'
    (tmp_path / "main.cc").write_text(main)
    assert build_and_run(compiler, tmp_path, [files[1].name, "main.cc"]) == ""


def test_two_models_link_and_hold_their_bytes_aligned(
    tiny: ModuleType, compiler: str, tmp_path: Path
) -> None:
    models = {"Net": tiny.conv_model(), "net": tiny.int8_conv_model("float")}
    for name, data in models.items():
        write(generate(data, Path(f"{name}.tflite")), tmp_path)
    (tmp_path / "tensorflow/lite/micro").mkdir(parents=True)
    stub = tmp_path / "tensorflow/lite/micro/micro_mutable_op_resolver.h"
    stub.write_text(_STUB)
    (tmp_path / "main.cc").write_text(
        """
#include <cstdint>
#include <cstdio>
#include "Net_model_data.h"
#include "net_model_data.h"
#include "net_op_resolver.h"

static void Print(const unsigned char* data, unsigned int size) {
  std::printf("%u ", static_cast<unsigned>(reinterpret_cast<uintptr_t>(data) % 16));
  for (unsigned int i = 0; i < size; ++i) std::printf("%02x", data[i]);
  std::printf("\\n");
}

int main() {
  static_assert(g_net_model_data_size > 0, "the size is a constant");
  Print(g_Net_model_data, g_Net_model_data_size);
  Print(g_net_model_data, g_net_model_data_size);
  hil_net_op_resolver resolver;
  const bool fits = hil_net_register_ops(resolver) == kTfLiteOk;
  std::printf("%d %u\\n", fits, resolver.count);
  return 0;
}
"""
    )
    out = build_and_run(
        compiler, tmp_path, ["Net_model_data.cc", "net_model_data.cc", "main.cc"]
    )
    assert out.splitlines() == [
        f"0 {models['Net'].hex()}",
        f"0 {models['net'].hex()}",
        "1 3",
    ]
