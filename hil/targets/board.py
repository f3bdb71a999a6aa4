"""A real board on a serial port: found, recognized, flashed where needed, and reached.

What answers must be the expected board. A board that answers another name is never
flashed; one that does not answer at all is flashed only where the profile names the
individual by its USB serial number or location, for then nothing else says what it is.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Final

from hil.errors import BrokenSetup, FirmwareFault, LinkClosed, LinkTimeout, TargetError
from hil.firmware.flash import FlashImage, flash
from hil.firmware.reset import power_on, reset
from hil.links.serial_identity import PortIdentity, attached_ports, find_port
from hil.links.serial_port import SerialLink
from hil.session.session import Session
from hil.targets.mcu import McuTarget
from hil.vocab import SerialSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hil.vocab import (
        CommandSettings,
        Deadline,
        DeviceProfile,
        Job,
        Measurement,
    )
    from hil.wire.hello import HelloReply

START_BAUD: Final = 115200  # at which a firmware of hil's starts
_LOWER_BAUDS = (921_600, 460_800, 230_400)  # tried where the profile's does not work
_HELLO_SECONDS = 1.5
_APPEAR_SECONDS = 15.0  # from power to a port
_WAKE_SECONDS = 6.0  # from a restart to an answer, where one may never come
_RETURN_SECONDS = 30.0  # likewise behind flashing
_STALE_SECONDS = 3.0  # how long the build from before the restart may answer
_POLL_SECONDS = 0.1
_SETTLE_SECONDS = 5.0  # the device gives a rate up after one second


class BoardTarget:
    """Brings one board to the point where it is a McuTarget, and keeps how it did."""

    def __init__(
        self,
        profile: DeviceProfile,
        *,
        image_for: Callable[[Job, Deadline], FlashImage] | None = None,
        attached: Callable[[], Sequence[PortIdentity]] = attached_ports,
    ) -> None:
        """Take the profile; *image_for* builds the firmware of a job.

        Without it the profile's own image and build id hold for every job.
        """
        assert isinstance(profile.link, SerialSettings)
        self.profile = profile
        self._settings = profile.link
        self._image_for = image_for
        self._attached = attached
        firmware = profile.firmware
        self._board = expected_board(profile)
        self._build_id = firmware.build_id
        self._image: FlashImage | None = None
        if firmware.image is not None and firmware.build_id is not None:
            self._image = FlashImage(path=firmware.image, build_id=firmware.build_id)
        self._port = PortIdentity(device="")
        self._link: BoardLink | None = None
        self._target: McuTarget | None = None
        self._steps: dict[str, object] = {}

    def open(self, deadline: Deadline) -> None:
        """Find the board, flash it where another build answers, raise the baud rate.

        Where firmware is built for jobs, the port is found and the rest waits for the
        first job. Raises BrokenSetup where the port is not found, another board answers
        or it cannot be flashed; ToolError where flashing fails; LinkTimeout where
        nothing answers.
        """
        self.close()
        self._steps = {}
        self._find(deadline)
        if self._image_for is None or self._image is not None:
            self._reach(deadline)

    @property
    def target(self) -> McuTarget:
        """The board as a microcontroller, once it is open."""
        assert self._target is not None
        return self._target

    def prepare(self, job: Job, deadline: Deadline) -> None:
        """Bring the firmware of *job* on the board, where firmware is built for jobs.

        Raises what *image_for* raises and what `open` does.
        """
        if self._image_for is None:
            return
        image = self._image_for(job, deadline)
        if self._target is None or image.build_id != self._build_id:
            self._image, self._build_id = image, image.build_id
            self._reach(deadline)

    def measure(self, job: Job, deadline: Deadline) -> Measurement:
        """Run *job*, on a firmware of its own where firmware is built for jobs."""
        self.prepare(job, deadline)
        measured = self.target.measure(job, deadline)
        memory: Mapping[str, int] = {}
        evidence = {**measured.evidence, **self._steps}
        if self._image is not None:
            memory = self._image.memory
            evidence |= self._image.evidence
        return dataclasses.replace(
            measured, memory={**memory, **measured.memory}, evidence=evidence
        )

    def close(self) -> None:
        """Close the port; the board keeps its firmware and its rate."""
        self._target = None
        if self._link is not None:
            self._link.close()
            self._link = None

    def _find(self, deadline: Deadline) -> None:
        """Find the port; a board that was just given power appears a moment later."""
        within = deadline.sooner(0.0)
        if self.profile.power is not None:
            self._steps["power"] = power_on(self.profile.power, None, deadline)
            within = deadline.sooner(_APPEAR_SECONDS)
        for last_try in _tries(within):
            try:
                self._port = find_port(self._settings, self._attached)
                break
            except BrokenSetup:
                if last_try:
                    raise
        self._steps["port"] = str(self._port)

    def _reach(self, deadline: Deadline) -> None:
        """Let the right build answer at the best rate."""
        self.close()
        hello = self._asked(deadline)
        self._refuse_other_board(hello)
        if hello is None and self.profile.reset is not None:
            # A firmware that hangs needs no flashing.
            self._restart(self.profile.reset, deadline)
            hello, _ = self._awaited(deadline.sooner(_WAKE_SECONDS))
        if hello is None or not self._is_right_build(hello):
            self._bring_up(hello, deadline)
        assert self._link is not None
        self._negotiate(self._link, deadline)
        target = McuTarget(self.profile, self._link)
        target.open(deadline)
        self._target = target

    def _asked(self, deadline: Deadline) -> HelloReply | None:
        """Return what answers HELLO at one of the rates, or None where nothing does.

        The link stays open where something answers. An earlier host may have left the
        board at the profile's rate, so that is tried behind the one it starts with.
        """
        for baud in dict.fromkeys((START_BAUD, self._settings.baud)):
            self.close()
            self._link = BoardLink(self._port.device, baud)
            try:
                return Session(self._link).open(deadline.sooner(_HELLO_SECONDS))
            except LinkTimeout:
                if deadline.expired:
                    raise
        self.close()
        return None

    def _refuse_other_board(self, hello: HelloReply | None) -> None:
        if hello is not None and hello.board != self._board:
            self.close()
            raise BrokenSetup(
                "another board answers; it is left as it is",
                where=str(self._port),
                found=f"{hello.board or 'no name'}, build {hello.build_id or 'none'}",
                allowed=self._board,
                remedy="correct the [link] table or firmware.board of the profile; "
                "'hil devices probe' shows what answers where",
            )

    def _is_right_build(self, hello: HelloReply) -> bool:
        return self._build_id is None or hello.build_id == self._build_id

    def _bring_up(self, hello: HelloReply | None, deadline: Deadline) -> None:
        """Flash a board that is silent or runs another build."""
        self.close()  # the tool may need the port
        if self._image is None or self.profile.flash is None:
            raise self._cannot_be_flashed(hello)
        self._refuse_unnamed(hello)
        argv = flash(self.profile.flash, self._image.path, deadline, port=self._port)
        self._steps["flashed"] = " ".join(argv)
        if self.profile.reset is not None:
            self._restart(self.profile.reset, deadline)
        answer, problem = self._awaited(deadline.sooner(_RETURN_SECONDS))
        if answer is None or not self._is_right_build(answer):
            self.close()
            raise self._not_returned(answer, problem) from problem

    def _restart(self, settings: CommandSettings, deadline: Deadline) -> None:
        self.close()
        self._steps["reset"] = reset(settings, self._port, deadline)

    def _awaited(
        self, within: Deadline
    ) -> tuple[HelloReply | None, TargetError | None]:
        """Wait until the right build answers; the port may come back by another name.

        Returns the last answer, if there was one, and the last problem. Another board's
        answer ends the wait with BrokenSetup. Another build's may be the one from
        before the restart, which is asked again for a moment.
        """
        hello: HelloReply | None = None
        problem: TargetError | None = None
        while not within.expired:
            try:
                self._port = find_port(self._settings, self._attached)
                hello = self._asked(within)
            except (BrokenSetup, LinkClosed, LinkTimeout) as exc:
                problem = exc  # gone, or not yet ours: udev sets the permissions late
            else:
                self._refuse_other_board(hello)
                if hello is not None and self._is_right_build(hello):
                    break
                if hello is not None:
                    within = within.sooner(_STALE_SECONDS)
            time.sleep(min(_POLL_SECONDS, within.remaining))
        self._steps["port"] = str(self._port)
        return hello, problem

    def _not_returned(
        self, hello: HelloReply | None, problem: TargetError | None
    ) -> TargetError:
        if hello is not None:
            return BrokenSetup(
                "the board was flashed, but another build answers",
                where=str(self._port),
                found=hello.build_id or "a build without a name",
                allowed=self._build_id,
                remedy="a flash tool that verifies, and a [reset] behind it",
            )
        return LinkTimeout(
            "the board was flashed and does not answer",
            where=str(self._port),
            found=problem.what if problem else None,
            remedy="check that the image is for this board and this serial port",
        )

    def _refuse_unnamed(self, hello: HelloReply | None) -> None:
        if hello is None and not (self._settings.usb_serial or self._settings.location):
            serial, location = self._port.usb_serial, self._port.location
            line = f'link.usb_serial = "{serial}"' if serial else "link.usb_serial"
            raise BrokenSetup(
                "nothing answers, and the profile does not say which individual board "
                "may be flashed",
                where=str(self._port),
                allowed=f"link.usb_serial or link.location ({location or 'none here'})",
                remedy=f"if this is the board, add {line} to its profile",
            )

    def _cannot_be_flashed(self, hello: HelloReply | None) -> TargetError:
        remedy = (
            "hil firmware flash, or give the profile [flash], firmware.image and "
            "firmware.build_id"
        )
        if hello is None:
            return LinkTimeout(
                "the board does not answer", where=str(self._port), remedy=remedy
            )
        return BrokenSetup(
            "the board runs another build, and the profile does not say how to flash",
            where=str(self._port),
            found=hello.build_id or "a build without a name",
            allowed=self._build_id,
            remedy=remedy,
        )

    def _negotiate(self, link: BoardLink, deadline: Deadline) -> None:
        """Raise the rate to the profile's, or to the next one that works."""
        session = Session(link)
        most = session.open(deadline).max_baud or self._settings.baud
        refused = []
        for baud in _rates(min(self._settings.baud, most), link.baud):
            problem = _switch(session, link, baud, deadline)
            if problem is None:
                break
            refused.append(f"{baud} baud: {problem}")
        self._steps["baud"] = link.baud
        if refused:
            self._steps["baud_refused"] = refused


