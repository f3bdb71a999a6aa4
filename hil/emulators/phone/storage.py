"""The phone's file system: a folder with a size limit, beside a read-only tree.

Blocks are counted as a disk counts them, 4 KiB per file or folder at least, so that
a flood of empty files ends too.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from hil.emulators.phone.paths import (
    FOLDERS,
    Backing,
    check_writable,
    parent,
    refusal,
)

BLOCK_BYTES: Final = 4096
_READ_ONLY_FOLDER = stat.S_IFDIR | 0o555
_READ_ONLY_FILE = stat.S_IFREG | 0o444
_ZERO_DEVICE: Final = "/dev/zero"
_NULL_DEVICE: Final = "/dev/null"
_DEVICES = (_NULL_DEVICE, _ZERO_DEVICE)


class SystemTree(Protocol):
    """The read-only part: /proc, /sys and whatever else describes the phone."""

    def content(self, path: str) -> bytes | None:
        """Return the bytes of the file *path*, None where there is none."""

    def names(self, path: str) -> set[str] | None:
        """Return the names in the folder *path*, None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What stat tells of one file or folder."""

    mode: int
    size: int
    mtime: int
    inode: int = 0
    links: int = 1

    @property
    def is_folder(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)


class Zeros(io.RawIOBase):
    """/dev/zero: as many zero bytes as one asks for."""

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return *size* zero bytes, a block where no size is given."""
        return bytes(size if size >= 0 else BLOCK_BYTES)


class Writer:
    """A file being written; every byte is held against the limit of the storage."""

    def __init__(self, storage: Storage, path: str, file: io.FileIO | None) -> None:
        self._storage = storage
        self._path = path
        self._file = file  # None: /dev/null

    def write(self, data: bytes) -> None:
        """Append *data*; OSError: ENOSPC where it does not fit, EPIPE once closed.

        What does fit is written, as a disk that runs full has it.
        """
        if self._file is None:
            return
        if self._file.closed:
            raise refusal(errno.EPIPE, self._path)
        size = os.fstat(self._file.fileno()).st_size
        room = self._storage.room(self._path) - size
        view = memoryview(data)[: max(0, room)]
        self._storage.reserve(self._path, size + len(view))
        while view:
            view = view[self._file.write(view) :]
        if room < len(data):
            raise refusal(errno.ENOSPC, self._path)

    def close(self) -> None:
        """Close the file; may be called any number of times."""
        if self._file is not None:
            self._file.close()


