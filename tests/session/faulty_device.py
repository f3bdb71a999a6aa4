"""A device on standard input and output that fails as its argument says."""

from __future__ import annotations

import os
import sys

from hil.emulators.board import Board
from hil.emulators.fake_kernels import FakeKernels
from hil.vocab import (
    DeviceProfile,
    EmulatorSettings,
    SerialSettings,
    TargetKind,
    TimeBasis,
)
from hil.wire.framing import encode_frame


def board() -> Board:
    profile = DeviceProfile(
        name="faulty",
        kind=TargetKind.EMULATED_MCU,
        arch="none",
        core="fake",
        clock_hz=None,
        ram_bytes=20_000,
        flash_bytes=60_000,
        time_basis=TimeBasis.HOST_CLOCK,
        link=SerialSettings(),
        emulator=EmulatorSettings(rx_buffer_bytes=1024, max_frame_bytes=256),
    )
    return Board(profile, FakeKernels)


def main(mode: str) -> int:
    device = board()
    while data := os.read(0, 4096):
        if mode == "silent":
            continue
        if mode == "newer":
            os.write(1, encode_frame(bytes((2, 0x81, 0, 0))))
            continue
        answer = device.feed(data)
        if mode == "dies" and len(device._slot._flash) > 1000:
            sys.stderr.write("HARD FAULT at 0xdeadbeef\n")
            return 3
        os.write(1, answer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
