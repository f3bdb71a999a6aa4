"""A real board on a serial port: found, recognized and flashed where needed.

What answers must be the expected board. A board that answers another name is never
flashed; one that does not answer at all is flashed only where the profile names the
individual by its USB serial number or location, for then nothing else says what it is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from hil.errors import BrokenSetup, FirmwareFault, LinkClosed, LinkTimeout, TargetError
from hil.firmware.build import board_name
from hil.firmware.flash import flash
from hil.firmware.reset import power_on, reset
from hil.links.serial_identity import PortIdentity, attached_ports, find_port
from hil.links.serial_port import SerialLink
from hil.session.session import Session
from hil.vocab import SerialSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hil.firmware.flash import FlashImage
    from hil.vocab import CommandSettings, Deadline, DeviceProfile
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


class AttachedBoard:
    """One board, the way to it, and what was done to bring it to the right build."""

    def __init__(
        self,
        profile: DeviceProfile,
        *,
        attached: Callable[[], Sequence[PortIdentity]] = attached_ports,
    ) -> None:
        """Take the profile of a board on a serial port."""
        assert isinstance(profile.link, SerialSettings)
        self._profile = profile
        self._settings = profile.link
        self._attached = attached
        self._board = board_name(profile)
        self._image: FlashImage | None = None
        self._build_id: str | None = None
        self._link: BoardLink | None = None
        self.port = PortIdentity(device="")
        self.steps: dict[str, object] = {}

    @property
    def link(self) -> BoardLink:
        """The open port, once the board was reached."""
        assert self._link is not None
        return self._link

    def close(self) -> None:
        """Close the port; the board keeps its firmware and its rate."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def find(self, deadline: Deadline) -> None:
        """Switch the power on, where the profile says how, and find the port.

        A board that was just given power appears a moment later. Raises BrokenSetup
        where the port is not found.
        """
        self.steps = {}
        within = deadline.sooner(0.0)
        if self._profile.power is not None:
            self.steps["power"] = power_on(self._profile.power, None, deadline)
            within = deadline.sooner(_APPEAR_SECONDS)
        for last_try in _tries(within):
            try:
                self.port = find_port(self._settings, self._attached)
                break
            except BrokenSetup:
                if last_try:
                    raise
        self.steps["port"] = str(self.port)

    def reach(
        self,
        image: FlashImage | None,
        deadline: Deadline,
        *,
        flash_anyway: bool = False,
    ) -> HelloReply:
        """Let the board answer HELLO with the build of *image*, flashed if need be.

        Without *image* the profile's build id holds, or any build. With *flash_anyway*
        the right build is flashed as well. Raises BrokenSetup where another board
        answers or this one cannot be flashed; ToolError where flashing fails;
        LinkTimeout where nothing answers.
        """
        self._image = image
        self._build_id = image.build_id if image else self._profile.firmware.build_id
        self.close()
        hello = self._asked(deadline)
        self._refuse_other_board(hello)
        if hello is None and self._profile.reset is not None:
            # A firmware that hangs needs no flashing.
            self._restart(self._profile.reset, deadline)
            hello, _ = self._awaited(deadline.sooner(_WAKE_SECONDS))
        if hello is None or flash_anyway or not self._is_right_build(hello):
            hello = self._bring_up(hello, deadline)
        return hello

    def raise_baud(self, deadline: Deadline) -> None:
        """Raise the rate to the profile's, or to the next one that works."""
        link = self.link
        session = Session(link)
        most = session.open(deadline).max_baud or self._settings.baud
        refused = []
        for baud in _rates(min(self._settings.baud, most), link.baud):
            problem = _switch(session, link, baud, deadline)
            if problem is None:
                break
            refused.append(f"{baud} baud: {problem}")
        self.steps["baud"] = link.baud
        if refused:
            self.steps["baud_refused"] = refused

    def _asked(self, deadline: Deadline) -> HelloReply | None:
        """Return what answers HELLO at one of the rates, or None where nothing does.

        The link stays open where something answers. An earlier host may have left the
        board at the profile's rate, so that is tried behind the one it starts with.
        """
        for baud in dict.fromkeys((START_BAUD, self._settings.baud)):
            self.close()
            self._link = BoardLink(self.port.device, baud)
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
                where=str(self.port),
                found=f"{hello.board or 'no name'}, build {hello.build_id or 'none'}",
                allowed=self._board,
                remedy="correct the [link] table or firmware.board of the profile; "
                "'hil devices probe' shows what answers where",
            )

    def _is_right_build(self, hello: HelloReply) -> bool:
        return self._build_id is None or hello.build_id == self._build_id

    def _bring_up(self, hello: HelloReply | None, deadline: Deadline) -> HelloReply:
        """Flash the board, and return what it answers then."""
        self.close()  # the tool may need the port
        if self._image is None or self._profile.flash is None:
            raise self._cannot_be_flashed(hello)
        self._refuse_unnamed(hello)
        argv = flash(self._profile.flash, self._image.path, deadline, port=self.port)
        self.steps["flashed"] = " ".join(argv)
        if self._profile.reset is not None:
            self._restart(self._profile.reset, deadline)
        answer, problem = self._awaited(deadline.sooner(_RETURN_SECONDS))
        if answer is None or not self._is_right_build(answer):
            self.close()
            raise self._not_returned(answer, problem) from problem
        return answer

    def _restart(self, settings: CommandSettings, deadline: Deadline) -> None:
        self.close()
        self.steps["reset"] = reset(settings, self.port, deadline)

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
                self.port = find_port(self._settings, self._attached)
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
        self.steps["port"] = str(self.port)
        return hello, problem

    def _not_returned(
        self, hello: HelloReply | None, problem: TargetError | None
    ) -> TargetError:
        if hello is not None:
            return BrokenSetup(
                "the board was flashed, but another build answers",
                where=str(self.port),
                found=hello.build_id or "a build without a name",
                allowed=self._build_id,
                remedy="a flash tool that verifies, and a [reset] behind it",
            )
        return LinkTimeout(
            "the board was flashed and does not answer",
            where=str(self.port),
            found=problem.what if problem else None,
            remedy="check that the image is for this board and this serial port",
        )

    def _refuse_unnamed(self, hello: HelloReply | None) -> None:
        if hello is None and not (self._settings.usb_serial or self._settings.location):
            serial, location = self.port.usb_serial, self.port.location
            line = f'link.usb_serial = "{serial}"' if serial else "link.usb_serial"
            raise BrokenSetup(
                "nothing answers, and the profile does not say which individual board "
                "may be flashed",
                where=str(self.port),
                allowed=f"link.usb_serial or link.location ({location or 'none here'})",
                remedy=f"if this is the board, add {line} to its profile",
            )

    def _cannot_be_flashed(self, hello: HelloReply | None) -> TargetError:
        remedy = (
            "give the profile a table [flash]"
            if self._profile.flash is None
            else f"hil firmware flash --profile {self._profile.name} --model MODEL"
        )
        if hello is None:
            return LinkTimeout(
                "the board does not answer", where=str(self.port), remedy=remedy
            )
        return BrokenSetup(
            "the board runs another build, and there is no image or no way to flash",
            where=str(self.port),
            found=hello.build_id or "a build without a name",
            allowed=self._build_id,
            remedy=remedy,
        )


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