class BoardLink(SerialLink):
    """A serial port that is opened once, for opening it restarts many boards (DTR)."""

    def __init__(self, port: str, baud: int) -> None:
        """Take the path and the rate to begin with."""
        super().__init__(port, baud)
        self._is_open = False

    def open(self, deadline: Deadline) -> None:
        """Open and lock the port unless it is open; see SerialLink."""
        if not self._is_open:
            super().open(deadline)
            self._is_open = True

    def close(self) -> None:
        """Close and unlock the port."""
        self._is_open = False
        super().close()


def _tries(within: Deadline) -> Iterator[bool]:
    """Yield until *within* is over, a moment apart; True the last time."""
    while not within.expired:
        yield False
        time.sleep(min(_POLL_SECONDS, within.remaining))
    yield True


def _rates(wanted: int, current: int) -> list[int]:
    """Return the rates to try in turn, from *wanted* down to above *current*."""
    if wanted == current:
        return []
    return [wanted, *(baud for baud in _LOWER_BAUDS if current < baud < wanted)]


def _switch(
    session: Session, link: BoardLink, baud: int, deadline: Deadline
) -> str | None:
    """Switch both ends to *baud*; return why that did not work, or None."""
    before = link.baud
    try:
        used = session.set_baud(baud, deadline)
    except FirmwareFault as exc:
        return exc.what
    except BrokenSetup as exc:  # the device has switched, and goes back by itself
        session.hello(deadline.sooner(_SETTLE_SECONDS))
        return exc.what
    return None if used != before else f"no echo, so {used} was kept"


def expected_board(profile: DeviceProfile) -> str:
    """Return the name by which the board of *profile* answers HELLO."""
    firmware = profile.firmware
    return firmware.board or firmware.template or profile.name


def ask_port(
    port: PortIdentity, bauds: Sequence[int], deadline: Deadline
) -> HelloReply | None:
    """Ask whatever is on *port* what it is, and change nothing.

    Returns None where nothing answers HELLO at any of *bauds*. Raises BrokenSetup where
    the port cannot be opened and other TargetErrors for answers that make no sense.
    """
    for baud in dict.fromkeys(bauds):
        link = BoardLink(port.device, baud)
        try:
            return Session(link).open(deadline.sooner(_HELLO_SECONDS))
        except LinkTimeout:
            continue
        finally:
            link.close()
    return None
