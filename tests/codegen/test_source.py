from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hil.codegen.source import SourceFile, write
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILES = (
    SourceFile(name="a.h", before="one\n"),
    SourceFile(name="a.cc", before="{\n", array=b"\x01\x02", after="\n};\n"),
)


class Failing(SourceFile):
    """A file on a disk that is full after its first block."""

    def blocks(self) -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")


def test_files_are_written_whole_into_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    paths = write(_FILES, folder)
    assert paths == (folder / "a.h", folder / "a.cc")
    assert paths[0].read_text() == "one\n"
    assert paths[1].read_text() == "{\n  0x01, 0x02,\n};\n"
    assert _FILES[1].text == paths[1].read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["a.cc", "a.h"]


def test_files_get_the_rights_that_the_user_gives_to_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        (path, _) = write(_FILES, tmp_path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_files_that_are_there_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("old")
    write(_FILES, tmp_path)
    assert (tmp_path / "a.h").read_text() == "one\n"


def test_a_full_disk_leaves_the_old_files_and_no_half_ones(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("old")
    broken = Failing(name="b.cc", before="")
    with pytest.raises(ConfigError) as caught:
        write((*_FILES, broken), tmp_path)
    assert caught.value.what == "the generated files cannot be written"
    assert caught.value.where == str(tmp_path)
    assert caught.value.found == "No space left on device"
    assert caught.value.remedy == "give another folder with -o"
    assert [path.name for path in tmp_path.iterdir()] == ["a.h"]
    assert (tmp_path / "a.h").read_text() == "old"


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    place = tmp_path / "taken"
    place.write_text("")
    with pytest.raises(ConfigError, match="File exists"):
        write(_FILES, place)
