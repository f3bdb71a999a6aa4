"""Flash diet: less in the file, the same out of the model."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.errors import HilError, ModelError
from hil.models.facts import anatomy
from hil.models.graph import read_graph
from hil.models.label import label
from hil.models.verify import verify
from hil.quantization.diet import slim
from hil.quantization.diet_per_tensor import per_tensor
from hil.quantization.diet_proof import (
    Proof,
    prove,
    random_inputs,
    require_identical,
)
from hil.quantization.diet_same import require_same
from hil.quantization.diet_scales import find_sites
from hil.quantization.quantize import quantize
from hil.quantization.recipes import RECIPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.quantization.calibration import CalibrationData


@pytest.fixture(scope="module")
def int8(digits_model: bytes, digits_calibration: CalibrationData) -> bytes:
    return quantize(digits_model, RECIPES["int8"], digits_calibration, where="m").data


def packed(tree: schema.ModelT) -> bytes:
    """Write a tree as the schema's own code does, sharing nothing."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def changed(model: bytes, change: Callable[[schema.ModelT], None]) -> bytes:
    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    change(tree)
    return packed(tree)


def smaller(model: bytes, **options: bool) -> bytes:
    return slim(model, where="m", **options).data


def proofs(before: bytes, after: bytes, count: int = 8) -> dict[str, Proof]:
    inputs = random_inputs(read_graph(before, "m"), count)
    return {proof.engine: proof for proof in prove(before, after, inputs)}


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_every_recipe_answers_the_same_to_the_bit(
    recipe: str, digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    chosen = RECIPES[recipe]
    data = digits_calibration if chosen.needs_calibration else None
    model = quantize(digits_model, chosen, data, where="m").data
    after = smaller(model)
    verify(after, "m")
    assert len(after) < len(model)
    assert label(read_graph(after, "m")).text == label(read_graph(model, "m")).text
    found = proofs(model, after)
    for proof in found.values():
        assert proof.identical == proof.inputs
        assert (proof.inputs == 8) is (proof.refusal is None)
    assert found["litert-ref"].refusal is None


def test_names_metadata_and_ranges_are_gone(int8: bytes) -> None:
    def add_ranges(tree: schema.ModelT) -> None:
        for tensor in tree.subgraphs[0].tensors:
            if tensor.quantization is not None:
                tensor.quantization.min = np.zeros(1, np.float32)
                tensor.quantization.max = np.ones(1, np.float32)

    model = changed(int8, add_ranges)
    result = slim(model, where="m")
    parts = anatomy(read_graph(result.data, "m"))
    assert parts.quantization.min_max_bytes == 0
    graph = read_graph(result.data, "m")
    assert not any(tensor.name for tensor in graph.subgraphs[0].tensors)
    assert (graph.metadata, graph.description, graph.subgraphs[0].name) == ({}, "", "")
    told = ", ".join(result.done)
    assert "tensor names" in told
    assert "tensors' minima and maxima" in told
    assert "metadata 'min_runtime_version'" in told


def test_names_are_kept_on_request(int8: bytes) -> None:
    graph = read_graph(smaller(int8, keep_names=True), "m")
    old = read_graph(int8, "m")
    assert {t.name for t in graph.subgraphs[0].tensors} <= {
        t.name for t in old.subgraphs[0].tensors
    }
    assert graph.subgraphs[0].tensors[graph.subgraphs[0].inputs[0]].name


def test_signatures_are_dropped_on_request_only(int8: bytes) -> None:
    def signatures(model: bytes) -> int:
        tree = schema.ModelT.InitFromPackedBuf(model, 0)
        return len(tree.signatureDefs or [])

    assert signatures(smaller(int8)) == signatures(int8) == 1
    assert signatures(smaller(int8, drop_signatures=True)) == 0


def test_signatures_follow_the_tensors_that_move(int8: bytes) -> None:
    def add_unused(tree: schema.ModelT) -> None:
        spare = schema.TensorT()
        spare.shape = np.asarray([7], np.int32)
        main = tree.subgraphs[0]
        main.tensors.insert(0, spare)
        for operator in main.operators:
            operator.inputs = np.asarray(operator.inputs, np.int32) + 1
            operator.outputs = np.asarray(operator.outputs, np.int32) + 1
        main.inputs = np.asarray(main.inputs, np.int32) + 1
        main.outputs = np.asarray(main.outputs, np.int32) + 1
        for entry in (*tree.signatureDefs[0].inputs, *tree.signatureDefs[0].outputs):
            entry.tensorIndex += 1

    result = slim(changed(int8, add_unused), where="m")
    assert "1 unused tensors" in result.done
    tree = schema.ModelT.InitFromPackedBuf(result.data, 0)
    main = tree.subgraphs[0]
    assert tree.signatureDefs[0].inputs[0].tensorIndex == main.inputs[0]
    assert tree.signatureDefs[0].outputs[0].tensorIndex == main.outputs[0]
    assert result.data == smaller(int8)


def test_constants_stay_aligned_to_16_bytes(int8: bytes) -> None:
    data = smaller(int8)
    graph = read_graph(data, "m")
    seen = 0
    for tensor in graph.subgraphs[0].tensors:
        content = graph.data_of(tensor)
        if len(content) >= 64:
            assert data.index(content) % 16 == 0
            seen += 1
    assert seen >= 6


def test_a_second_diet_finds_nothing(int8: bytes) -> None:
    once = slim(int8, where="m")
    twice = slim(once.data, where="m")
    assert (twice.data, twice.done) == (once.data, ())


def test_equal_constants_are_kept_once(int8: bytes) -> None:
    def double(tree: schema.ModelT) -> None:
        weight = max(tree.buffers, key=lambda b: 0 if b.data is None else len(b.data))
        copy = schema.BufferT()
        copy.data = np.array(weight.data)
        tree.buffers.append(copy)
        spare = schema.TensorT()
        index = next(i for i, b in enumerate(tree.buffers) if b is weight)
        tensors = tree.subgraphs[0].tensors
        source = next(t for t in tensors if t.buffer == index)
        spare.shape, spare.type = source.shape, source.type
        spare.buffer, spare.quantization = len(tree.buffers) - 1, source.quantization
        tensors.append(spare)
        conv = next(
            o for o in tree.subgraphs[0].operators if tensors.index(source) in o.inputs
        )
        conv.inputs = np.asarray(
            [
                len(tensors) - 1 if i == tensors.index(source) else i
                for i in conv.inputs
            ],
            np.int32,
        )

    assert abs(len(smaller(changed(int8, double))) - len(smaller(int8))) < 100


def test_metadata_that_a_runtime_reads_are_kept(int8: bytes) -> None:
    def add(tree: schema.ModelT) -> None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(b"\x01", np.uint8)
        tree.buffers.append(buffer)
        entry = schema.MetadataT()
        entry.name, entry.buffer = "reduced_precision_support", len(tree.buffers) - 1
        tree.metadata.append(entry)

    graph = read_graph(smaller(changed(int8, add)), "m")
    assert graph.metadata == {"reduced_precision_support": b"\x01"}


def test_equal_scales_of_a_convolution_become_one(int8: bytes) -> None:
    def equal(tree: schema.ModelT) -> None:
        main = tree.subgraphs[0]
        for operator in main.operators[:2]:
            for index in operator.inputs[1:]:
                scales = main.tensors[index].quantization.scale
                main.tensors[index].quantization.scale = np.full_like(scales, scales[0])

    model = changed(int8, equal)
    result = slim(model, where="m")
    assert "4 tensors' equal scales made one" in result.done
    found = proofs(model, result.data, 32)
    assert {p.identical for p in found.values()} == {32}
    assert len(result.data) < len(smaller(int8))


def test_equal_scales_of_a_dense_layer_stay(int8: bytes) -> None:
    """Its kernels multiply in another precision with one scale."""

    def equal(tree: schema.ModelT) -> None:
        main = tree.subgraphs[0]
        codes = [code.builtinCode for code in tree.operatorCodes]
        dense = schema.BuiltinOperator.FULLY_CONNECTED
        for operator in main.operators:
            if codes[operator.opcodeIndex] == dense:
                quantization = main.tensors[operator.inputs[1]].quantization
                scales = quantization.scale
                quantization.scale = np.full_like(scales, scales[0])

    told = slim(changed(int8, equal), where="m").done
    assert not any("equal scales" in line for line in told)


def test_a_field_that_the_schema_does_not_know_is_not_dropped(int8: bytes) -> None:
    """A table one field longer than the schema's, as a newer converter may write."""
    vtable = bytearray(int8)
    root = int.from_bytes(vtable[:4], "little")
    at = root - int.from_bytes(vtable[root : root + 4], "little", signed=True)
    size = int.from_bytes(vtable[at : at + 2], "little")
    # A copy of the root's field list with one more field, behind the file.
    slots = vtable[at : at + size] + bytes(24 - (size - 4)) + b"\x04\x00"
    slots[:2] = len(slots).to_bytes(2, "little")
    place = len(vtable) + (-len(vtable)) % 4
    vtable += bytes(place - len(vtable)) + slots
    vtable[root : root + 4] = (root - place).to_bytes(4, "little", signed=True)
    with pytest.raises(ModelError, match="this version of the schema does not know"):
        slim(bytes(vtable), where="m")


def test_another_model_is_not_the_same(int8: bytes, digits_model: bytes) -> None:
    before, after = read_graph(int8, "m"), read_graph(digits_model, "m")
    with pytest.raises(ModelError, match="would not be the same model"):
        require_same(before, after, where="m")

    def move(tree: schema.ModelT) -> None:
        tree.subgraphs[0].operators[0].builtinOptions.strideW = 2

    with pytest.raises(ModelError, match="would not be the same model"):
        require_same(before, read_graph(changed(int8, move), "m"), where="m")


def test_an_answer_that_changes_is_an_error(int8: bytes) -> None:
    def spoil(tree: schema.ModelT) -> None:
        weight = max(tree.buffers, key=lambda b: 0 if b.data is None else len(b.data))
        weight.data = np.zeros_like(weight.data)

    found = proofs(int8, changed(int8, spoil))
    assert found["tflm"].identical < found["tflm"].inputs
    with pytest.raises(HilError, match="answers otherwise, so it is not") as caught:
        require_identical(tuple(found.values()), where="m")
    assert caught.value.exit_status == 1


def test_a_model_that_nothing_runs_is_not_proved(int8: bytes) -> None:
    def custom(tree: schema.ModelT) -> None:
        code = tree.operatorCodes[0]
        code.builtinCode = schema.BuiltinOperator.CUSTOM
        code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "Nobody"

    model = changed(int8, custom)
    with pytest.raises(ModelError, match="no engine here runs the model"):
        proofs(model, model)


def test_random_inputs_fill_the_range_and_are_the_same_every_time(
    int8: bytes, digits_model: bytes
) -> None:
    graph = read_graph(int8, "m")
    values = np.concatenate([row[0].ravel() for row in random_inputs(graph, 20)])
    assert (values.min(), values.max(), values.dtype) == (-128, 127, np.int8)
    again = random_inputs(graph, 20)
    assert all(
        np.array_equal(a[0], b[0])
        for a, b in zip(again, random_inputs(graph, 20), strict=True)
    )
    floats = random_inputs(read_graph(digits_model, "m"), 4)
    assert floats[0][0].dtype == np.float32


@pytest.fixture(scope="module")
def labelled(digits: Path, int8: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The first 200 test images in the int8 model's own type."""
    with np.load(digits / "digits_test.npz", allow_pickle=False) as data:
        x, y = data["x"][:200], data["y"][:200]
    main = read_graph(int8, "m").subgraphs[0]
    quantization = main.tensors[main.inputs[0]].quantization
    assert quantization is not None
    steps = np.rint(x / quantization.scales[0]) + quantization.zero_points[0]
    return np.clip(steps, -128, 127).astype(np.int8), y.astype(np.int64)


def test_one_scale_a_tensor_where_it_does_no_harm(
    int8: bytes, labelled: tuple[np.ndarray, np.ndarray]
) -> None:
    result = per_tensor(int8, *labelled, where="m")
    assert len(result.sites) == result.candidates > 0
    assert result.refused is None
    assert not result.verdict.harmful
    assert result.verdict.n == 200
    main = read_graph(result.data, "m").subgraphs[0]
    for site in result.sites:
        quantization = main.tensors[site.weight].quantization
        assert quantization is not None
        assert len(quantization.scales) == 1
    assert len(smaller(result.data)) < len(smaller(int8))


def test_a_weight_that_one_scale_would_ruin_keeps_its_scales(
    int8: bytes, labelled: tuple[np.ndarray, np.ndarray]
) -> None:
    """One channel a thousand times larger: rounding takes all others to zero."""

    def stretch(tree: schema.ModelT) -> None:
        main = tree.subgraphs[0]
        for index in main.operators[0].inputs[1:]:
            quantization = main.tensors[index].quantization
            scales = np.array(quantization.scale)
            scales[1:] /= 1000
            quantization.scale = scales

    # The labels are what the stretched model itself says, so all are right before.
    model = changed(int8, stretch)
    samples = labelled[0]
    graph = read_graph(model, "m")
    worst = find_sites(graph)[-1]
    assert worst.operator == 0
    labels = _answers(model, samples)
    result = per_tensor(model, samples, labels, where="m")
    assert result.refused is not None
    assert result.refused.harmful
    assert not result.verdict.harmful
    assert len(result.sites) < result.candidates
    assert worst not in result.sites


def _answers(model: bytes, samples: np.ndarray) -> np.ndarray:
    from hil.quantization.diet_proof import judging_engine  # noqa: PLC0415

    engine = judging_engine(model)
    return np.asarray([engine.invoke([s[None]])[0].argmax() for s in samples])


def test_a_model_without_scales_a_channel_has_nothing_to_give(
    digits_model: bytes, labelled: tuple[np.ndarray, np.ndarray]
) -> None:
    with pytest.raises(ModelError, match="no integer weight has a scale") as caught:
        per_tensor(digits_model, *labelled, where="m")
    assert caught.value.remedy == "hil shrink without --per-tensor"


@given(data=st.data())
@settings(deadline=None, max_examples=60)  # the machine is shared
def test_a_damaged_model_is_refused_or_still_the_same(int8: bytes, data) -> None:
    broken = bytearray(int8)
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] ^= data.draw(
            st.integers(1, 255)
        )
    with contextlib.suppress(ModelError):
        verify(slim(bytes(broken), where="m").data, "m")


@pytest.mark.shared
def test_the_keyword_model_loses_a_third_and_answers_the_same(shared: Path) -> None:
    model = (shared / "models" / "kws_ref_model.tflite").read_bytes()
    result = slim(model, where="kws")
    assert (len(model), len(result.data)) == (53_936, 32_816)
    assert {p.identical for p in proofs(model, result.data, 20).values()} == {20}


@pytest.mark.shared
def test_the_keyword_model_with_one_scale_a_tensor_does_no_harm(shared: Path) -> None:
    model = (shared / "models" / "kws_ref_model.tflite").read_bytes()
    with np.load(shared / "data" / "kws" / "kws01.npz", allow_pickle=False) as data:
        x, y = data["x"][:300], data["y"][:300].astype(np.int64)
    result = per_tensor(model, x, y, where="kws")
    assert (len(result.sites), result.candidates) == (9, 9)
    assert len(smaller(result.data)) == 27_712
