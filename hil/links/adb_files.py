"""Whole files to and from a phone: sent once, proved by their digest, never half."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from hil.errors import BrokenSetup, RecordingError, TargetError
from hil.links.adb_storage import (
    Digest,
    digest_command,
    digest_of,
    free_bytes,
    space_command,
)
from hil.links.phone import local_file, read_parts
from hil.printable import printable, tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from hil import vocab
    from hil.links.phone import Phone

    Progress = Callable[[int, int], None]  # bytes done, bytes in all

_OWNER = 0o700  # adbd gives the owner's permissions to everybody else, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What became of a file: its digest, and whether it had to be sent."""

    sha256: str
    size_bytes: int
    sent: bool
    proof: str  # "sha256", "md5", or "read back" where the phone has no tool for them


class PhoneFiles:
    """Files of the phone behind one link; as the link, for one thread."""

    def __init__(self, link: Phone) -> None:
        """Take the link, which is opened when it is needed."""
        self._link = link

    def push(
        self,
        local: Path | bytes,
        remote: str,
        *,
        deadline: vocab.Deadline,
        mode: int = 0o644,
        progress: Progress | None = None,
    ) -> Pushed:
        """Make *remote* the file *local*; send it only where it differs.

        Free space is checked first, the content after; *remote* is replaced in one
        step, so that it is never half a file. A push may be repeated at any time.
        ConfigError where *local* cannot be read, BrokenSetup where the phone has too
        little space, TargetError where it refuses the file.
        """
        with local_file(local) as file:
            size = file.seek(0, os.SEEK_END)
            kept = self._kept(file, size, remote, mode=mode, deadline=deadline)
            if kept is not None:
                if progress is not None:
                    progress(size, size)
                return kept
            # Of a fixed name: what a broken push leaves is overwritten by the next.
            part = f"{remote}.hil-part"
            self._make_room(size, part, deadline)
            file.seek(0)
            digest = hashlib.sha256()
            parts = _watched(read_parts(file), digest.update, size, progress)
            try:
                self._link.send(parts, part, deadline=deadline, mode=mode)
                proof = self._proved(part, file, digest.hexdigest(), deadline=deadline)
                self._run(["mv", "-f", part, remote], remote, deadline)
            except TargetError as exc:
                if not exc.transient:
                    self._forget(part, deadline)
                raise
        return Pushed(
            sha256=digest.hexdigest(), size_bytes=size, sent=True, proof=proof
        )

    def pull(
        self,
        remote: str,
        local: Path,
        *,
        deadline: vocab.Deadline,
        progress: Progress | None = None,
    ) -> str:
        """Write the file *remote* to *local* and return its SHA-256.

        *local* appears whole, or stays as it was. TargetError where the phone has no
        such file, RecordingError where *local* cannot be written.
        """
        found = self._link.entry(remote, deadline)
        size = 0 if found is None else found.size_bytes
        digest = hashlib.sha256()
        with (
            _replacing(local) as file,
            contextlib.closing(self._link.receive(remote, deadline)) as received,
        ):
            for part in _watched(received, digest.update, size, progress):
                file.write(part)
        return digest.hexdigest()

    def digest(self, remote: str, deadline: vocab.Deadline) -> Digest | None:
        """Return the digest of *remote*; None where the phone has no tool for it.

        A file that is missing looks like a missing tool: ask `stat` first.
        """
        result = self._link.shell(digest_command(remote), deadline)
        where = f"{printable(remote)} on {self._link.address}"
        return digest_of(result.exit_code, result.stdout, where=where)

    def free_bytes(self, remote: str, deadline: vocab.Deadline) -> int | None:
        """Return the space for a file at *remote*; None where df does not tell."""
        return free_bytes(self._link.shell(space_command(remote), deadline).stdout)

    def _kept(
        self,
        file: BinaryIO,
        size: int,
        remote: str,
        *,
        mode: int,
        deadline: vocab.Deadline,
    ) -> Pushed | None:
        """Return what is known of *remote* where it is this very file already."""
        found = self._link.entry(remote, deadline)
        if found is None or found.size_bytes != size:
            return None
        there = self.digest(remote, deadline)
        if there is None or there.hex != _digest(file, there.algorithm):
            return None
        if found.mode & _OWNER != mode & _OWNER:
            self._run(["chmod", f"{mode:o}", remote], remote, deadline)
        return Pushed(
            sha256=_digest(file, "sha256"),
            size_bytes=size,
            sent=False,
            proof=there.algorithm,
        )

    def _make_room(self, size: int, part: str, deadline: vocab.Deadline) -> None:
        free = self.free_bytes(part, deadline)
        if free is not None and free < size:  # what a broken push left may be the cause
            self._forget(part, deadline)
            free = self.free_bytes(part, deadline)
        if free is not None and free < size:
            raise BrokenSetup(
                "the phone has too little free space for the file",
                where=f"{printable(part)} on {self._link.address}",
                found=f"{free:,} bytes free",
                allowed=f"at least {size:,} bytes",
                remedy="delete what is not needed on the phone, "
                "/data/local/tmp to begin with",
            )

    def _proved(
        self, part: str, file: BinaryIO, sha256: str, *, deadline: vocab.Deadline
    ) -> str:
        """Return how it is known that *part* arrived; TargetError where it did not."""
        there = self.digest(part, deadline)
        if there is None:
            there = Digest(algorithm="sha256", hex=self._read_back(part, deadline))
            proof = "read back"
        else:
            proof = there.algorithm
        is_sha256 = there.algorithm == "sha256"
        expected = sha256 if is_sha256 else _digest(file, there.algorithm)
        if there.hex != expected:
            raise TargetError(
                "a file on the phone is not what was sent",
                where=f"{printable(part)} on {self._link.address}",
                found=f"{there.algorithm} {there.hex}",
                allowed=expected,
                remedy="send it again; a second time, the phone's storage is broken",
            )
        return proof

    def _read_back(self, remote: str, deadline: vocab.Deadline) -> str:
        digest = hashlib.sha256()
        for data in self._link.receive(remote, deadline):
            digest.update(data)
        return digest.hexdigest()

    def _forget(self, part: str, deadline: vocab.Deadline) -> None:
        with contextlib.suppress(TargetError):
            self._link.shell(["rm", "-f", part], deadline)

    def _run(self, argv: list[str], remote: str, deadline: vocab.Deadline) -> None:
        result = self._link.shell(argv, deadline)
        if result.exit_code != 0:
            raise TargetError(
                "the phone refused the file",
                where=f"{printable(remote)} on {self._link.address}",
                found=tail(result.stderr or result.stdout, lines=1)
                or f"{argv[0]} ended with {result.exit_code}",
            )


def _watched(
    parts: Iterable[bytes],
    update: Callable[[bytes], object],
    size: int,
    progress: Progress | None,
) -> Iterator[bytes]:
    """Hand *parts* on; tell *update* of each and *progress* of how far it is."""
    done = 0
    for part in parts:
        update(part)
        yield part
        done += len(part)
        if progress is not None:
            progress(done, max(done, size))


def _digest(file: BinaryIO, algorithm: str) -> str:
    """Return the digest of all of *file*; md5 is proof enough that it arrived."""
    file.seek(0)
    digest = hashlib.new(algorithm, usedforsecurity=False)
    for part in read_parts(file):
        digest.update(part)
    return digest.hexdigest()


@contextlib.contextmanager
def _replacing(local: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of *local* once it is whole."""
    part = local.with_name(f".{local.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(local)
    except OSError as exc:  # of our own disk: a link's errors are none
        raise RecordingError(
            "the file from the phone cannot be written",
            where=str(local),
            found=exc.strerror,
            remedy="is the folder there, and space on the disk?",
        ) from exc
    finally:
        part.unlink(missing_ok=True)
