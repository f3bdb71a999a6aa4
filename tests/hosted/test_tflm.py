"""TFLite Micro on the emulated boards, against its own kernels on this machine.

Needs HIL_TFLM: a folder with headers and a library for each core (docs/tflm.md).
"""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.engines.tflm import TflmEngine
from hil.errors import ConfigError, DoesNotFit, ModelError, UnsupportedOp
from hil.firmware.build import build, check_fits, profile_request
from hil.firmware.tflm import VARIABLE
from hil.models.graph import read_graph
from hil.profiles import find_profile
from hil.targets.hosted import HostedTarget

pytestmark = pytest.mark.qemu

BOARDS = ("qemu-mps2-an385", "qemu-mps2-an386", "qemu-mps2-an500", "qemu-mps3-an547")
M4 = "qemu-mps2-an386"
SECONDS = 300.0
# Measured on QEMU's mps2-an386 with a firmware that is not hil's.
ARENAS = {"kws_ref_model": 22_868, "pretrainedResnet_quant": 54_436}


@pytest.fixture(autouse=True)
def tflm(need):
    need(M4)
    if not os.environ.get(VARIABLE):
        pytest.skip(f"no TFLite Micro: {VARIABLE} names a folder with one")


@pytest.fixture
def build_image(cache):
    """Builds an image; skips where the user's folder has no library for the board."""

    def make(board, model, **more):
        profile = find_profile(board, overrides=["firmware.engine='tflm'"])
        request = profile_request(profile, model)
        settings = {**request.settings, **more.pop("settings", {})}
        request = dataclasses.replace(request, settings=settings, **more)
        try:
            image = build(request, Deadline(SECONDS), cache=cache)
        except ConfigError as exc:
            if "fits the board's core" in exc.what:
                pytest.skip(f"no library of TFLite Micro for {board}")
            raise
        check_fits(image, profile)
        return image

    return make


@pytest.fixture
def board(build_image, tmp_path):
    """Starts an image as a board and ends it."""
    targets = []

    def start(board, model, **more):
        image = build_image(board, model, **more)
        profile = find_profile(
            board,
            overrides=[
                "firmware.engine='tflm'",
                f"firmware.image={str(image.elf)!r}",
                f"firmware.build_id={image.build_id!r}",
            ],
        )
        target = HostedTarget(profile, log_path=tmp_path / "log")
        targets.append(target)
        target.open(Deadline(SECONDS))
        return target, profile

    yield start
    for target in targets:
        target.close()


def _samples(model, count):
    tensor = read_graph(model.read_bytes(), where=str(model)).subgraphs[0]
    shape = tensor.tensors[tensor.inputs[0]].shape
    values = np.random.default_rng(7).integers(-128, 128, (count, *shape[1:]))
    return values.astype(np.int8)


def _expected(model, samples, **more):
    engine = TflmEngine(**more)
    engine.load(model.read_bytes())
    answers = [engine.invoke([sample[None]])[0].copy() for sample in samples]
    return engine, np.concatenate(answers)


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_answers_as_tflite_micro_on_the_host(board, digits_int8, job_of, name):
    samples = _samples(digits_int8, 20)
    target, profile = board(name, digits_int8)
    seen = target.measure(job_of(profile, digits_int8, samples), Deadline(SECONDS))
    _, expected = _expected(digits_int8, samples)
    np.testing.assert_array_equal(seen.outputs, expected)
    assert seen.engine == "tflm"
    assert seen.memory["arena_bytes"] == (
        seen.memory["arena_persistent_bytes"] + seen.memory["arena_nonpersistent_bytes"]
    )


@pytest.mark.shared
@pytest.mark.parametrize("name", ARENAS)
def test_the_arenas_of_mlperf_tiny_are_those_of_the_board(shared, board, job_of, name):
    model = shared / "models" / f"{name}.tflite"
    samples = _samples(model, 2)
    target, profile = board(M4, model)
    seen = target.measure(job_of(profile, model, samples), Deadline(SECONDS))
    _, expected = _expected(model, samples)
    np.testing.assert_array_equal(seen.outputs, expected)
    assert seen.memory["arena_bytes"] == ARENAS[name]


