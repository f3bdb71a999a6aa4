"""The C firmware behind a pty as a real board: built, flashed, restarted, measured."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from hil.bench.jobs import plan_jobs
from hil.bench.judge import Judge
from hil.bench.plan import Measure, PlannedModel
from hil.bench.qualify import Outcome, Subject, qualify
from hil.bench.variants import build_variants
from hil.deadline import Deadline
from hil.errors import DoesNotFit
from hil.links.serial_identity import PortIdentity
from hil.profiles import read_profile
from hil.results.run_folder import RunFolder
from hil.targets.board import BoardTarget
from hil.targets.board_image import JobImages
from hil.tools import Child
from hil.vocab import RunStatus

PROFILE = """
name = "desk-board"
kind = "mcu"
arch = "host"
core = "host CPU"
ram_bytes = {ram_bytes}
flash_bytes = 4194304
time_basis = "host_clock"
[link]
usb_serial = "A1"
baud = 3000000
[firmware]
template = "native"
engine = "compiled"
[flash]
tool = "{folder}/flash"
arguments = ["{{image}}"]
[reset]
tool = "{folder}/reset"
"""

pytestmark = pytest.mark.skipif(
    not (shutil.which("cc") and shutil.which("cmake")), reason="no C compiler or CMake"
)


class Desk:
    """A port on which runs what was flashed last, under a new name after each reset."""

    def __init__(self, folder):
        self.folder = folder
        self.flashed = folder / "flashed.elf"
        self.resets = folder / "resets"
        self.options = []
        self._seen = 0
        self._child = None
        self._path = None
        self._script("flash", f'cp --remove-destination "$1" {self.flashed}')
        self._script("reset", f"echo reset >> {self.resets}")

    def _script(self, name, text):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    @property
    def reset_count(self):
        return len(self.resets.read_text().splitlines()) if self.resets.exists() else 0

    def attached(self):
        if self._child is None or self._seen != self.reset_count:
            self._seen = self.reset_count
            self.start()
        return [PortIdentity(device=self._path, usb_serial="A1")]

    def start(self):
        self.close()
        argv = [str(self.flashed), "--pty", "--watch-stdin", *self.options]
        self._child = Child(argv)
        self._path = self._child.read_line(Deadline(10))

    def close(self):
        if self._child is not None:
            self._child.stop()
            self._child = None

    def profile(self, ram_bytes=4194304):
        path = self.folder / "desk-board.toml"
        path.write_text(PROFILE.format(folder=self.folder, ram_bytes=ram_bytes))
        return read_profile(path)


@pytest.fixture(scope="module")
def variants(digits, tmp_path_factory):
    planned = PlannedModel(
        path=digits / "digits.tflite",
        dataset=digits / "digits_test.npz",
        calibration=digits / "digits_calibration.npz",
        metric="top1",
        variants=("as-is", "int8"),
    )
    folder = RunFolder.create(tmp_path_factory.mktemp("runs"), "t")
    built = build_variants(planned, folder, samples=20)
    return {variant.artifact.variant: variant for variant in built}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def desk(tmp_path, variants, cache):
    """A desk whose board runs the float model's firmware."""
    made = Desk(tmp_path)
    image = JobImages(made.profile(), cache=cache)(
        job_of(made.profile(), variants["as-is"]), Deadline(120)
    )
    shutil.copy(image.path, made.flashed)
    yield made
    made.close()


def job_of(profile, variant):
    measure = Measure(warmup=1, min_runs=3, min_seconds=0, windows=1)
    return next(plan_jobs([variant], [profile], measure))[1]


def test_each_models_firmware_is_flashed_and_answers_as_the_host(desk, variants, cache):
    profile = desk.profile()
    images = JobImages(profile, cache=cache)
    target = BoardTarget(profile, image_for=images, attached=desk.attached)
    target.open(Deadline(20))
    assert desk.reset_count == 0
    for variant, resets in (("as-is", 0), ("int8", 1), ("int8", 1)):
        job = job_of(profile, variants[variant])
        seen = target.measure(job, Deadline(120))
        assert desk.reset_count == resets
        assert seen.evidence["board"] == "desk-board"
        assert seen.evidence["baud"] == 3_000_000
        assert seen.memory["flash_bytes"] > variants[variant].artifact.size_bytes / 2
        verdict = Judge().judge(job, variants[variant], seen)
        assert verdict.status is RunStatus.OK
        if variant == "int8":
            assert verdict.agreement.identical == verdict.agreement.n == 20
    target.close()


def test_a_line_that_damages_high_rates_is_used_at_the_next_lower_one(
    desk, variants, cache
):
    desk.options = ["--line-limit", "1000000"]
    profile = desk.profile()
    images = JobImages(profile, cache=cache)
    target = BoardTarget(profile, image_for=images, attached=desk.attached)
    target.open(Deadline(20))
    seen = target.measure(job_of(profile, variants["as-is"]), Deadline(60))
    assert seen.evidence["baud"] == 921_600
    assert seen.evidence["baud_refused"] == [
        "3000000 baud: no echo, so 115200 was kept"
    ]
    target.close()


def test_a_rate_that_an_earlier_host_left_is_found(desk, variants, cache):
    profile = desk.profile()
    images = JobImages(profile, cache=cache)
    for _ in range(2):
        target = BoardTarget(profile, image_for=images, attached=desk.attached)
        target.open(Deadline(20))
        target.prepare(job_of(profile, variants["as-is"]), Deadline(60))
        assert target.target.session.device.baud == 3_000_000
        target.close()
    assert desk.reset_count == 0


def test_a_model_too_large_for_the_board_is_told_before_flashing(desk, variants, cache):
    profile = desk.profile(ram_bytes=20_000)
    images = JobImages(profile, cache=cache)
    target = BoardTarget(profile, image_for=images, attached=desk.attached)
    target.open(Deadline(20))
    before = desk.flashed.read_bytes()
    with pytest.raises(DoesNotFit, match="RAM"):
        target.measure(job_of(profile, variants["int8"]), Deadline(60))
    assert desk.flashed.read_bytes() == before
    target.close()


def test_the_firmware_qualifies(desk, variants, cache):
    profile = desk.profile()
    variant = variants["as-is"]
    images = JobImages(profile, cache=cache)
    target = BoardTarget(profile, image_for=images, attached=desk.attached)
    target.open(Deadline(20))
    job = job_of(profile, variant)
    target.prepare(job, Deadline(60))
    expected = Judge()._reference("litert-ref", variant, "samples", job.samples)
    subject = Subject(
        model=variant.data,
        probe=job.probe,
        samples=job.samples,
        expected=np.asarray(expected),
        reference="litert-ref",
    )
    items = qualify(target.target.session, subject, Deadline(60), seconds=0.5)
    outcomes = {item.name: item.outcome for item in items}
    for name in ("link errors", "timer monotonic", "timer resolution", "parity"):
        assert outcomes[name] is Outcome.PASSED
    target.close()
