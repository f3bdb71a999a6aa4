"""TFLite Micro's arena on a 32-bit core.

The figures that are held against were read on an emulated Cortex-M4 (QEMU 7.2,
mps2-an386): tflite-micro 90b983c, reference kernels, RecordingMicroAllocator, in an
arena of 3 MiB; docs/arena.md says how. CMSIS-NN's are from a firmware with its kernels.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from hil.cli.main import main
from hil.engines.tflm import TflmEngine
from hil.models.arena import (
    Basis,
    CmsisNn,
    Kind,
    confirmed_arena,
    predict_arena,
)
from hil.models.arena.greedy import Buffer, planned_bytes
from hil.models.arena.layout import WHEEL
from hil.models.graph import read_graph

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from hil.models.graph import Graph

# Model: for activations, kept, the smallest arena that works, without the recorder.
ON_CORTEX_M4 = {
    "hello_world_float.tflite": (128, 720, 1184, 736),
    "hello_world_int8.tflite": (32, 756, 1184, 676),
    "kws_ref_model.tflite": (16_000, 6_868, 22_880, 22_772),
    "pretrainedResnet.tflite": (196_608, 5_248, 201_856, 201_760),
    "pretrainedResnet_quant.tflite": (49_152, 5_284, 54_448, 54_340),
}
DIGITS_ON_CORTEX_M4 = {
    "digits.tflite": (18_432, 2_736, 21_168, 21_056),
    "digits_int8.tflite": (4_608, 3_124, 7_744, 7_620),
    "digits_int8-float-io.tflite": (4_608, 3_248, 7_856, 7_744),
    "digits_int16x8.tflite": (9_216, 5_204, 14_432, 14_308),
    "digits_weight-only-int8.tflite": (46_080, 3_200, 49_280, 49_168),
}


def read(path: Path) -> Graph:
    return read_graph(path.read_bytes(), str(path))


def figures(graph: Graph) -> tuple[int, int, int, int]:
    found = predict_arena(graph)
    assert found.basis is Basis.EXACT
    assert sum(found.kinds.values()) == found.persistent_bytes
    return (
        found.nonpersistent_bytes,
        found.persistent_bytes,
        found.smallest_bytes,
        found.total_bytes - found.kinds[Kind.RECORDER],
    )


@pytest.fixture(scope="module")
def variants(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the digits model and its variants that TFLite Micro runs."""
    folder = tmp_path_factory.mktemp("variants")
    recipes = ",".join(
        name.removeprefix("digits_").removesuffix(".tflite")
        for name in DIGITS_ON_CORTEX_M4
        if name != "digits.tflite"
    )
    calibration = str(digits / "digits_calibration.npz")
    arguments = ["--recipe", recipes, "--calibration", calibration, "-o", str(folder)]
    assert main(["quantize", str(digits / "digits.tflite"), *arguments]) == 0
    (folder / "digits.tflite").write_bytes((digits / "digits.tflite").read_bytes())
    return folder


@pytest.mark.shared
@pytest.mark.parametrize("name", ON_CORTEX_M4)
def test_a_real_model_needs_what_the_core_said_to_the_byte(
    shared: Path, name: str
) -> None:
    assert figures(read(shared / "models" / name)) == ON_CORTEX_M4[name]


@pytest.mark.parametrize("name", DIGITS_ON_CORTEX_M4)
def test_a_variant_needs_what_the_core_said_to_the_byte(
    variants: Path, name: str
) -> None:
    assert figures(read(variants / name)) == DIGITS_ON_CORTEX_M4[name]


@pytest.mark.shared
def test_the_kinds_are_those_of_the_recorder(shared: Path) -> None:
    found = predict_arena(read(shared / "models/kws_ref_model.tflite"))
    assert found.total_bytes == 22_868
    assert {kind: found.kinds[kind] for kind in list(Kind)[:6]} == {
        "eval_tensors": 420,
        "tensors": 64,
        "quantization": 40,
        "buffers": 5352,
        "variables": 0,
        "nodes": 416,
    }


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "bytes_on_m4"),
    [("kws_ref_model", 22_916), ("pretrainedResnet_quant", 55_092)],
)
def test_cmsis_nn_takes_no_more_than_its_bound(
    shared: Path, name: str, bytes_on_m4: int
) -> None:
    graph = read(shared / f"models/{name}.tflite")
    bound = predict_arena(graph, cmsis_nn=CmsisNn.DSP)
    assert bound.basis is Basis.AT_MOST
    assert bytes_on_m4 <= bound.total_bytes <= 1.01 * bytes_on_m4
    assert predict_arena(graph, cmsis_nn=CmsisNn.MVE).total_bytes >= bytes_on_m4


