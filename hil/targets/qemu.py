"""A board that QEMU emulates: an image for each model, one QEMU for each image."""

from __future__ import annotations

import dataclasses
import re
import shutil
from typing import TYPE_CHECKING

from hil import tools
from hil.errors import (
    DeviceCrashed,
    HilError,
    LinkClosed,
    LinkTimeout,
    ToolMissing,
)
from hil.firmware.build import FirmwareImage, build, check_fits, request_settings
from hil.firmware.render import FirmwareRequest
from hil.links.serial_port import SerialLink
from hil.models.facts import read_model
from hil.targets.mcu import McuTarget
from hil.tools import Child

if TYPE_CHECKING:
    from pathlib import Path

    from hil.vocab import Deadline, DeviceProfile, Evidence, Job, Measurement

_START_SECONDS = 30.0
_REAP_SECONDS = 1.0  # from the end of the link to QEMU's exit status
_TAIL_CHARACTERS = 1000
_POLL_SECONDS = 0.01
_WAITS_AT = re.compile(r":tcp:127\.0\.0\.1:(\d+),server=on")
_LOCKED_UP = 134  # SIGABRT, passed on by the shell
_FAULTED = 70  # HIL_FAULT_STATUS in firmware_templates/common/hil_fault.h

# QEMU has no way to end with its parent. The shell ends it when our end of its standard
# input is closed, by us or by our death, and passes its exit status on.
_WATCHED = """\
exec 3<&0
"$@" 3<&- </dev/null & qemu=$!
{ cat <&3 >/dev/null; kill -9 $qemu; } 2>/dev/null & watcher=$!
exec 3<&-
wait $qemu; status=$?
kill $watcher 2>/dev/null
exit $status"""


