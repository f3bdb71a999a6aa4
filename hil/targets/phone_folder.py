"""Our own folder on a phone; files are pushed once and known by their content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import BrokenSetup
from hil.links.adb_files import PhoneFiles
from hil.models.facts import sha256_of
from hil.printable import tail

if TYPE_CHECKING:
    from hil import vocab
    from hil.links.phone import Phone

FOLDER = "/data/local/tmp/hil"


class PhoneFolder:
    """One folder below `FOLDER`."""

    def __init__(self, link: Phone, path: str) -> None:
        """Take the link and the folder's path, which is made by `make`."""
        self.path = path
        self._link = link
        self._files = PhoneFiles(link)
        self._sizes: dict[str, int] = {}  # of what was pushed by us, and proved

    def make(self, deadline: vocab.Deadline) -> None:
        """Make the folder; BrokenSetup where the phone does not let us."""
        made = self._link.shell(["mkdir", "-p", self.path], deadline)
        if made.exit_code != 0:
            raise BrokenSetup(
                "the phone lets us make no folder",
                where=self.path,
                found=tail(made.stderr or made.stdout, lines=1),
            )

    def put(self, data: bytes, deadline: vocab.Deadline) -> str:
        """Push *data* unless it is there, and return its path; proved by its digest."""
        path = f"{self.path}/{sha256_of(data)[:32]}"
        known = self._sizes.get(path)
        if known is None or self._link.stat(path, deadline) != known:
            self._files.push(data, path, deadline=deadline)
            self._sizes[path] = len(data)
        return path

    def remove(self, deadline: vocab.Deadline) -> None:
        """Delete the folder and all in it."""
        self._link.shell(["rm", "-rf", self.path], deadline)
