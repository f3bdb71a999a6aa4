"""Files of quantized models."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

import pytest

from hil.errors import ConfigError, RecordingError
from hil.quantization.artifact import write
from hil.quantization.quantize import QuantizedModel
from hil.quantization.recipes import RECIPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESULT = QuantizedModel(
    data=b"model" * 1000, recipe=RECIPES["int8"], label="full int8, int8 boundary"
)


def test_the_file_is_named_after_the_model_and_the_recipe(tmp_path: Path) -> None:
    path = write(RESULT, tmp_path / "new" / "folder", stem="kws")
    assert path == tmp_path / "new" / "folder" / "kws_int8.tflite"
    assert path.read_bytes() == RESULT.data
    assert [p.name for p in path.parent.iterdir()] == ["kws_int8.tflite"]


def test_others_may_read_the_file_as_far_as_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = write(RESULT, tmp_path, stem="kws")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "kws_int8.tflite").write_bytes(b"old")
    assert write(RESULT, tmp_path, stem="kws").read_bytes() == RESULT.data


@pytest.mark.parametrize("stem", ["", "../kws", "a/b", "/etc/kws", "a\0b"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, stem: str) -> None:
    with pytest.raises(ConfigError, match="cannot be a file name") as caught:
        write(RESULT, tmp_path, stem=stem)
    assert caught.value.found == repr(stem)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written there") as caught:
        write(RESULT, tmp_path / "out", stem="kws")
    assert caught.value.where == str(tmp_path / "out" / "kws_int8.tflite")


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 100 bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, small_files: None
) -> None:
    del small_files
    old = tmp_path / "kws_int8.tflite"
    old.write_bytes(b"old")
    with pytest.raises(RecordingError, match="could not be written") as caught:
        write(RESULT, tmp_path, stem="kws")
    assert caught.value.where == str(old)
    assert "5,000 bytes to write" in str(caught.value)
    assert caught.value.exit_status == 3
    assert old.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["kws_int8.tflite"]
