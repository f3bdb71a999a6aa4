"""Models, images and firmware that goes wrong, for boards that are processes."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.firmware.build import profile_request
from hil.firmware.render import render
from hil.profiles import find_profile
from hil.quantization.calibration import CalibrationData
from hil.quantization.quantize import quantize
from hil.quantization.recipes import RECIPES
from hil.tools import run
from hil.vocab import Job, ModelArtifact

HERE = Path(__file__).parent
INPUT_BYTES = 64
OUTPUT_BYTES = 10
_COMPILERS = {"native": "cc", "qemu-riscv32-virt": "riscv64-unknown-elf-gcc"}


@pytest.fixture
def need():
    """Skips where the tools of a board are not installed."""

    def check(board):
        tools = ["cmake", _COMPILERS.get(board, "arm-none-eabi-gcc")]
        if board != "native":
            tools.append(f"qemu-system-{'riscv32' if 'riscv' in board else 'arm'}")
        for tool in tools:
            if shutil.which(tool) is None:
                pytest.skip(f"{tool} is not installed: scripts/test installs it")

    return check


@pytest.fixture(scope="session")
def digits_int8(digits, tmp_path_factory):
    """The digits model in int8: input [1, 8, 8, 1], output [1, 10]."""
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        calibration = CalibrationData(name="calibration", x=data["x"])
    path = tmp_path_factory.mktemp("model") / "digits_int8.tflite"
    source = (digits / "digits.tflite").read_bytes()
    path.write_bytes(
        quantize(source, RECIPES["int8"], calibration, where="digits").data
    )
    return path


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def job_of():
    """Makes a job of a model's file and samples; the first sample is timed."""

    def make(profile, model, samples, *, runs=1):
        data = model.read_bytes()
        return Job(
            id="test",
            model=ModelArtifact(
                name=model.stem,
                variant="as-is",
                path=model,
                sha256=hashlib.sha256(data).hexdigest(),
                size_bytes=len(data),
                ops=(),
            ),
            device=profile,
            window=0,
            warmup=0,
            min_runs=runs,
            min_seconds=0,
            probe=samples[:1],
            samples=samples,
        )

    return make


class FaultyBoards:
    """Builds a firmware with the engine of faulty/ for a board, once for each."""

    def __init__(self, model, folder):
        self.model = model
        self._folder = folder
        self._built = {}

    def elf(self, board):
        """Return the image, which says that it is the firmware of the model."""
        if board not in self._built:
            self._built[board] = self._build(board)
        return self._built[board]

    def profile(self, board):
        """Return the board's profile with this image in the place of the model's."""
        image = f"firmware.image={str(self.elf(board))!r}"
        return find_profile(board, overrides=[image, "firmware.build_id='faulty'"])

    def _build(self, board):
        source, out = self._folder / board / "source", self._folder / board / "build"
        render(profile_request(find_profile(board), self.model), source)
        shutil.copytree(HERE / "faulty", source / "engines" / "faulty")
        data = self.model.read_bytes()
        digest = ", ".join(map(str, hashlib.sha256(data).digest()))
        (source / "faulty_model").mkdir()
        (source / "faulty_model" / "faulty_model.h").write_text(
            f"#define FAULTY_MODEL_BYTES {len(data)}\n"
            f"#define FAULTY_MODEL_SHA256 {digest}\n"
            f"#define FAULTY_INPUT_BYTES {INPUT_BYTES}\n"
            f"#define FAULTY_OUTPUT_BYTES {OUTPUT_BYTES}\n"
        )
        settings = {
            "HIL_ENGINE": "faulty",
            "HIL_MODEL_DIR": "faulty_model",
            "HIL_BUILD_ID": "faulty",
        }
        words = [f"-D{name}={value}" for name, value in settings.items()]
        configure = ["cmake", "-S", str(source), "-B", str(out), *words]
        run(configure, deadline=Deadline(60))
        run(["cmake", "--build", str(out)], deadline=Deadline(120))
        return out / "hil.elf"


@pytest.fixture(scope="session")
def faulty(digits_int8, tmp_path_factory):
    return FaultyBoards(digits_int8, tmp_path_factory.mktemp("faulty"))
