"""Dialogues with a phone on file: each call, what came of it, and the times.

A call is written once it is over: one that a phone never answered stands there with
its error.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

from hil.errors import HilError
from hil.links.cassette_file import PHONE, CassetteFile, Header, to_text
from hil.links.phone import Phone
from hil.links.phone_call import (
    DRAW,
    OPEN,
    SECONDS_LEFT,
    Content,
    PhoneCall,
    call_line,
    entry_said,
    shell_asked,
    shell_said,
)

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Generator,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from pathlib import Path

    from hil import vocab
    from hil.links.adb_output import ShellResult
    from hil.links.adb_sync import RemoteFile

_CLOCK_DIGITS: Final = 3  # of seconds that are left: nothing asks for more


class PhoneRecorder:
    """Writes one cassette, from however many connections in turn."""

    def __init__(
        self,
        path: Path,
        *,
        device: str,
        profile: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take where to write; nothing is made before the phone was reached."""
        self._file = CassetteFile(path, clock=clock)
        self._header = Header(
            device=device, origin="recorded", profile=profile, dialogue=PHONE
        )

    @property
    def is_begun(self) -> bool:
        """Whether the phone was reached, and the file made."""
        return self._file.is_begun

    def wrap(self, phone: Phone) -> Phone:
        """Return *phone* with every call written down."""
        return RecordingPhone(phone, self)

    def begin(self) -> float:
        """Open the file, if it is not; return the seconds since the recording began.

        RecordingError where it cannot be made, or is there already.
        """
        self._file.begin(self._header)
        return self._file.seconds

    def note(
        self,
        to: Mapping[str, object],
        said: Mapping[str, object],
        *,
        at: float,
        error: HilError | None = None,
        is_late: bool = False,
    ) -> None:
        """Write one call that began *at* these seconds and is over now."""
        call = PhoneCall(
            at=at,
            to=to,
            said=said,
            seconds=max(0.0, self._file.seconds - at),
            error=error,
            is_late=is_late,
        )
        self._file.write(call_line(call))

    def close(self) -> None:
        """Close the file; another connection goes on with it."""
        self._file.close()


class RecordingPhone(Phone):
    """A phone whose calls are handed on and written down."""

    def __init__(self, phone: Phone, recorder: PhoneRecorder) -> None:
        """Take the way to the phone, not opened yet."""
        self._phone = phone
        self._recorder = recorder

    @property
    def address(self) -> str:
        """Where the phone is, for messages."""
        return self._phone.address

    def open(self, deadline: vocab.Deadline) -> None:
        """Connect; a phone that was never reached leaves no file behind."""
        if not self._recorder.is_begun:
            self._phone.open(deadline)
            self._recorder.note(OPEN, {}, at=self._recorder.begin())
            return
        with self._noted(OPEN, deadline):
            self._phone.open(deadline)

    def close(self) -> None:
        """Disconnect, and close the file; both may be opened again."""
        self._phone.close()
        self._recorder.close()

    def draw(self) -> str:
        """Return 16 hexadecimal digits at random, the same in a replay."""
        at, token = self._recorder.begin(), self._phone.draw()
        self._recorder.note(DRAW, {"token": token}, at=at)
        return token

    def seconds_left(self, deadline: vocab.Deadline) -> float:
        """Return how long there is until *deadline*, the same in a replay."""
        at, left = self._recorder.begin(), self._phone.seconds_left(deadline)
        left = round(left, _CLOCK_DIGITS)
        self._recorder.note(SECONDS_LEFT, {"seconds": left}, at=at)
        return left

    def shell(
        self, command: str | Sequence[str], deadline: vocab.Deadline
    ) -> ShellResult:
        """Run a script (text) or one program (arguments) to its end."""
        with self._noted(shell_asked(command), deadline) as said:
            result = self._phone.shell(command, deadline)
            said.update(shell_said(result))
        return result

    def entry(self, remote: str, deadline: vocab.Deadline) -> RemoteFile | None:
        """Return mode and size of a file on the phone, None if it is missing."""
        with self._noted({"entry": remote}, deadline) as said:
            found = self._phone.entry(remote, deadline)
            said.update(entry_said(found))
        return found

    def send(
        self,
        parts: Iterable[bytes],
        remote: str,
        *,
        deadline: vocab.Deadline,
        mode: int,
    ) -> None:
        """Write a file on the phone; its size and digest are kept, not its content."""
        content = Content()
        watched = content.watch(parts)
        to: dict[str, object] = {"send": remote, "mode": mode}
        with self._noted(to, deadline):
            try:
                self._phone.send(watched, remote, deadline=deadline, mode=mode)
            finally:
                # The whole file is what is asked, wherever the phone stopped taking it.
                content.drain(watched)
                to.update(content.told())

    def receive(
        self, remote: str, deadline: vocab.Deadline
    ) -> Generator[bytes, None, None]:
        """Yield a file on the phone in parts; what was taken of it is kept."""
        content = bytearray()
        with (
            self._noted({"receive": remote}, deadline) as said,
            contextlib.closing(self._phone.receive(remote, deadline)) as parts,
        ):
            try:
                # Who leaves off early has asked all the same.
                with contextlib.suppress(GeneratorExit):
                    for part in parts:
                        content += part
                        yield part
            finally:
                said["content"] = to_text(bytes(content))

    @contextlib.contextmanager
    def _noted(
        self, to: Mapping[str, object], deadline: vocab.Deadline
    ) -> Iterator[dict[str, object]]:
        """Lend what is said to be filled in; write the call down as it is over."""
        at = self._recorder.begin()
        said: dict[str, object] = {}
        try:
            yield said
        except HilError as exc:
            late = deadline.expired
            self._recorder.note(to, said, at=at, error=exc, is_late=late)
            raise
        self._recorder.note(to, said, at=at)