def test_the_wheel_bears_a_prediction_out(variants: Path) -> None:
    for name, (head, tail, *_) in DIGITS_ON_CORTEX_M4.items():
        data = (variants / name).read_bytes()
        engine = TflmEngine()
        engine.load(data)
        found = confirmed_arena(read_graph(data, name), engine.memory())
        assert found.basis is Basis.EXACT
        assert (found.nonpersistent_bytes, found.persistent_bytes) == (head, tail)


def test_what_the_wheel_does_not_bear_out_is_at_most_what_it_measured(
    digits: Path,
) -> None:
    graph = read(digits / "digits.tflite")
    host = predict_arena(graph, WHEEL)
    more = {
        "arena_persistent_bytes": host.persistent_bytes + 16,
        "arena_nonpersistent_bytes": host.nonpersistent_bytes,
    }
    found = confirmed_arena(graph, more)
    assert found.basis is Basis.AT_MOST
    assert found.total_bytes == host.total_bytes + 16
    assert found.smallest_bytes >= found.total_bytes
    assert not found.kinds


def custom(tiny: ModuleType) -> bytes:
    operators = [tiny.TinyOperator(name="Mine", custom=True, inputs=[0], outputs=[1])]
    tensors = [tiny.TinyTensor(shape=[100], type="int8") for _ in range(2)]
    graph = tiny.TinyGraph(tensors=tensors, operators=operators)
    return bytes(tiny.build(tiny.TinyModel(graphs=[graph])))


def test_an_unknown_kernel_is_named_and_its_figure_a_lower_bound(
    tiny: ModuleType,
) -> None:
    graph = read_graph(custom(tiny), "m")
    found = predict_arena(graph)
    assert found.basis is Basis.AT_LEAST
    assert found.unknown == ("Mine",)
    measured = {"arena_persistent_bytes": 5000, "arena_nonpersistent_bytes": 224}
    bound = confirmed_arena(graph, measured)
    assert (bound.basis, bound.total_bytes) == (Basis.AT_MOST, 5224)
    assert bound.unknown == ("Mine",)


