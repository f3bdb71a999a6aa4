"""A phone over ADB: commands, files and their errors, without the adb program."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import time
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import (
    BrokenSetup,
    ConfigError,
    LinkClosed,
    LinkTimeout,
    MalformedFrame,
    ProtocolMismatch,
    TargetError,
)
from hil.links.adb_device import FOREIGN_ERRORS, NO_KEY, Device, Transport
from hil.links.adb_key import HostKey, host_keys
from hil.links.adb_output import FramedOutput, PlainOutput, ShellOutput, ShellResult
from hil.links.adb_sync import FileSession
from hil.links.adb_tcp import TcpTransport, Unreachable
from hil.links.adb_usb import UsbTransport
from hil.links.phone import Phone
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from hil import vocab
    from hil.links.adb_output import Running
    from hil.links.adb_sync import RemoteFile

_ACCEPT_SECONDS = 30.0  # for a person to read the dialogue and touch the screen
_HELLO_SECONDS = 30.0  # for a phone to say that it is one; it takes milliseconds
_KILL_SECONDS = 5.0  # after the caller's own deadline, to leave no process behind
_RETURN_SECONDS = 3.0  # for a phone to come back whose connection has dropped
_POLL_SECONDS = 0.05


class AdbLink(Phone):
    """One connection to one phone. Not thread-safe: one AdbLink for each worker.

    After any error the connection is thrown away; the next call connects again, and
    waits a moment for a phone that was there before.
    """

    def __init__(
        self,
        settings: vocab.AdbSettings,
        *,
        key_path: Path | None = None,
        return_seconds: float = _RETURN_SECONDS,
        hello_seconds: float = _HELLO_SECONDS,
    ) -> None:
        """Take the way to the phone, and one key in place of this computer's."""
        self._settings = settings
        self._keys = host_keys() if key_path is None else [HostKey(key_path)]
        self._return_seconds = return_seconds
        self._hello_seconds = hello_seconds
        self._device: Device | None = None
        self._transport: Transport | None = None
        self._met: str | None = None  # the model that answered first

    @property
    def address(self) -> str:
        """Where the phone is, for messages."""
        if self._settings.host is not None:
            return f"{self._settings.host}:{self._settings.port}"
        return f"USB {self._settings.serial}"

    def open(self, deadline: vocab.Deadline) -> None:
        """Connect, or raise BrokenSetup, LinkTimeout or LinkClosed.

        A phone that was there before and is gone is LinkClosed, which is transient.
        """
        if self._device is not None:
            return
        patience = deadline.sooner(self._return_seconds)
        while True:
            try:
                self._connect(deadline)
            except Unreachable as exc:
                if self._met is None:
                    raise
                if patience.expired:
                    raise LinkClosed(
                        "the phone is gone",
                        where=self.address,
                        found=exc.found,
                        remedy="did it restart, or leave the network or the cable?",
                    ) from exc
                time.sleep(min(_POLL_SECONDS, patience.remaining))
            else:
                return

    def close(self) -> None:
        """Disconnect; may be called any number of times."""
        if self._device is not None:
            self._device.close()
        self._device = self._transport = None

    def draw(self) -> str:
        """Return 16 hexadecimal digits at random."""
        return secrets.token_hex(8)

    def seconds_left(self, deadline: vocab.Deadline) -> float:
        """Return how long there is until *deadline*, for what the phone is told."""
        return deadline.remaining

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
                found=f"{_shortened(body)}; {self._abandon(output.running)}",
            ) from exc
        except TargetError as exc:
            fate = self._abandon(output.running)
            exc.found = f"{exc.found}; {fate}" if exc.found else fate
            raise
        except KeyboardInterrupt:
            self._abandon(output.running)
            raise

    def entry(self, remote: str, deadline: vocab.Deadline) -> RemoteFile | None:
        """Return mode and size of a file on the phone, None if it is missing."""
        with self._files(deadline) as session:
            return session.stat(remote)

    def send(
        self,
        parts: Iterable[bytes],
        remote: str,
        *,
        deadline: vocab.Deadline,
        mode: int,
    ) -> None:
        """Write a file on the phone from parts of at most `PART_BYTES`."""
        with self._files(deadline) as session:
            session.send(parts, remote, mode=mode)

    def receive(
        self, remote: str, deadline: vocab.Deadline
    ) -> Generator[bytes, None, None]:
        """Yield a file on the phone in parts; TargetError if it is missing.

        The link is busy until the last part was taken, or the generator closed.
        """
        with self._files(deadline) as session:
            yield from session.receive(remote)

    def _connect(self, deadline: vocab.Deadline) -> None:
        transport = self._new_transport()
        transport.deadline = deadline.sooner(self._hello_seconds)
        device = Device(transport)
        asked: list[object] = []

        def ask(manager: object) -> None:
            # From here on the phone shows its dialogue, and is silent until a person
            # has answered it.
            asked.append(manager)
            transport.deadline = deadline.sooner(_ACCEPT_SECONDS)

        with contextlib.ExitStack() as undo:
            undo.callback(transport.close)
            try:
                device.start(self._keys, asked=ask)
            except BrokenSetup:
                raise
            except TargetError as exc:
                if asked:
                    raise self._unauthorised() from exc
                exc.remedy = exc.remedy or transport.remedy
                raise
            except NO_KEY as exc:
                raise self._keyless() from exc
            except FOREIGN_ERRORS as exc:
                raise self._no_adb(exc) from exc
            self._recognise(device)
            undo.pop_all()
        self._device, self._transport = device, transport

    def _recognise(self, device: Device) -> None:
        """Refuse what is no running Android, or no longer the phone it was."""
        if device.state != "device":
            raise BrokenSetup(
                "the phone does not run Android now",
                where=self.address,
                found=printable(device.state) or "no state",
                remedy="`adb reboot` brings it back",
            )
        if self._met is None:
            self._met = device.model
        elif self._met != device.model:
            raise BrokenSetup(
                "another phone answers at this address",
                where=self.address,
                found=printable(device.model),
                allowed=printable(self._met),
            )

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
    def _connection(self, deadline: vocab.Deadline) -> Iterator[Device]:
        """Lend the connection until *deadline*; whatever goes wrong, it is closed."""
        device = self._connected(deadline)
        assert self._transport is not None
        self._transport.deadline = deadline
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            try:
                yield device
            except FOREIGN_ERRORS as exc:
                raise MalformedFrame(
                    "the phone sent what is no ADB packet",
                    where=self.address,
                    found=printable(str(exc)),
                ) from exc
            undo.pop_all()

    @contextlib.contextmanager
    def _files(self, deadline: vocab.Deadline) -> Iterator[FileSession]:
        with self._connection(deadline) as device:
            session = FileSession(device, where=self.address)
            yield session
            session.close()

    def _new_output(self, deadline: vocab.Deadline) -> ShellOutput:
        marker = f"hil-{secrets.token_hex(8)}"
        if "shell_v2" in self._connected(deadline).features:
            return FramedOutput(marker, self.address)
        return PlainOutput(marker, self.address)

    def _run(
        self, body: str, output: ShellOutput, deadline: vocab.Deadline
    ) -> ShellResult:
        """Run *body*, which starts by saying its process number."""
        with self._connection(deadline) as device:
            line = output.command(body).encode(errors="surrogateescape")
            for data in device.stream(output.service, line):
                output.feed(data)
            return output.result()

    def _abandon(self, running: Running | None) -> str:
        """Kill what this link started; return what became of it."""
        if running is None:
            return "the phone did not say which process it was"
        deadline = Deadline(_KILL_SECONDS)
        body = running.kill_script
        try:
            while self._run(body, self._new_output(deadline), deadline).exit_code == 0:
                time.sleep(min(_POLL_SECONDS, deadline.remaining))
        except TargetError as exc:
            return f"process {running.pid} may still run on the phone ({exc.what})"
        return f"process {running.pid} was killed on the phone"

    def _unauthorised(self) -> BrokenSetup:
        return BrokenSetup(
            "the phone has not accepted the key of this computer",
            where=self.address,
            found=f"key {self._keys[0].path}",
            remedy="accept the key on the phone's screen (tick 'Always allow'), "
            "then try again",
        )

    def _keyless(self) -> BrokenSetup:
        return BrokenSetup(
            "the phone wants a key, and there is no place for one",
            where=self.address,
            found="a user without a home folder: HOME is not set",
            remedy="set HOME to a folder that can be written, or ADB_VENDOR_KEYS",
        )

    def _no_adb(self, exc: Exception) -> ProtocolMismatch:
        wants_tls = "STLS" in str(exc)
        return ProtocolMismatch(
            "the phone asks for wireless debugging with pairing"
            if wants_tls
            else "what answers there is no ADB daemon",
            where=self.address,
            found=printable(str(exc)),
            remedy="use USB, or `adb tcpip 5555` and port 5555" if wants_tls else None,
        )


def _shortened(command: str, *, limit: int = 200) -> str:
    shown = printable(command)
    return shown if len(shown) <= limit else f"{shown[:limit]}..."
