"""A phone over ADB: commands, files and their errors, without the adb program."""

from __future__ import annotations

import contextlib
import io
import secrets
import shlex
import stat
import time
from typing import TYPE_CHECKING, Protocol

from adb_shell import exceptions

from hil.deadline import Deadline
from hil.errors import (
    BrokenSetup,
    ConfigError,
    LinkTimeout,
    MalformedFrame,
    ProtocolMismatch,
    TargetError,
)
from hil.links.adb_device import (
    FOREIGN_ERRORS,
    Device,
    TcpTransport,
    Transport,
    UsbTransport,
)
from hil.links.adb_key import HostKey
from hil.links.adb_output import (
    FramedOutput,
    PlainOutput,
    ShellOutput,
    ShellResult,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hil import vocab

_ACCEPT_SECONDS = 30.0  # for a person to read the dialogue and touch the screen
_KILL_SECONDS = 5.0  # after the caller's own deadline, to leave no process behind
_POLL_SECONDS = 0.05


class Phone(Protocol):
    """What a target asks of a phone; AdbLink is one."""

    def open(self, deadline: vocab.Deadline) -> None:
        """Connect, or raise BrokenSetup, LinkTimeout or LinkClosed."""

    def close(self) -> None:
        """Disconnect; may be called any number of times."""

    def shell(
        self, command: str | Sequence[str], deadline: vocab.Deadline
    ) -> ShellResult:
        """Run a script (text) or one program (arguments) to its end."""

    def push(
        self,
        local: Path | bytes,
        remote: str,
        *,
        deadline: vocab.Deadline,
        mode: int = 0o644,
    ) -> None:
        """Write a file on the phone."""

    def pull(self, remote: str, deadline: vocab.Deadline) -> bytes:
        """Return the content of a file on the phone; TargetError if it is missing."""

    def stat(self, remote: str, deadline: vocab.Deadline) -> int | None:
        """Return the size of a file on the phone in bytes, None if it is missing."""


class AdbLink:
    """One connection to one phone. Not thread-safe: one AdbLink for each thread.

    After a timeout or a damaged packet the connection is thrown away; the next call
    connects again.
    """

    def __init__(
        self, settings: vocab.AdbSettings, *, key_path: Path | None = None
    ) -> None:
        """Take the way to the phone; *key_path* is for tests and for several keys."""
        self._settings = settings
        self._key = HostKey(key_path)
        self._device: Device | None = None
        self._transport: Transport | None = None

    @property
    def address(self) -> str:
        """Where the phone is, for messages."""
        if self._settings.host is not None:
            return f"{self._settings.host}:{self._settings.port}"
        return f"USB {self._settings.serial}"

    def open(self, deadline: vocab.Deadline) -> None:
        """Connect, or raise BrokenSetup, LinkTimeout or LinkClosed."""
        if self._device is not None:
            return
        transport = self._new_transport()
        transport.deadline = deadline
        device = Device(transport)
        asked: list[object] = []

        def ask(manager: object) -> None:
            # From here on the phone shows its dialogue, and is silent until a person
            # has answered it.
            asked.append(manager)
            transport.deadline = deadline.sooner(_ACCEPT_SECONDS)

        try:
            device.start(self._key, asked=ask)
        except BrokenSetup:
            transport.close()
            raise
        except (TargetError, *FOREIGN_ERRORS) as exc:
            transport.close()
            if asked:
                raise self._unauthorised() from exc
            if isinstance(exc, TargetError):
                raise
            raise self._no_adb(exc) from exc
        except KeyboardInterrupt:
            transport.close()
            raise
        self._device, self._transport = device, transport

    def close(self) -> None:
        """Disconnect; may be called any number of times."""
        if self._device is not None:
            self._device.close()
        self._device = self._transport = None

    def features(self, deadline: vocab.Deadline) -> frozenset[str]:
        """Return what the phone's banner offers, such as `shell_v2`."""
        return self._connected(deadline).features

    def shell(
        self, command: str | Sequence[str], deadline: vocab.Deadline
    ) -> ShellResult:
        """Run a script (text) or one program (arguments) to its end.

        At the deadline, or when the connection breaks, the process that this call
        started is killed by its number, on a new connection, before the error comes.
        """
        output = self._new_output(deadline)
        body = command if isinstance(command, str) else f"exec {shlex.join(command)}"
        try:
            return self._run(body, output, deadline)
        except LinkTimeout as exc:
            raise LinkTimeout(
                "a command on the phone did not end in time",
                where=self.address,
                found=f"{_shortened(body)}; {self._abandon(output.pid)}",
            ) from exc
        except (TargetError, KeyboardInterrupt):
            self._abandon(output.pid)
            raise

    def push(
        self,
        local: Path | bytes,
        remote: str,
        *,
        deadline: vocab.Deadline,
        mode: int = 0o644,
    ) -> None:
        """Write a file on the phone; it is not read back.

        ConfigError where *local* cannot be read, TargetError where the phone refuses
        the file (no permission, no space).
        """
        try:
            data = local if isinstance(local, bytes) else local.read_bytes()
        except OSError as exc:
            raise ConfigError(
                "the file to push cannot be read", where=str(local), found=exc.strerror
            ) from exc
        device = self._connected(deadline)
        with self._translated(deadline, remote=remote):
            device.push(io.BytesIO(data), remote, st_mode=stat.S_IFREG | mode)

    def pull(self, remote: str, deadline: vocab.Deadline) -> bytes:
        """Return the content of a file on the phone; TargetError if it is missing."""
        device = self._connected(deadline)
        content = io.BytesIO()
        with self._translated(deadline, remote=remote):
            device.pull(remote, content)
        return content.getvalue()

    def stat(self, remote: str, deadline: vocab.Deadline) -> int | None:
        """Return the size of a file on the phone in bytes, None if it is missing."""
        device = self._connected(deadline)
        with self._translated(deadline, remote=remote):
            mode, size, _ = device.stat(remote)
            return int(size) if mode else None

    def _new_transport(self) -> Transport:
        if self._settings.host is not None:
            return TcpTransport(self._settings.host, self._settings.port)
        if self._settings.serial is not None:
            return UsbTransport(self._settings.serial)
        raise ConfigError(
            "the profile names no way to the phone",
            where="[link]",
            allowed="host (and port), or adb_serial",
            remedy="`adb devices` shows the serial of a phone on USB",
        )

    def _connected(self, deadline: vocab.Deadline) -> Device:
        self.open(deadline)
        assert self._device is not None
        return self._device

    @contextlib.contextmanager
    def _translated(
        self, deadline: vocab.Deadline, *, remote: str | None = None
    ) -> Iterator[None]:
        """Keep *deadline*; on an error drop the connection and raise one of ours."""
        assert self._transport is not None
        self._transport.deadline = deadline
        where = self.address if remote is None else f"{remote} on {self.address}"
        try:
            yield
        except (TargetError, KeyboardInterrupt):
            self.close()
            raise
        except (
            exceptions.AdbCommandFailureException,
            exceptions.PushFailedError,
            exceptions.DevicePathInvalidError,
        ) as exc:
            # adb_shell leaves the stream of a refused push open.
            self.close()
            raise TargetError(
                "the phone refused the file", where=where, found=_reason(exc)
            ) from exc
        except FOREIGN_ERRORS as exc:
            self.close()
            raise MalformedFrame(
                "the phone sent what is no ADB packet", where=where, found=str(exc)
            ) from exc

    def _new_output(self, deadline: vocab.Deadline) -> ShellOutput:
        marker = f"hil-{secrets.token_hex(8)}"
        if "shell_v2" in self._connected(deadline).features:
            return FramedOutput(marker, self.address)
        return PlainOutput(marker, self.address)

    def _run(
        self, body: str, output: ShellOutput, deadline: vocab.Deadline
    ) -> ShellResult:
        """Run *body*, which starts by saying its process number."""
        device = self._connected(deadline)
        with self._translated(deadline):
            line = output.command(body).encode(errors="surrogateescape")
            for data in device.stream(output.service, line):
                output.feed(data)
            return output.result()

    def _abandon(self, pid: int | None) -> str:
        """Kill the process *pid*, which this link started; return what became of it."""
        if pid is None:
            return "the phone did not say which process it was"
        deadline = Deadline(_KILL_SECONDS)
        # On adbd a command leads a process group of its own, so that what a script
        # started ends with it.
        body = f"kill -9 -{pid}; kill -9 {pid}; kill -0 {pid}"
        try:
            while self._run(body, self._new_output(deadline), deadline).exit_code == 0:
                time.sleep(min(_POLL_SECONDS, deadline.remaining))
        except TargetError as exc:
            return f"process {pid} may still run on the phone ({exc.what})"
        return f"process {pid} was killed on the phone"

    def _unauthorised(self) -> BrokenSetup:
        return BrokenSetup(
            "the phone has not accepted the key of this computer",
            where=self.address,
            found=f"key {self._key.path}",
            remedy="accept the key on the phone's screen (tick 'Always allow'), "
            "then try again",
        )

    def _no_adb(self, exc: Exception) -> ProtocolMismatch:
        wants_tls = "STLS" in str(exc)
        return ProtocolMismatch(
            "the phone asks for wireless debugging with pairing"
            if wants_tls
            else "what answers there is no ADB daemon",
            where=self.address,
            found=str(exc),
            remedy="use USB, or `adb tcpip 5555` and port 5555" if wants_tls else None,
        )


def _reason(exc: Exception) -> str:
    reason = exc.args[0] if exc.args else ""
    if isinstance(reason, bytes | bytearray):
        reason = reason.decode(errors="backslashreplace")
    text = str(reason).removeprefix("Command failed: ")
    return text if text.isprintable() else ascii(text)


def _shortened(command: str, *, limit: int = 200) -> str:
    return command if len(command) <= limit else f"{command[:limit]}..."