def test_the_page_names_the_kernels_that_are_not_known(
    tiny: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "custom.tflite"
    path.write_bytes(custom(tiny))
    assert main(["inspect", str(path)]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "at least " in page
    assert "not known: what the kernels of Mine keep (--engines gives a bound)" in page


def matmul(tiny: ModuleType) -> bytes:
    operators = [tiny.TinyOperator(name="BATCH_MATMUL", inputs=[0, 1], outputs=[2])]
    tensors = [tiny.TinyTensor(shape=[4, 4]) for _ in range(3)]
    graph = tiny.TinyGraph(
        tensors=tensors, operators=operators, inputs=(0, 1), outputs=(2,)
    )
    return bytes(tiny.build(tiny.TinyModel(graphs=[graph])))


def test_cmsis_nn_has_no_bound_for_kernels_with_buffers_of_their_own(
    tiny: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = read_graph(matmul(tiny), "m")
    assert predict_arena(graph).basis is Basis.EXACT
    assert predict_arena(graph, cmsis_nn=CmsisNn.DSP).unknown == ("BATCH_MATMUL",)
    path = tmp_path / "matmul.tflite"
    path.write_bytes(matmul(tiny))
    assert main(["inspect", str(path)]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "no bound is known for CMSIS-NN's BATCH_MATMUL" in page


@pytest.mark.parametrize("inputs", [[0], [0, 2]], ids=["missing", "flat"])
def test_a_kernel_that_takes_other_operands_is_not_known(
    tiny: ModuleType, inputs: list[int]
) -> None:
    operators = [tiny.TinyOperator(name="CONV_2D", inputs=inputs, outputs=[1])]
    tensors = [
        tiny.TinyTensor(shape=[1, 4, 4, 1], type="int8"),
        tiny.TinyTensor(shape=[1, 4, 4, 1], type="int8"),
        tiny.TinyTensor(shape=[4], type="int8", data=bytes(4)),
    ]
    graph = tiny.TinyGraph(tensors=tensors, operators=operators)
    found = read_graph(tiny.build(tiny.TinyModel(graphs=[graph])), "m")
    assert predict_arena(found, cmsis_nn=CmsisNn.DSP).unknown == ("CONV_2D",)


def relu_chain(tiny: ModuleType, *offsets: int) -> bytes:
    """int8 [64] -> RELU -> RELU, with a plan of its own where *offsets* are given."""
    tensors = [
        tiny.TinyTensor(shape=[64], type="int8", scales=[1.0], zero_points=[0])
        for _ in range(3)
    ]
    steps = [
        tiny.TinyOperator(name="RELU", inputs=[i], outputs=[i + 1]) for i in range(2)
    ]
    graph = tiny.TinyGraph(tensors=tensors, operators=steps, outputs=(2,))
    plan = struct.pack("<3i", 1, 0, len(offsets)) + struct.pack(
        f"<{len(offsets)}i", *offsets
    )
    more = (
        {"buffers": [plan], "metadata": [("OfflineMemoryAllocation", 1)]}
        if offsets
        else {}
    )
    return bytes(tiny.build(tiny.TinyModel(graphs=[graph], **more)))


@pytest.mark.parametrize(
    ("offsets", "size"), [((), 128), ((0, 640, -1), 704), ((0, 64, 128), 192)]
)
def test_a_plan_in_the_file_is_followed(
    tiny: ModuleType, offsets: tuple[int, ...], size: int
) -> None:
    data = relu_chain(tiny, *offsets)
    assert predict_arena(read_graph(data, "m")).nonpersistent_bytes == size
    engine = TflmEngine()
    engine.load(data)
    assert engine.memory()["arena_nonpersistent_bytes"] == size


def test_a_plan_of_another_length_is_none(tiny: ModuleType) -> None:
    found = predict_arena(read_graph(relu_chain(tiny, 0, 640), "m"))
    assert found.nonpersistent_bytes == 128


def test_int4_weights_are_unpacked_into_a_scratch_buffer(tiny: ModuleType) -> None:
    def model(kind: str, data: bytes) -> Graph:
        tensors = [
            tiny.TinyTensor(shape=[1, 64], type="int8", scales=[1.0], zero_points=[0]),
            tiny.TinyTensor(shape=[1, 8], type="int8", scales=[1.0], zero_points=[0]),
            tiny.TinyTensor(
                shape=[8, 64], type=kind, data=data, scales=[1.0], zero_points=[0]
            ),
        ]
        step = tiny.TinyOperator(name="FULLY_CONNECTED", inputs=[0, 2, -1], outputs=[1])
        graph = tiny.TinyGraph(tensors=tensors, operators=[step])
        return read_graph(tiny.build(tiny.TinyModel(graphs=[graph])), "m")

    whole = predict_arena(model("int8", bytes(512)))
    packed = predict_arena(model("int4", bytes(256)))
    assert packed.nonpersistent_bytes == whole.nonpersistent_bytes + 512
    assert packed.kinds[Kind.SCRATCH_HANDLES] == 4


def test_large_buffers_come_first_and_gaps_are_filled() -> None:
    found = planned_bytes(
        [
            Buffer(size_bytes=100, first=0, last=1),
            Buffer(size_bytes=200, first=1, last=2),
            Buffer(size_bytes=50, first=2, last=2),
            Buffer(size_bytes=10, first=3, last=3),
        ]
    )
    # 208 at 0, 112 behind it; 64 in the place of the 112, 16 in that of the 208.
    assert found == (208 + 112, True)


def test_nothing_to_plan_takes_nothing() -> None:
    assert planned_bytes([]) == (0, True)


def test_of_very_many_buffers_the_sum_is_an_upper_bound() -> None:
    many = [Buffer(size_bytes=16, first=i, last=i) for i in range(2001)]
    assert planned_bytes(many) == (16 * 2001, False)
    assert planned_bytes(many[:-1]) == (16, True)
