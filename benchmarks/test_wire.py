"""The cost of the dialogue with a microcontroller, over a real pty."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.links.serial_port import SerialLink
from hil.profiles import find_profile
from hil.session.session import Session
from hil.targets.emulated import emulator_argv
from hil.tools import Child
from hil.wire.framing import FrameDecoder, encode_frame


def test_framing_moves_at_least_50_mb_a_second(benchmark):
    payload = os.urandom(8000)

    def there_and_back():
        decoder = FrameDecoder()
        for _ in range(500):
            decoder.feed(encode_frame(payload))
            assert decoder.next_payload() == payload

    benchmark.pedantic(there_and_back, rounds=7, warmup_rounds=1)
    rate = 500 * len(payload) / benchmark.stats["median"]
    benchmark.extra_info["megabytes_per_second"] = rate / 1e6
    print(f"\nframing, encoded and decoded: {rate / 1e6:.0f} MB/s")
    assert rate >= 50e6


@pytest.fixture
def session():
    profile = find_profile("emulated-mcu")
    board = Child(emulator_argv(profile))
    session = Session(SerialLink(board.read_line(Deadline(60)), profile.link.baud))
    session.open(Deadline(60))
    yield session
    session.close()
    board.stop()


def test_streaming_costs_at_most_1_ms_a_sample_above_the_kernels(
    benchmark, session, shared
):
    session.load_model(
        (shared / "models/kws_ref_model.tflite").read_bytes(), Deadline(60)
    )
    with np.load(shared / "data/kws/kws01.npz") as data:
        samples = [row.tobytes() for row in data["x"]]
    overheads = []

    def stream():
        start = time.perf_counter()
        runs = list(session.run_samples(samples, Deadline(120)))
        seconds = time.perf_counter() - start
        kernels = sum(ticks for ticks, _ in runs) / session.device.tick_hz
        overheads.append((seconds - kernels) / len(samples))

    benchmark.pedantic(stream, rounds=3, warmup_rounds=1)
    overhead_ms = 1000 * float(np.median(overheads))
    benchmark.extra_info["overhead_ms_per_sample"] = overhead_ms
    print(f"\nstreaming: {overhead_ms:.3f} ms a sample above the kernels")
    assert overhead_ms <= 1
