from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.emulators.phone.paths import normal
from hil.emulators.phone.storage import BLOCK_BYTES, Storage, delete_folder

TMP = "/data/local/tmp"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "phone", limit_bytes=64 * BLOCK_BYTES)


def put(storage: Storage, path: str, data: bytes) -> None:
    writer = storage.open_write(path, append=False)
    try:
        writer.write(data)
    finally:
        writer.close()


def number_of(caught: pytest.ExceptionInfo[OSError]) -> int | None:
    return caught.value.errno


@pytest.mark.parametrize(
    ("path", "cwd", "expected"),
    [
        ("a", "/data", "/data/a"),
        ("../../../../etc/passwd", "/data/local/tmp", "/etc/passwd"),
        ("/data/./local//tmp/", "/", "/data/local/tmp"),
        ("..", "/", "/"),
        ("/", "/data", "/"),
    ],
)
def test_paths_are_resolved_below_the_phones_root(
    path: str, cwd: str, expected: str
) -> None:
    assert normal(path, cwd) == expected


@given(st.text(min_size=1, max_size=60), st.sampled_from(["/", "/data/local/tmp"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_path_leaves_the_folder(tmp_path: Path, path: str, cwd: str) -> None:
    storage = Storage(tmp_path / "phone", limit_bytes=1 << 20)
    for text in (path, f"{path}/../..", f"../../{path}", path.replace("a", "/..")):
        try:
            place = normal(text, cwd)
            host = storage.backing.host(place)
        except (OSError, UnicodeEncodeError):
            continue
        assert Path(os.path.normpath(host)).is_relative_to(tmp_path / "phone")


def test_a_zero_byte_and_an_empty_path_name_nothing() -> None:
    for path in ("", "/data/\0/x"):
        with pytest.raises(FileNotFoundError):
            normal(path)


def test_a_very_long_path_is_refused() -> None:
    for path in ("/data/" + "a" * 1020, "/a" * 65):
        with pytest.raises(OSError, match="File name too long"):
            normal(path)


def test_a_symbolic_link_is_never_followed(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("host", encoding="utf-8")
    inside = storage.backing.root / "data/local/tmp"
    (inside / "file").symlink_to(tmp_path / "secret")
    (inside / "folder").symlink_to(tmp_path)
    for path in (f"{TMP}/file", f"{TMP}/folder", f"{TMP}/folder/secret"):
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            storage.open_read(path)
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            put(storage, path, b"x")
    assert (tmp_path / "secret").read_text(encoding="utf-8") == "host"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/new", errno.EROFS),
        ("/system/bin/sh", errno.EROFS),
        ("/data/x", errno.EACCES),
        ("/proc/version", errno.EACCES),
        ("/data/local/tmp", errno.EISDIR),
        ("/data/local/tmp/missing/x", errno.ENOENT),
    ],
)
def test_only_the_shells_folders_can_be_written(
    storage: Storage, path: str, expected: int
) -> None:
    with pytest.raises(OSError, match=os.strerror(expected)) as caught:
        put(storage, path, b"x")
    assert number_of(caught) == expected


def test_a_full_storage_refuses_more_and_takes_it_after_a_removal(
    storage: Storage,
) -> None:
    free = storage.free_bytes
    put(storage, f"{TMP}/a", bytes(free))
    assert storage.free_bytes == 0
    with pytest.raises(OSError, match="No space left on device"):
        put(storage, f"{TMP}/b", b"")
    with pytest.raises(OSError, match="No space left on device"):
        storage.make_folder(f"{TMP}/d")
    storage.remove(f"{TMP}/a")
    assert storage.free_bytes == free
    put(storage, f"{TMP}/b", b"x")


def test_empty_files_and_folders_take_room_too(storage: Storage) -> None:
    free = storage.free_bytes
    put(storage, f"{TMP}/empty", b"")
    storage.make_folder(f"{TMP}/folder")
    assert storage.free_bytes == free - 2 * BLOCK_BYTES


def test_writing_a_file_again_frees_what_it_took(storage: Storage) -> None:
    put(storage, f"{TMP}/a", bytes(5 * BLOCK_BYTES))
    put(storage, f"{TMP}/a", b"x")
    assert storage.used_bytes == Storage(storage.backing.root, limit_bytes=1).used_bytes


def test_the_count_follows_every_change(storage: Storage) -> None:
    storage.make_parents(f"{TMP}/one/two")
    put(storage, f"{TMP}/one/two/a", bytes(3 * BLOCK_BYTES))
    put(storage, f"{TMP}/b", bytes(2 * BLOCK_BYTES))
    storage.rename(f"{TMP}/one", f"{TMP}/three")
    storage.rename(f"{TMP}/b", f"{TMP}/three/two/a")
    again = Storage(storage.backing.root, limit_bytes=1)
    assert storage.used_bytes == again.used_bytes
    storage.remove_tree(f"{TMP}/three")
    assert storage.used_bytes == 5 * BLOCK_BYTES  # the root and the phone's own


def test_a_tree_as_deep_as_a_path_can_be_is_removed(storage: Storage) -> None:
    storage.limit_bytes = 1 << 30
    storage.make_parents(TMP + "/a" * 61)
    storage.remove_tree(f"{TMP}/a")
    assert storage.names(TMP) == []


def test_modes_and_times_are_kept(storage: Storage) -> None:
    storage.open_write(f"{TMP}/a", append=False, mode=0o106754).close()
    storage.set_mtime(f"{TMP}/a", 1_000_000_000)
    entry = storage.stat(f"{TMP}/a")
    assert stat.S_IMODE(entry.mode) == 0o754
    assert entry.mtime == 1_000_000_000


def test_a_closed_file_takes_no_more(storage: Storage) -> None:
    writer = storage.open_write(f"{TMP}/a", append=False)
    writer.close()
    with pytest.raises(BrokenPipeError):
        writer.write(b"x")


def test_everything_is_deleted_at_the_end_whatever_its_mode(storage: Storage) -> None:
    storage.make_parents(f"{TMP}/a/b")
    put(storage, f"{TMP}/a/b/c", b"x")
    storage.chmod(f"{TMP}/a/b", 0)
    storage.chmod(f"{TMP}/a", 0)
    delete_folder(storage.backing.root)
    assert not storage.backing.root.exists()
