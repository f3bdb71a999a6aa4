"""The firmware of a job: the image that its model is compiled into, for a board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.firmware.build import FirmwareImage, build, check_fits, profile_request
from hil.firmware.flash import FlashImage

if TYPE_CHECKING:
    from pathlib import Path

    from hil.vocab import Deadline, DeviceProfile, Evidence, Job


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
            request = profile_request(
                self._profile, job.model.path, variant=job.model.variant
            )
            image = build(request, deadline, cache=self._cache)
            check_fits(image, self._profile)
            self._last = (job.model.sha256, flash_image(image))
        return self._last[1]


def flash_image(image: FirmwareImage) -> FlashImage:
    """Return what a flash tool and the records need of *image*."""
    evidence: Evidence = {
        "compiler": image.compiler,
        "compiler_flags": list(image.flags),
        **image.engine_evidence,
    }
    if image.arena_lower_bound_bytes is not None:
        evidence = {
            **evidence,
            "arena_lower_bound_bytes": image.arena_lower_bound_bytes,
        }
    return FlashImage(
        path=image.elf,
        build_id=image.build_id,
        memory=image.sizes.figures(),
        evidence=evidence,
    )


def own_image(profile: DeviceProfile) -> FlashImage | None:
    """Return the image that *profile* itself names, if it names one."""
    firmware = profile.firmware
    if firmware.image is None or firmware.build_id is None:
        return None
    return FlashImage(path=firmware.image, build_id=firmware.build_id)
