"""How much of a serial line's rate the dialogue with a device makes use of.

A byte takes 10 bit times, in both directions. The share is that of the host's bytes on
the wire, from the first one to the last answer; what the device computes is not taken
off, since it computes while the line brings what is next.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.firmware.build import build
from hil.firmware.render import FirmwareRequest
from hil.links.serial_port import SerialLink
from hil.profiles import find_profile
from hil.session.session import Session
from hil.targets.emulated import emulator_argv
from hil.tools import Child, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hil.vocab import Deadline as Moment

_ROOT = Path(__file__).resolve().parent.parent
_TEMPLATES = _ROOT / "firmware_templates"
_LEAST_SHARE = 0.95
_LINE_SECONDS = 2.0  # so long that the last answer is a small part
_BITS_PER_BYTE = 10
_DEADLINE_SECONDS = 120
_BAUDS = (115_200, 921_600, 3_000_000)
# Buffers of firmware_templates/boards: native and QEMU's boards, stm32f4.
_BUFFERS = ((16384, 8192), (8192, 2048))


class CountedLink(SerialLink):
    """A serial link that counts what is sent."""

    sent_bytes = 0

    def write(self, data: bytes, deadline: Moment) -> None:
        super().write(data, deadline)
        self.sent_bytes += len(data)


class Line:
    """A device at the end of a line of one rate."""

    def __init__(self, argv: Sequence[str], baud: int, device: str) -> None:
        self._child = Child(argv)
        self._device = device
        self._link = CountedLink(self._child.read_line(Deadline(_DEADLINE_SECONDS)))
        self.bytes_per_second = baud / _BITS_PER_BYTE
        self.session = Session(self._link)
        self.session.open(Deadline(_DEADLINE_SECONDS))

    def _now(self) -> tuple[int, float]:
        return self._link.sent_bytes, time.perf_counter()

    def _judge(
        self,
        what: str,
        data_bytes: int,
        begin: tuple[int, float],
        end: tuple[int, float],
    ) -> None:
        most = self.bytes_per_second * (end[1] - begin[1])
        share = (end[0] - begin[0]) / most
        print(
            f"\n{what} to {self._device} at {self.bytes_per_second * 10:,.0f} baud: "
            f"{share:.1%} of the line in use, by data alone {data_bytes / most:.1%}"
        )
        assert not self.session.retries
        assert share >= _LEAST_SHARE

    def upload(self, model: bytes) -> None:
        """Send a model; the time ends with the device's word that it has the last byte.

        What the device then does with it is no matter of the line.
        """
        ends: list[tuple[int, float]] = []

        def note(done: int, total: int | None) -> None:
            if done == total:
                ends.append(self._now())

        begin = self._now()
        self.session.load_model(model, Deadline(_DEADLINE_SECONDS), progress=note)
        self._judge("upload", len(model), begin, ends[0])

    def stream(self, samples: Sequence[bytes]) -> None:
        """Send a data set, over and over as long as the line is to be looked at."""
        count = int(self.bytes_per_second * _LINE_SECONDS / len(samples[0]))
        many = (list(samples) * (count // len(samples) + 1))[:count]
        begin = self._now()
        runs = list(self.session.run_samples(many, Deadline(_DEADLINE_SECONDS)))
        self._judge("data set", sum(map(len, many)), begin, self._now())
        assert len(runs) == count

    def close(self) -> None:
        self.session.close()
        self._child.stop()


@pytest.fixture
def line() -> Iterator[Callable[..., Line]]:
    lines: list[Line] = []

    def start(argv: Sequence[str], baud: int, device: str) -> Line:
        lines.append(Line(argv, baud, device))
        return lines[-1]

    yield start
    for started in lines:
        started.close()


def _paced(device: Path, baud: int, rx_buffer_bytes: int) -> list[str]:
    relay = Path(__file__).with_name("paced_line.py")
    return [sys.executable, str(relay), str(baud), str(rx_buffer_bytes), str(device)]


@pytest.fixture(scope="module", params=_BUFFERS, ids=lambda sizes: f"{sizes[0]}")
def sizes(request: pytest.FixtureRequest) -> tuple[int, int]:
    """The receive buffer and the longest frame."""
    if shutil.which("cc") is None or shutil.which("cmake") is None:
        pytest.skip("no C compiler or no CMake (apt-get install gcc cmake make)")
    sizes: tuple[int, int] = request.param
    return sizes


@pytest.fixture(scope="module")
def kws_firmware(
    sizes: tuple[int, int], shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The firmware `native` with the keyword model, built as users build it."""
    path = shared / "models/kws_ref_model.tflite"
    settings = {"RX_BUFFER_BYTES": sizes[0], "MAX_FRAME_BYTES": sizes[1]}
    request = FirmwareRequest(
        board="native", model=path.read_bytes(), model_path=path, settings=settings
    )
    cache = tmp_path_factory.mktemp("cache")
    return build(request, Deadline(_DEADLINE_SECONDS), cache=cache).elf