class QemuTarget:
    """Builds a model into an image, lets QEMU run it and talks to it as to a board."""

    def __init__(
        self, profile: DeviceProfile, *, log_path: Path, cache: Path | None = None
    ) -> None:
        """Take where QEMU's messages go, and the *cache* of images if not the usual."""
        self.profile = profile
        self._log_path = log_path
        self._cache = cache
        self._version = ""
        self._image: FirmwareImage | None = None
        self._child: Child | None = None
        self._board: McuTarget | None = None

    def open(self, deadline: Deadline) -> None:
        """Look for QEMU; it is started by the first job. ToolMissing without it."""
        self.close()
        program = _program(self.profile)
        if shutil.which(program) is None:
            raise ToolMissing((program,), remedy=_remedy(program))
        output = tools.run((program, "--version"), deadline=deadline)
        self._version = output.stdout.decode(errors="replace").partition("\n")[0]

    def measure(self, job: Job, deadline: Deadline) -> Measurement:
        """Run *job* on the image of its model, started anew where it is another one.

        Raises DoesNotFit before anything runs, and DeviceCrashed where QEMU ended.
        """
        if self._image is None or self._image.model_sha256 != job.model.sha256:
            self.close()
            self._image = self._build(job, deadline)
        if self._board is None:
            self._start(self._image, deadline)
        assert self._board is not None
        try:
            seen = self._board.measure(job, deadline)
        except (LinkClosed, LinkTimeout) as exc:
            crash = self._crash("the emulated board died while it worked", deadline)
            self._stop()
            raise crash or exc from exc
        except HilError:
            self._stop()  # the next job gets a board in a known state
            raise
        return dataclasses.replace(
            seen,
            memory={**self._image.sizes.figures(), **seen.memory},
            evidence={**seen.evidence, **self._evidence(self._image)},
        )

    def close(self) -> None:
        """End QEMU and forget the image."""
        self._stop()
        self._image = None

    def _build(self, job: Job, deadline: Deadline) -> FirmwareImage:
        profile = self.profile
        assert profile.firmware.template is not None
        request = FirmwareRequest(
            board=profile.firmware.template,
            model=read_model(job.model.path),
            model_path=job.model.path,
            variant=job.model.variant,
            settings=request_settings(profile),
            cpu_flags=profile.firmware.cpu_flags,
        )
        image = build(request, deadline, cache=self._cache)
        check_fits(image, profile)
        return image

    def _start(self, image: FirmwareImage, deadline: Deadline) -> None:
        argv = ["sh", "-c", _WATCHED, "qemu", *qemu_argv(self.profile, image.elf)]
        begin = len(self._log())
        self._child = Child(argv, stderr=self._log_path)
        try:
            port = self._port(begin, deadline.sooner(_START_SECONDS))
            link = SerialLink(f"socket://127.0.0.1:{port}")
            self._board = McuTarget(self.profile, link)
            self._board.open(deadline)
        except HilError as exc:
            crash = self._crash("the emulated board does not start", deadline)
            self._stop()
            raise crash or exc from exc

    def _port(self, begin: int, deadline: Deadline) -> int:
        """Return the port that QEMU chose; it waits for us before it runs anything."""
        assert self._child is not None
        while self._child.exit_code is None and not deadline.expired:
            found = _WAITS_AT.search(self._log()[begin:])
            if found:
                return int(found.group(1))
            self._child.wait(deadline.sooner(_POLL_SECONDS))
        raise LinkTimeout("QEMU offers no serial port", where=str(self._log_path))

    def _log(self) -> str:
        try:
            return self._log_path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _crash(self, what: str, deadline: Deadline) -> DeviceCrashed | None:
        """Return the error that tells how QEMU ended, or None while it runs."""
        assert self._child is not None
        code = self._child.wait(deadline.sooner(_REAP_SECONDS))
        if code is None:
            return None
        tail = self._log()[-_TAIL_CHARACTERS:].strip()
        return DeviceCrashed(
            what,
            where=f"{self.profile.name}, log in {self._log_path}",
            found=f"QEMU ended with status {code} ({_meaning(code)}); {tail}",
        )

    def _stop(self) -> None:
        if self._board is not None:
            self._board.close()
            self._board = None
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _evidence(self, image: FirmwareImage) -> Evidence:
        assert self.profile.qemu is not None
        return {
            "qemu": self._version,
            "machine": self.profile.qemu.machine,
            "icount_shift": self.profile.qemu.icount_shift,
            "compiler": image.compiler,
            "compiler_flags": list(image.flags),
            "image_build_id": image.build_id,
            "model_sha256": image.model_sha256,
            "arena_lower_bound_bytes": image.arena_lower_bound_bytes,
        }


def qemu_argv(profile: DeviceProfile, elf: Path) -> list[str]:
    """Return the command that runs *elf*, with its serial line on a port of TCP."""
    assert profile.qemu is not None
    end = (
        ["-bios", "none"]
        if _is_riscv(profile)
        else ["-semihosting-config", "enable=on,target=native"]
    )
    return [
        _program(profile),
        *("-M", profile.qemu.machine),
        *("-icount", f"shift={profile.qemu.icount_shift}"),
        *("-monitor", "none", "-display", "none", "-nic", "none"),
        *(("-serial", "null") * profile.qemu.serial),
        *("-serial", "tcp:127.0.0.1:0,server=on,wait=on,nodelay=on"),
        *end,
        *("-kernel", str(elf)),
    ]


def _meaning(code: int) -> str:
    meanings = {
        _LOCKED_UP: "the core locked up: a fault inside of the fault handler",
        _FAULTED: "the firmware told a fault",
    }
    return meanings.get(code, "the firmware ended, or QEMU did not start")


def _is_riscv(profile: DeviceProfile) -> bool:
    return profile.arch.startswith("rv32")


def _program(profile: DeviceProfile) -> str:
    return "qemu-system-riscv32" if _is_riscv(profile) else "qemu-system-arm"


def _remedy(program: str) -> str:
    package = "qemu-system-misc" if "riscv" in program else program
    return f"apt-get install {package}"
