"""What a host may open: shell, shell v2, exec, sync, and the adbd's own services."""

from __future__ import annotations

import asyncio
import re
import struct
from typing import TYPE_CHECKING, Final

from hil.emulators.phone.call import Io
from hil.emulators.phone.interpreter import run_text, run_words
from hil.emulators.phone.pipes import Pipe, Source
from hil.emulators.phone.processes import Killed, run_killable
from hil.emulators.phone.shell import Shell
from hil.emulators.phone.sync import serve_sync

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hil.emulators.phone.phone import Phone
    from hil.emulators.phone.stream import Stream

    Service = Callable[[Phone, Stream], Awaitable[None]]

_FRAME: Final = struct.Struct("<BI")
_STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = range(5)
_MAX_FRAME_BYTES: Final = 1 << 20
_FIXED_ANSWERS: Final = {
    "root:": "adbd cannot run as root in production builds\n",
    "unroot:": "adbd not running as root\n",
    "remount:": "remount failed: the file system of an emulated phone is fixed\n",
    "reboot:": "an emulated phone does not reboot: end it and start it again\n",
    "tcpip:": "an emulated phone listens on TCP already\n",
    "usb:": "an emulated phone has no USB\n",
}


def find_service(name: str) -> Service | None:
    """Return what serves *name*; None where a real adbd would refuse it, too."""
    found = re.match(r"(shell|exec|sync)((?:,[^:]*)?):", name)
    if found is None:
        answer = _FIXED_ANSWERS.get(name[: name.find(":") + 1])
        return None if answer is None else _fixed(answer)
    kind, options, rest = found[1], found[2].split(",")[1:], name[found.end() :]
    if kind == "sync":
        return None if rest or options else serve_sync
    if kind == "exec":
        return None if options else _Plain(rest).serve
    if "v2" in options:
        return _Framed(rest, merges="raw" not in options).serve
    return _Plain(rest).serve


def _fixed(answer: str) -> Service:
    async def say(_: Phone, stream: Stream) -> None:
        await stream.write(answer.encode())

    return say


async def _run(phone: Phone, command: str, io: Io, stream: Stream) -> int:
    """Run *command* as a shell of its own; a shell that is killed ends by its signal.

    When the stream closes, this task is cancelled, and with it what runs in it: a child
    process gets SIGHUP.
    """
    process = phone.processes.start(["sh", "-c", command] if command else ["sh"])
    stream.process = process
    shell = Shell(phone=phone, process=process)
    # An interactive shell (no command) reads its lines from the stream.
    run = run_text(command, shell, io) if command else run_words(["sh"], shell, io)
    try:
        return await run_killable(process, run)
    except Killed as exc:
        return exc.status
    finally:
        phone.processes.end(process)


class _Plain:
    """`shell:` and `exec:`: bytes both ways, errors among the output, no status."""

    def __init__(self, command: str) -> None:
        self._command = command

    async def serve(self, phone: Phone, stream: Stream) -> None:
        """Run the command on *stream*."""
        io = Io(stdin=stream.source, stdout=stream, stderr=stream)
        await _run(phone, self._command, io, stream)


class _FramedSink:
    """Standard output or error of shell v2: each write becomes frames."""

    def __init__(self, stream: Stream, kind: int) -> None:
        self._stream = stream
        self._kind = kind

    async def write(self, data: bytes) -> None:
        """Send *data* in one frame, or raise BrokenPipeError."""
        if data:
            await self._stream.write(_FRAME.pack(self._kind, len(data)) + data)


class _Framed:
    """`shell,v2`: frames for input, output, errors and, at the end, the status.

    Without `raw` a terminal is asked for; it has one output for both, and nothing else
    of a terminal is emulated.
    """

    def __init__(self, command: str, *, merges: bool) -> None:
        self._command = command
        self._merges = merges

    async def serve(self, phone: Phone, stream: Stream) -> None:
        """Run the command on *stream* and send its exit status."""
        keyboard = Pipe()
        stdout = _FramedSink(stream, _STDOUT)
        stderr = stdout if self._merges else _FramedSink(stream, _STDERR)
        io = Io(stdin=Source(keyboard.fetch), stdout=stdout, stderr=stderr)
        unpacking = asyncio.create_task(_unpack(stream, keyboard))
        try:
            status = await _run(phone, self._command, io, stream)
            await stream.write(_FRAME.pack(_EXIT, 1) + bytes([status & 0xFF]))
        finally:
            unpacking.cancel()
            await asyncio.gather(unpacking, return_exceptions=True)


async def _unpack(stream: Stream, keyboard: Pipe) -> None:
    """Hand the input in the host's frames on, until it is closed or broken."""
    source = stream.source
    try:
        while len(header := await source.read_exactly(_FRAME.size)) == _FRAME.size:
            kind, length = _FRAME.unpack(header)
            if kind == _CLOSE_STDIN or length > _MAX_FRAME_BYTES:
                break
            data = await source.read_exactly(length)
            if kind == _STDIN:
                await keyboard.write(data)
    finally:
        await keyboard.end_writing()