def test_the_layers_of_a_profile_sum_up_to_a_run(board, digits_int8, job_of):
    samples = _samples(digits_int8, 1)
    target, profile = board(M4, digits_int8)
    seen = target.measure(job_of(profile, digits_int8, samples), Deadline(SECONDS))
    layers = target.target.session.profile(Deadline(SECONDS))
    graph = read_graph(digits_int8.read_bytes(), where="digits").subgraphs[0]
    assert len(layers) == len(graph.operators)
    assert min(layers) > 0
    assert sum(layers) == pytest.approx(seen.timing.invoke_ticks[0], rel=0.01)
    # No run but a profile pays for it.
    again = target.measure(job_of(profile, digits_int8, samples), Deadline(SECONDS))
    assert again.timing.invoke_ticks == seen.timing.invoke_ticks


@pytest.mark.shared
def test_one_image_serves_models_that_come_over_the_line(
    shared, board, digits_int8, job_of
):
    sine = shared / "models" / "hello_world_int8.tflite"
    target, profile = board(M4, digits_int8, serves=(sine,))
    for model in (digits_int8, sine, digits_int8):
        samples = _samples(model, 3)
        seen = target.measure(job_of(profile, model, samples), Deadline(SECONDS))
        _, expected = _expected(model, samples)
        np.testing.assert_array_equal(seen.outputs, expected)


@pytest.mark.shared
def test_a_model_with_an_operator_that_the_image_lacks_is_refused(
    shared, board, digits_int8, job_of
):
    sine = shared / "models" / "hello_world_int8.tflite"
    settings = {"MODEL_SLOT_BYTES": 100_000, "ARENA_BYTES": 20_000}
    target, profile = board(M4, sine, settings=settings)
    job = job_of(profile, digits_int8, _samples(digits_int8, 1))
    with pytest.raises(UnsupportedOp, match="operator 0") as caught:
        target.measure(job, Deadline(SECONDS))
    assert caught.value.found == "the image was built without this operator"


def test_an_arena_that_is_too_small_is_no_run(board, digits_int8, job_of):
    settings = {"ARENA_BYTES": 1_000}
    target, profile = board(M4, digits_int8, settings=settings)
    job = job_of(profile, digits_int8, _samples(digits_int8, 1))
    # Only a library with error strings knows that it is the arena.
    words = r"rejects the model|does not fit"
    with pytest.raises((ModelError, DoesNotFit), match=words):
        target.measure(job, Deadline(SECONDS))


def test_preserved_tensors_are_those_of_the_host(board, digits_int8, job_of):
    samples = _samples(digits_int8, 1)
    target, profile = board(M4, digits_int8, preserve_tensors=True)
    target.measure(job_of(profile, digits_int8, samples), Deadline(SECONDS))
    engine, _ = _expected(digits_int8, samples, preserve_tensors=True)
    session = target.target.session
    tensors = engine.tensors()
    graph = read_graph(digits_int8.read_bytes(), where="digits").subgraphs[0]
    for operator in graph.operators:
        index = operator.outputs[0]
        found = session.tensor(index, Deadline(SECONDS))
        assert found == tensors[index].tobytes(), operator


def test_an_image_is_the_same_wherever_model_and_tflite_micro_lie(
    build_image, digits_int8, tmp_path
):
    first = build_image(M4, digits_int8)
    (tmp_path / "elsewhere").symlink_to(os.environ[VARIABLE])
    renamed = tmp_path / "renamed.tflite"
    renamed.write_bytes(digits_int8.read_bytes())
    second = build_image(M4, renamed, tflm=tmp_path / "elsewhere")
    assert (second.build_id, second.was_cached) == (first.build_id, True)
    assert first.sizes.kernels_bytes > 10_000
    assert first.sizes.model_bytes > len(digits_int8.read_bytes())
    assert first.engine_evidence["tflm_flatbuffers"].count(".") == 2
