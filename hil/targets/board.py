"""A real board on a serial port as a target: reached, and flashed for each model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from hil.links.serial_identity import attached_ports
from hil.targets.attached_board import AttachedBoard
from hil.targets.board_image import own_image
from hil.targets.mcu import McuTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.firmware.flash import FlashImage
    from hil.links.serial_identity import PortIdentity
    from hil.vocab import Deadline, DeviceProfile, Job, Link, Measurement


class BoardTarget:
    """Brings one board to the point where it is a McuTarget, and keeps how it did."""

    def __init__(
        self,
        profile: DeviceProfile,
        *,
        image_for: Callable[[Job, Deadline], FlashImage] | None = None,
        attached: Callable[[], Sequence[PortIdentity]] = attached_ports,
        wrap: Callable[[Link], Link] = lambda link: link,
    ) -> None:
        """Take the profile; *image_for* builds the firmware of a job.

        Without it the profile's own image and build id hold for every job. *wrap* puts
        another link around the port once the board is reached.
        """
        self.profile = profile
        self.board = AttachedBoard(profile, attached=attached)
        self._image_for = image_for
        self._wrap = wrap
        self._image = own_image(profile)
        self._target: McuTarget | None = None

    def open(self, deadline: Deadline) -> None:
        """Find the board, flash it where another build answers, raise the baud rate.

        Where firmware is built for jobs, the port is found and the rest waits for the
        first job. Raises what AttachedBoard's `find` and `reach` do.
        """
        self.close()
        self.board.find(deadline)
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
        if self._target is None or image != self._image:
            self._image = image
            self._reach(deadline)

    def measure(self, job: Job, deadline: Deadline) -> Measurement:
        """Run *job*, on a firmware of its own where firmware is built for jobs."""
        self.prepare(job, deadline)
        measured = self.target.measure(job, deadline)
        memory: Mapping[str, int] = {}
        evidence = {**measured.evidence, **self.board.steps}
        if self._image is not None:
            memory = self._image.memory
            evidence |= self._image.evidence
        return dataclasses.replace(
            measured, memory={**memory, **measured.memory}, evidence=evidence
        )

    def close(self) -> None:
        """Close the port; the board keeps its firmware and its rate."""
        self._target = None
        self.board.close()

    def _reach(self, deadline: Deadline) -> None:
        """Let the right build answer at the best rate."""
        self.close()
        self.board.reach(self._image, deadline)
        self.board.raise_baud(deadline)
        target = McuTarget(self.profile, self._wrap(self.board.link))
        target.open(deadline)
        self._target = target
