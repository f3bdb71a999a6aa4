"""Images are built once for each content, and what is missing is named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from hil.codegen.templates import shipped_templates
from hil.deadline import Deadline
from hil.errors import ConfigError, DoesNotFit, ToolMissing
from hil.firmware.build import (
    build,
    check_fits,
    default_cache,
    profile_request,
    request_settings,
)
from hil.firmware.render import FirmwareRequest, boards, render
from hil.profiles import find_profile, read_profile


@pytest.fixture
def model(digits):
    return digits / "digits.tflite"


@pytest.fixture
def arm():
    for tool in ("arm-none-eabi-gcc", "cmake"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


@pytest.fixture
def own_board(tmp_path):
    """The path of a profile beside a folder of the user's own board."""
    shutil.copytree(shipped_templates() / "boards/native", tmp_path / "desk/my_board")
    cmake = tmp_path / "desk/my_board/board.cmake"
    cmake.write_text(cmake.read_text().replace("native/", "my_board/"))
    path = tmp_path / "desk/mine.toml"
    native = find_profile("native").source.read_text()
    path.write_text(
        native.replace('"native"', '"mine"', 1).replace(
            'template = "native"', 'template = "./my_board"'
        )
    )
    return path


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
@pytest.mark.usefixtures("arm")
def test_what_the_linker_cannot_place_is_told_as_the_linker_saw_it(model, tmp_path):
    # The region's size is that of memory.ld, whatever a profile says.
    settings = {"STACK_BYTES": 1 << 20, "RAM_BYTES": 999}
    request = _request(model, "stm32f4", settings=settings)
    with pytest.raises(DoesNotFit) as caught:
        build(request, Deadline(120), cache=tmp_path)
    error = caught.value
    assert (error.region, error.available_bytes) == ("RAM", 128 * 1024)
    assert error.needed_bytes > error.available_bytes + (1 << 19)
    assert error.where == "region RAM of the board's memory.ld"


@pytest.mark.qemu
@pytest.mark.usefixtures("arm")
def test_an_image_larger_than_the_profile_does_not_fit(model, tmp_path):
    profile = find_profile("qemu-mps2-an386", overrides=["flash_bytes=50000"])
    request = _request(model, "qemu_mps2_an386", settings=request_settings(profile))
    image = build(request, Deadline(120), cache=tmp_path)
    with pytest.raises(DoesNotFit, match=r"flash: .* bytes missing"):
        check_fits(image, profile)


@pytest.mark.qemu
@pytest.mark.usefixtures("arm")
def test_two_boards_of_one_template_are_told_apart_by_their_names(model, tmp_path):
    names = ("nucleo-f446re", "stm32f4discovery")
    for name in names:
        request = profile_request(find_profile(name), model)
        image = build(request, Deadline(120), cache=tmp_path)
        assert image.board == "stm32f4"
        data = image.elf.read_bytes()
        assert [other.encode() in data for other in names] == [n == name for n in names]


def test_a_board_of_the_users_own_is_built_from_beside_its_profile(
    model, own_board, tmp_path, monkeypatch
):
    if shutil.which("cc") is None or shutil.which("cmake") is None:
        pytest.skip("no C compiler or CMake")
    monkeypatch.chdir(own_board.parent)
    request = profile_request(read_profile(Path("mine.toml")), model)
    monkeypatch.chdir("/")
    image = build(request, Deadline(120), cache=tmp_path / "cache")
    assert image.board == "my_board"
    # The name of a file is no part of the image that is made of it.
    copy = shutil.copy(model, tmp_path / "another_name.tflite")
    renamed = profile_request(read_profile(own_board), Path(copy), variant="int8")
    again = build(renamed, Deadline(120), cache=tmp_path / "cache")
    assert again.was_cached
    assert again.build_id == image.build_id


@pytest.mark.parametrize(
    ("folder", "told"),
    [("nowhere", "no board.cmake"), ("common", "not common"), ("a b", "letters")],
)
def test_a_folder_that_can_be_no_board_is_refused(model, own_board, folder, told):
    if folder != "nowhere":
        (own_board.parent / "my_board").rename(own_board.parent / folder)
    template = [f"firmware.template='./{folder}'"]
    request = profile_request(read_profile(own_board, template), model)
    with pytest.raises(ConfigError) as caught:
        build(request, Deadline(5), cache=own_board.parent / "cache")
    assert told in str(caught.value)


def test_a_name_that_c_could_not_take_is_refused():
    bad = ["firmware.board='a\";b'"]
    with pytest.raises(ConfigError, match=r"firmware\.board cannot be built"):
        request_settings(find_profile("nucleo-f446re", overrides=bad))


def test_a_user_without_a_home_is_asked_for_a_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2**30)  # a number without a name
    with pytest.raises(ConfigError, match="no folder for the firmware cache"):
        default_cache()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "hil" / "firmware"
