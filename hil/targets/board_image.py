"""The firmware of a job: the image that its model is compiled into, for a board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.firmware.build import build, check_fits, request_settings
from hil.firmware.flash import FlashImage
from hil.firmware.render import FirmwareRequest
from hil.models.facts import read_model

if TYPE_CHECKING:
    from pathlib import Path

    from hil.vocab import Deadline, DeviceProfile, Job


class JobImages:
    """Builds an image for each model, and remembers the last one."""

    def __init__(self, profile: DeviceProfile, *, cache: Path | None = None) -> None:
        """Take a profile with a template, and the *cache* if not the usual one."""
        self._profile = profile
        self._cache = cache
        self._last: tuple[str, FlashImage] | None = None

    def __call__(self, job: Job, deadline: Deadline) -> FlashImage:
        """Return the image of *job*; DoesNotFit before anything is flashed."""
        if self._last is None or self._last[0] != job.model.sha256:
            self._last = (job.model.sha256, self._built(job, deadline))
        return self._last[1]

    def _built(self, job: Job, deadline: Deadline) -> FlashImage:
        template = self._profile.firmware.template
        assert template is not None
        request = FirmwareRequest(
            board=template,
            model=read_model(job.model.path),
            model_path=job.model.path,
            variant=job.model.variant,
            settings=request_settings(self._profile),
            cpu_flags=self._profile.firmware.cpu_flags,
        )
        image = build(request, deadline, cache=self._cache)
        check_fits(image, self._profile)
        return FlashImage(
            path=image.elf,
            build_id=image.build_id,
            memory=image.sizes.figures(),
            evidence={
                "compiler": image.compiler,
                "compiler_flags": list(image.flags),
                "arena_lower_bound_bytes": image.arena_lower_bound_bytes,
            },
        )