@pytest.fixture(scope="module")
def slot_firmware(
    sizes: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same with room for a model, and the engine of the tests, which takes any."""
    elf = tmp_path_factory.mktemp("slot") / "hil.elf"
    values = {
        "HIL_BOARD_NAME": '"native"',
        "HIL_BUILD_ID": '"benchmark"',
        "HIL_ARENA_BYTES": 4096,
        "HIL_STAGING_BYTES": 4096,
        "HIL_MODEL_SLOT_BYTES": 1 << 20,
        "HIL_RX_BUFFER_BYTES": sizes[0],
        "HIL_MAX_FRAME_BYTES": sizes[1],
        "HIL_RAM_BYTES": 1 << 22,
        "HIL_FLASH_BYTES": 1 << 22,
    }
    folders = ("common", "port", "engines", "boards/native")
    sources = [*_TEMPLATES.glob("common/*.c"), *_TEMPLATES.glob("boards/native/*.c")]
    argv = ["cc", "-std=c11", "-O2", "-o", str(elf)]
    argv += [f"-D{name}={value}" for name, value in values.items()]
    argv += [f"-I{_TEMPLATES / folder}" for folder in folders]
    argv += [str(_ROOT / "tests/firmware/fake_engine.c"), *map(str, sources)]
    run(argv, deadline=Deadline(_DEADLINE_SECONDS))
    return elf


@pytest.mark.parametrize("baud", _BAUDS)
def test_upload_to_firmware_uses_95_percent_of_the_line(
    line: Callable[..., Line], slot_firmware: Path, sizes: tuple[int, int], baud: int
) -> None:
    head = b'{"inputs": [4], "outputs": [2]}\n'
    count = int(_LINE_SECONDS * baud / _BITS_PER_BYTE) - len(head)
    model = head + np.random.default_rng(0).bytes(count)
    name = f"native, {sizes[0]:,} bytes of buffer"
    line(_paced(slot_firmware, baud, sizes[0]), baud, name).upload(model)


@pytest.mark.parametrize("baud", _BAUDS)
def test_a_data_set_to_firmware_uses_95_percent_of_the_line(
    line: Callable[..., Line],
    kws_firmware: Path,
    sizes: tuple[int, int],
    shared: Path,
    baud: int,
) -> None:
    name = f"native, {sizes[0]:,} bytes of buffer"
    started = line(_paced(kws_firmware, baud, sizes[0]), baud, name)
    model = (shared / "models/kws_ref_model.tflite").read_bytes()
    started.session.load_model(model, Deadline(_DEADLINE_SECONDS))
    with np.load(shared / "data/kws/kws01.npz") as data:
        started.stream([row.tobytes() for row in data["x"]])


@pytest.mark.parametrize("baud", _BAUDS)
def test_upload_to_the_emulated_mcu_uses_95_percent_of_the_line(
    line: Callable[..., Line], shared: Path, baud: int
) -> None:
    profile = find_profile("emulated-mcu", overrides=[f"link.baud={baud}"])
    started = line(emulator_argv(profile), baud, "emulated-mcu")
    started.upload((shared / "models/pretrainedResnet_quant.tflite").read_bytes())


@pytest.mark.parametrize("baud", _BAUDS)
def test_a_data_set_to_the_emulated_mcu_uses_95_percent_of_the_line(
    line: Callable[..., Line], digits: Path, baud: int
) -> None:
    """The digits model: its samples take the line longer than the kernels."""
    profile = find_profile("emulated-mcu", overrides=[f"link.baud={baud}"])
    started = line(emulator_argv(profile), baud, "emulated-mcu")
    model = (digits / "digits.tflite").read_bytes()
    started.session.load_model(model, Deadline(_DEADLINE_SECONDS))
    with np.load(digits / "digits_test.npz") as data:
        started.stream([row.astype(np.float32).tobytes() for row in data["x"]])
