"""A board that is a process of this machine: its firmware as it is, or in QEMU."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

from hil import tools
from hil.errors import HilError, ToolMissing
from hil.links.process import ProcessLink
from hil.targets.board_image import JobImages, own_image
from hil.targets.mcu import McuTarget
from hil.targets.qemu import qemu_argv, qemu_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.firmware.flash import FlashImage
    from hil.vocab import Deadline, DeviceProfile, Evidence, Job, Link, Measurement

_START_SECONDS = 30.0


class HostedTarget:
    """Builds a model into an image, runs it as a child and talks to it as to a board.

    The child's standard input and output are the line. Each image has a process of its
    own, and so has each job after one that failed: a board in a known state. An image
    that the profile names is run as it is, for every job.
    """

    def __init__(
        self,
        profile: DeviceProfile,
        *,
        log_path: Path,
        cache: Path | None = None,
        wrap: Callable[[Link], Link] = lambda link: link,
    ) -> None:
        """Take where the child's messages go, and the *cache* if not the usual one.

        *wrap* puts another link around that to the child, such as one that records.
        """
        self.profile = profile
        self._log_path = log_path
        self._wrap = wrap
        self._images = JobImages(profile, cache=cache)
        self._own_image = own_image(profile)
        self._evidence: Evidence = {}
        self._image: FlashImage | None = None
        self._board: McuTarget | None = None

    def open(self, deadline: Deadline) -> None:
        """Look for QEMU, where it is needed; ToolMissing without it."""
        self.close()
        if self.profile.qemu is not None:
            self._evidence = _qemu_evidence(self.profile, deadline)

    def prepare(self, job: Job, deadline: Deadline) -> None:
        """Build and start the image of *job*, unless it runs already.

        Raises DoesNotFit before anything runs, ToolMissing without a compiler,
        DeviceCrashed or LinkTimeout where the firmware does not answer HELLO.
        """
        image = self._own_image or self._images(job, deadline)
        if self._board is not None and self._image == image:
            return
        self._stop()
        link = ProcessLink(self._argv(image), log_path=self._log_path)
        self._board = McuTarget(self.profile, self._wrap(link))
        self._image = image
        try:
            self._board.open(deadline.sooner(_START_SECONDS))
        except HilError:
            self._stop()
            raise

    @property
    def target(self) -> McuTarget:
        """What talks to the firmware, once a job is prepared."""
        assert self._board is not None
        return self._board

    def measure(self, job: Job, deadline: Deadline) -> Measurement:
        """Run *job*; DeviceCrashed where the process ended meanwhile."""
        self.prepare(job, deadline)
        assert self._image is not None
        try:
            seen = self.target.measure(job, deadline)
        except HilError:
            self._stop()
            raise
        return dataclasses.replace(
            seen,
            memory={**self._image.memory, **seen.memory},
            evidence={
                **seen.evidence,
                **self._image.evidence,
                **self._evidence,
                "model_sha256": job.model.sha256,
            },
        )

    def close(self) -> None:
        """End the process."""
        self._stop()

    def _argv(self, image: FlashImage) -> list[str]:
        if self.profile.qemu is None:
            return [*_ends_with_us(), str(image.path)]
        return [*_ends_with_us(), *qemu_argv(self.profile, image.path)]

    def _stop(self) -> None:
        if self._board is not None:
            self._board.close()
        self._board = None
        self._image = None


def _ends_with_us() -> list[str]:
    """Return the words before a command that let the kernel end it with its parent.

    Firmware reads the end of its line and ends by itself, unless it hangs. To the
    kernel the parent is the thread that starts the child: it must live on.
    """
    if shutil.which("setpriv") is None:
        return []
    return ["setpriv", "--pdeathsig", "KILL", "--"]


def _qemu_evidence(profile: DeviceProfile, deadline: Deadline) -> Evidence:
    program = qemu_program(profile)
    if shutil.which(program) is None:
        raise ToolMissing((program,), remedy=tools.install_hint(program))
    output = tools.run((program, "--version"), deadline=deadline)
    assert profile.qemu is not None
    return {
        "qemu": output.stdout.decode(errors="replace").partition("\n")[0],
        "machine": profile.qemu.machine,
        "icount_shift": profile.qemu.icount_shift,
    }