class Storage:
    """Every file of the phone by its normal path; all refusals are OSError."""

    def __init__(
        self, root: Path, *, limit_bytes: int, tree: SystemTree | None = None
    ) -> None:
        self.backing = Backing(root)
        self.limit_bytes = limit_bytes
        self._tree = tree
        for folder in FOLDERS:
            self.backing.host(folder).mkdir(mode=0o771, parents=True, exist_ok=True)
        self._blocks: dict[str, int] = {}
        self._used_blocks = 0
        self._recount("/")

    @property
    def used_bytes(self) -> int:
        """What files and folders take, in whole blocks."""
        return self._used_blocks * BLOCK_BYTES

    @property
    def free_bytes(self) -> int:
        """What is left for new files."""
        left = max(0, self.limit_bytes - self.used_bytes)
        return left - left % BLOCK_BYTES

    def stat(self, path: str) -> Entry:
        """Return what is known of *path*; ENOENT where it is missing."""
        if path in _DEVICES:
            return Entry(mode=stat.S_IFCHR | 0o666, size=0, mtime=0)
        try:
            found = self.backing.host(path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return self._stat_of_tree(path)
        return Entry(
            mode=found.st_mode,
            size=found.st_size,
            mtime=int(found.st_mtime),
            inode=found.st_ino,
            links=found.st_nlink,
        )

    def exists(self, path: str) -> bool:
        """Whether there is anything at *path*."""
        try:
            self.stat(path)
        except OSError:
            return False
        return True

    def names(self, path: str) -> list[str]:
        """Return the sorted names in the folder *path*; ENOENT, ENOTDIR."""
        if not self.stat(path).is_folder:
            raise refusal(errno.ENOTDIR, path)
        host = self.backing.host(path)
        names = {child.name for child in host.iterdir()} if host.is_dir() else set()
        names |= (self._tree and self._tree.names(path)) or set()
        if path == "/":
            names.add("dev")
        elif path == "/dev":
            names |= {"null", "zero"}
        return sorted(names)

    def open_read(self, path: str) -> io.RawIOBase:
        """Open *path* for reading; ENOENT, EISDIR, EACCES."""
        if path == _ZERO_DEVICE:
            return Zeros()
        if path == _NULL_DEVICE:
            return _in_memory(b"")
        if self.stat(path).is_folder:
            raise refusal(errno.EISDIR, path)
        content = self._tree.content(path) if self._tree else None
        if content is not None:
            return _in_memory(content)
        return io.FileIO(self.backing.host(path), "r")

    def read(self, path: str, *, limit_bytes: int) -> bytes:
        """Return the whole of *path*; EFBIG if it is larger than *limit_bytes*."""
        with self.open_read(path) as file:
            data = b""
            while chunk := file.read(limit_bytes + 1 - len(data)):
                data += chunk
        if len(data) > limit_bytes:
            raise refusal(errno.EFBIG, path)
        return data

    def open_write(self, path: str, *, append: bool, mode: int | None = None) -> Writer:
        """Open *path* for writing, making it if need be; *mode* is set when given."""
        if path in _DEVICES:
            return Writer(self, path, None)
        if self.exists(path) and self.stat(path).is_folder:
            raise refusal(errno.EISDIR, path)
        check_writable(path)
        if path not in self._blocks:
            self.stat(parent(path))  # ENOENT before ENOSPC
            self.reserve(path, 0)
        host = self.backing.host(path)
        try:
            file = io.FileIO(host, "a" if append else "w")
        finally:
            self._recount(path)
        if mode is not None:
            host.chmod(mode & 0o777)
        return Writer(self, path, file)

    def make_folder(self, path: str, mode: int = 0o755) -> None:
        """Make the folder *path*; EEXIST, ENOENT."""
        if self.exists(path):
            raise refusal(errno.EEXIST, path)
        check_writable(path)
        self.stat(parent(path))
        self.reserve(path, 0)
        try:
            self.backing.host(path).mkdir(mode)
        finally:
            self._recount(path)

    def make_parents(self, path: str) -> None:
        """Make *path* and every folder above it that is missing."""
        folder = ""
        for part in path.split("/")[1:]:
            folder = f"{folder}/{part}"
            if not self.exists(folder):
                self.make_folder(folder)
            elif not self.stat(folder).is_folder:
                raise refusal(errno.ENOTDIR, path)

    def remove(self, path: str) -> None:
        """Remove the file *path*; ENOENT, EISDIR."""
        if self.stat(path).is_folder:
            raise refusal(errno.EISDIR, path)
        check_writable(path)
        self.backing.host(path).unlink()
        self._forget(path)

    def remove_folder(self, path: str) -> None:
        """Remove the empty folder *path*; ENOENT, ENOTDIR, ENOTEMPTY."""
        if not self.stat(path).is_folder:
            raise refusal(errno.ENOTDIR, path)
        check_writable(path)
        self.backing.host(path).rmdir()
        self._forget(path)

    def remove_tree(self, path: str) -> None:
        """Remove *path* and all below it."""
        folders = []
        left = [path]
        while left:
            at = left.pop()
            if self.stat(at).is_folder:
                folders.append(at)
                left += [f"{at.rstrip('/')}/{name}" for name in self.names(at)]
            else:
                self.remove(at)
        for folder in reversed(folders):
            self.remove_folder(folder)

    def rename(self, old: str, new: str) -> None:
        """Move *old* to *new*, replacing a file there."""
        check_writable(old)
        check_writable(new)
        self.stat(old)
        self.backing.host(old).rename(self.backing.host(new))
        for known in [known for known in self._blocks if known.startswith(f"{old}/")]:
            self._forget(known)
        self._forget(old)
        self._recount(new)

    def chmod(self, path: str, mode: int) -> None:
        """Set the permission bits of *path*."""
        self.stat(path)
        check_writable(path)
        self.backing.host(path).chmod(mode & 0o777)

    def set_mtime(self, path: str, seconds: int) -> None:
        """Set the time of the last change of *path*, in seconds of the epoch."""
        os.utime(self.backing.host(path), (seconds, seconds))

    def room(self, path: str) -> int:
        """Return how many bytes *path* could hold in all."""
        return self._blocks.get(path, 0) * BLOCK_BYTES + self.free_bytes

    def reserve(self, path: str, size_bytes: int) -> None:
        """Count *path* as *size_bytes* long; ENOSPC where that does not fit."""
        blocks = max(1, -(-size_bytes // BLOCK_BYTES))
        more = blocks - self._blocks.get(path, 0)
        if more > 0 and more * BLOCK_BYTES > self.free_bytes:
            raise refusal(errno.ENOSPC, path)
        self._used_blocks += more
        self._blocks[path] = blocks

    def recount_file(self, path: str) -> None:
        """Look again at *path*, which a child process may have written."""
        if not self.exists(path) or not self.stat(path).is_folder:
            self._recount(path)

    def _stat_of_tree(self, path: str) -> Entry:
        if path in {"/", "/dev"} or (self._tree and self._tree.names(path) is not None):
            return Entry(mode=_READ_ONLY_FOLDER, size=0, mtime=0)
        try:
            content = self._tree.content(path) if self._tree else None
        except PermissionError:  # it is there, and only its content is kept back
            return Entry(mode=_READ_ONLY_FILE, size=0, mtime=0)
        if content is None:
            raise refusal(errno.ENOENT, path)
        return Entry(mode=_READ_ONLY_FILE, size=len(content), mtime=0)

    def _forget(self, path: str) -> None:
        self._used_blocks -= self._blocks.pop(path, 0)

    def _recount(self, path: str) -> None:
        """Count *path* and all below it as they stand on the disk."""
        self._forget(path)
        host = self.backing.host(path)
        if not host.exists():
            return
        self._count(path, host.lstat().st_size if host.is_file() else 0)
        for folder, folders, files in os.walk(host):
            inside = folder[len(str(host)) :]
            for name in folders:
                self._count(f"{path.rstrip('/')}{inside}/{name}", 0)
            for name in files:
                size = os.lstat(f"{folder}/{name}").st_size
                self._count(f"{path.rstrip('/')}{inside}/{name}", size)

    def _count(self, path: str, size_bytes: int) -> None:
        blocks = max(1, -(-size_bytes // BLOCK_BYTES))
        self._used_blocks += blocks - self._blocks.get(path, 0)
        self._blocks[path] = blocks


def delete_folder(root: Path) -> None:
    """Delete *root* and all in it, also what its modes forbid to delete."""
    for folder, folders, _ in os.walk(root):
        for name in folders:  # before os.walk looks into them
            Path(folder, name).chmod(0o700)
    shutil.rmtree(root, ignore_errors=True)


def _in_memory(content: bytes) -> io.RawIOBase:
    file = _Memory()
    file.content = io.BytesIO(content)
    return file


class _Memory(io.RawIOBase):
    """A file of the read-only tree, opened."""

    content: io.BytesIO

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.content.read(size)
