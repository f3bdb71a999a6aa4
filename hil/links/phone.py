"""What is asked of a phone, whatever stands behind it: a connection or a recording."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, BinaryIO, Protocol

from hil.errors import ConfigError
from hil.links.adb_sync import PART_BYTES

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from hil import vocab
    from hil.links.adb_output import ShellResult
    from hil.links.adb_sync import RemoteFile


class Phone(Protocol):
    """What a target asks of a phone; AdbLink is one.

    `draw` and `seconds_left` ask this machine, not the phone: what a dialogue takes
    from chance and from the clock passes here, so that it can be recorded with it.
    """

    @property
    def address(self) -> str:
        """Where the phone is, for messages."""

    def open(self, deadline: vocab.Deadline) -> None:
        """Connect, or raise BrokenSetup, LinkTimeout or LinkClosed."""

    def close(self) -> None:
        """Disconnect; may be called any number of times."""

    def draw(self) -> str:
        """Return 16 hexadecimal digits at random."""

    def seconds_left(self, deadline: vocab.Deadline) -> float:
        """Return how long there is until *deadline*, for what the phone is told."""

    def shell(
        self, command: str | Sequence[str], deadline: vocab.Deadline
    ) -> ShellResult:
        """Run a script (text) or one program (arguments) to its end."""

    def entry(self, remote: str, deadline: vocab.Deadline) -> RemoteFile | None:
        """Return mode and size of a file on the phone, None if it is missing."""

    def send(
        self,
        parts: Iterable[bytes],
        remote: str,
        *,
        deadline: vocab.Deadline,
        mode: int,
    ) -> None:
        """Write a file on the phone from parts of at most `PART_BYTES`."""

    def receive(
        self, remote: str, deadline: vocab.Deadline
    ) -> Generator[bytes, None, None]:
        """Yield a file on the phone in parts; TargetError if it is missing."""

    def push(
        self,
        local: Path | bytes,
        remote: str,
        *,
        deadline: vocab.Deadline,
        mode: int = 0o644,
    ) -> None:
        """Write a file on the phone; it is not read back (PhoneFiles.push proves it).

        ConfigError where *local* cannot be read, TargetError where the phone refuses
        the file (no permission, no space).
        """
        with local_file(local) as file:
            self.send(read_parts(file), remote, deadline=deadline, mode=mode)

    def pull(self, remote: str, deadline: vocab.Deadline) -> bytes:
        """Return the content of a file on the phone; TargetError if it is missing."""
        return b"".join(self.receive(remote, deadline))

    def stat(self, remote: str, deadline: vocab.Deadline) -> int | None:
        """Return the size of a file on the phone in bytes, None if it is missing."""
        found = self.entry(remote, deadline)
        return None if found is None else found.size_bytes


@contextlib.contextmanager
def local_file(local: Path | bytes) -> Iterator[BinaryIO]:
    """Open the file or the bytes *local*; ConfigError where it cannot be read."""
    if isinstance(local, bytes):
        yield io.BytesIO(local)
        return
    try:
        with local.open("rb") as file:
            yield file
    except OSError as exc:
        raise ConfigError(
            "the file to push cannot be read", where=str(local), found=exc.strerror
        ) from exc


def read_parts(file: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of *file* in parts that one DATA of the phone's may carry."""
    while part := file.read(PART_BYTES):
        yield part
