"""A recorded phone as a phone: it answers as it did, if the host asks as it did."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from hil.errors import LinkClosed, ProtocolMismatch
from hil.links.adb_sync import PART_BYTES
from hil.links.cassette_player import first_difference, named_file, shown_around
from hil.links.phone import Phone
from hil.links.phone_call import (
    DRAW,
    OPEN,
    SECONDS_LEFT,
    Content,
    read_content,
    read_entry,
    read_phone_cassette,
    read_seconds,
    read_shell,
    read_token,
    shell_asked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from hil import vocab
    from hil.links.adb_output import ShellResult
    from hil.links.adb_sync import RemoteFile
    from hil.links.phone_call import PhoneCall

_FIRST_LINE: Final = 2  # of the calls: the header stands above them


class CassettePhone(Phone):
    """Plays one cassette: at full speed, or with the times of the recording.

    The calls must come as they were recorded, each with the same words; the errors that
    came then come again. Where the host's deadline was over, it is waited for again.
    """

    def __init__(
        self, port: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Take `cassette:FILE`, perhaps with `?timed`; ConfigError for no cassette."""
        self._path, self._timed = named_file(port)
        self._sleep = sleep
        self._dialogue = read_phone_cassette(self._path)
        self._at = 0  # the call that comes next

    @property
    def address(self) -> str:
        """Where the phone is, for messages."""
        return f"the cassette {self._path}"

    def open(self, deadline: vocab.Deadline) -> None:
        """Connect, as it was; what all calls raise is what was raised then.

        Else ProtocolMismatch where the host asks something else, LinkClosed at the end.
        """
        self._answered(OPEN, deadline)

    def close(self) -> None:
        """Do nothing: the next `open` goes on behind."""

    def draw(self) -> str:
        """Return the digits that were drawn when this was recorded."""
        return read_token(self._next(DRAW).said)

    def seconds_left(self, deadline: vocab.Deadline) -> float:
        """Return how long there was until the deadline of the recording."""
        del deadline
        return read_seconds(self._next(SECONDS_LEFT).said)

    def shell(
        self, command: str | Sequence[str], deadline: vocab.Deadline
    ) -> ShellResult:
        """Return how the command ended."""
        return read_shell(self._answered(shell_asked(command), deadline).said)

    def entry(self, remote: str, deadline: vocab.Deadline) -> RemoteFile | None:
        """Return mode and size that the file had, None where it was missing."""
        return read_entry(self._answered({"entry": remote}, deadline).said)

    def send(
        self,
        parts: Iterable[bytes],
        remote: str,
        *,
        deadline: vocab.Deadline,
        mode: int,
    ) -> None:
        """Take a file that has the content of the recording, by its digest."""
        content = Content()
        content.drain(content.watch(parts))
        to = {"send": remote, "mode": mode, **content.told()}
        self._answered(to, deadline)

    def receive(
        self, remote: str, deadline: vocab.Deadline
    ) -> Generator[bytes, None, None]:
        """Yield the content of the file, as far as it came."""
        call = self._next({"receive": remote})
        content = read_content(call.said)
        for start in range(0, len(content), PART_BYTES):
            yield content[start : start + PART_BYTES]
        self._end(call, deadline)

    def _answered(
        self, to: Mapping[str, object], deadline: vocab.Deadline
    ) -> PhoneCall:
        call = self._next(to)
        self._end(call, deadline)
        return call

    def _next(self, to: Mapping[str, object]) -> PhoneCall:
        """Return the call that comes next, if it is this one."""
        if self._at == len(self._dialogue.calls):
            raise self._ended()
        call = self._dialogue.calls[self._at]
        if call.to != to:
            raise self._mismatch(call, to)
        self._at += 1
        return call

    def _end(self, call: PhoneCall, deadline: vocab.Deadline) -> None:
        """Take the time that the call took, and raise what it raised."""
        if call.is_late:
            self._sleep(deadline.remaining)
        elif self._timed:
            self._sleep(min(call.seconds, deadline.remaining))
        if call.error is not None:
            raise call.error

    def _ended(self) -> LinkClosed:
        if self._dialogue.is_cut:
            return LinkClosed(
                "the cassette was cut off here",
                where=self._where(),
                found="the recording was broken off",
                remedy="record the dialogue again",
            )
        return LinkClosed(
            "the cassette is at its end",
            where=self.address,
            remedy="ask no more than was asked when it was recorded",
        )

    def _mismatch(self, call: PhoneCall, to: Mapping[str, object]) -> ProtocolMismatch:
        recorded, heard = json.dumps(call.to), json.dumps(to)
        place = first_difference(recorded, heard)
        window = shown_around(place)
        return ProtocolMismatch(
            f"the host asks something else than was recorded, from character {place} "
            "on",
            where=self._where(),
            found=heard[window],
            allowed=recorded[window],
            remedy="replay with the model, inputs and settings of the recording",
        )

    def _where(self) -> str:
        return f"{self._path}, line {self._at + _FIRST_LINE}"
