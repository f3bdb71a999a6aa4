"""What an image with TFLite Micro has of a model: operators, arena, slot, its bytes."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from hil.engines.tflm import TflmEngine
from hil.firmware.tflm import TflmLibrary
from hil.firmware.tflm_model import generate
from hil.models.arena.cmsis_nn import CmsisNn
from hil.models.arena.prediction import predict_arena
from hil.models.graph import read_graph

BOARD = TflmLibrary(
    path=Path("lib.a"), sha256="ab" * 32, bits=32, kernels="reference", has_helium=False
)


@pytest.fixture
def path(digits):
    return digits / "digits.tflite"


@pytest.fixture
def data(path):
    return path.read_bytes()


def _file(made, name):
    return next(file.text for file in made.files if file.name == name)


def test_an_image_has_the_model_its_operators_and_its_hash(path, data):
    made = generate(data, path, BOARD, variant="as-is")
    assert {file.name for file in made.files} == {
        "image_model_data.h",
        "image_model_data.cc",
        "image_op_resolver.h",
        "image_sha256.h",
    }
    resolver = _file(made, "image_op_resolver.h")
    assert f"MicroMutableOpResolver<{len(made.methods)}>" in resolver
    assert all(f"resolver.{method}()" in resolver for method in made.methods)
    digest = _file(made, "image_sha256.h").partition("{")[2].partition("}")[0]
    numbers = [int(word) for word in digest.replace(",", " ").split()]
    assert bytes(numbers) == hashlib.sha256(data).digest()
    assert (made.staging_bytes, made.slot_bytes) == (8 * 8 * 4, 0)


def test_the_arena_is_the_one_that_is_predicted_for_the_core(path, data):
    graph = read_graph(data, where="digits")
    made = generate(data, path, BOARD, variant="as-is")
    assert made.arena_bytes == predict_arena(graph).smallest_bytes
    for helium, core in ((False, CmsisNn.DSP), (True, CmsisNn.MVE)):
        library = dataclasses.replace(BOARD, kernels="CMSIS-NN", has_helium=helium)
        made = generate(data, path, library, variant="as-is")
        expected = predict_arena(graph, cmsis_nn=core).smallest_bytes
        assert made.arena_bytes == expected


def test_the_arena_of_a_64_bit_core_is_that_of_this_host(path, data):
    engine = TflmEngine()
    engine.load(data)
    measured = engine.memory()["arena_bytes"]
    library = dataclasses.replace(BOARD, bits=64)
    made = generate(data, path, library, variant="as-is")
    assert measured + 16 <= made.arena_bytes < measured + 32


def test_preserved_tensors_have_memory_of_their_own(path, data):
    plain = generate(data, path, BOARD, variant="as-is").arena_bytes
    made = generate(data, path, BOARD, variant="as-is", preserve_tensors=True)
    assert made.arena_bytes > plain + 8 * 8 * 4


@pytest.mark.shared
def test_models_that_are_served_share_arena_slot_and_operators(shared, path, data):
    folder = shared / "models"
    others = [folder / "kws_ref_model.tflite", folder / "hello_world_int8.tflite"]
    served = [(other, other.read_bytes()) for other in others]
    made = generate(data, path, BOARD, variant="as-is", others=served)
    alone = generate(served[0][1], others[0], BOARD, variant="as-is")
    assert set(alone.methods) <= set(made.methods)
    assert made.arena_bytes >= alone.arena_bytes
    assert made.staging_bytes == 490
    assert made.slot_bytes == 53_936 + -53_936 % 16
