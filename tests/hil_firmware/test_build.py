"""Images are built once for each content, and what is missing is named."""

from __future__ import annotations

import shutil

import pytest

from hil.deadline import Deadline
from hil.errors import ConfigError, DoesNotFit, ToolMissing
from hil.firmware.build import build, check_fits, request_settings
from hil.firmware.render import FirmwareRequest, boards, render
from hil.profiles import find_profile


@pytest.fixture
def model(digits):
    return digits / "digits.tflite"


def _request(model, board, **more):
    return FirmwareRequest(
        board=board, model=model.read_bytes(), model_path=model, **more
    )


def test_a_board_that_is_not_known_is_refused_with_the_nearest_name(model, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'qemu_mps2_an386'"):
        render(_request(model, "qemu_mps2_an836"), tmp_path)


def test_a_missing_compiler_is_told_with_its_packages(model, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="apt-get install gcc-arm-none-eabi"):
        build(_request(model, "qemu_mps2_an385"), Deadline(30), cache=tmp_path / "c")


@pytest.mark.qemu
@pytest.mark.parametrize("board", [name for name in boards() if name != "native"])
def test_every_board_builds_once_and_is_taken_from_the_cache_then(
    model, board, tmp_path
):
    compiler = "riscv64-unknown-elf-gcc" if "riscv" in board else "arm-none-eabi-gcc"
    for tool in (compiler, "cmake"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    first = build(_request(model, board), Deadline(120), cache=tmp_path)
    again = build(_request(model, board), Deadline(120), cache=tmp_path)
    assert (first.was_cached, again.was_cached) == (False, True)
    assert first.elf == again.elf
    assert (first.elf.parent / "hil.bin").stat().st_size == first.sizes.flash_bytes
    assert first.sizes.kernels_bytes > 0
    assert first.sizes.model_bytes > 60_000
    assert first.sizes.arena_bytes >= first.arena_lower_bound_bytes


@pytest.mark.qemu
def test_what_the_linker_cannot_place_does_not_fit(model, tmp_path):
    if shutil.which("arm-none-eabi-gcc") is None or shutil.which("cmake") is None:
        pytest.skip("arm-none-eabi-gcc or cmake is not installed")
    request = _request(model, "stm32f4", settings={"STACK_BYTES": 1 << 20})
    with pytest.raises(DoesNotFit, match=r"RAM: .* bytes missing"):
        build(request, Deadline(120), cache=tmp_path)


@pytest.mark.qemu
def test_an_image_larger_than_the_profile_does_not_fit(model, tmp_path):
    if shutil.which("arm-none-eabi-gcc") is None or shutil.which("cmake") is None:
        pytest.skip("arm-none-eabi-gcc or cmake is not installed")
    profile = find_profile("qemu-mps2-an386", overrides=["flash_bytes=50000"])
    request = _request(model, "qemu_mps2_an386", settings=request_settings(profile))
    image = build(request, Deadline(120), cache=tmp_path)
    with pytest.raises(DoesNotFit, match=r"flash: .* bytes missing"):
        check_fits(image, profile)
