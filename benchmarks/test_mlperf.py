"""The 1,000 keyword inputs over MLPerf Tiny's text protocol: answers and time."""

from __future__ import annotations

import shutil
import sys
import time

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.firmware.build import build, profile_request
from hil.links.process import ProcessLink
from hil.links.serial_port import SerialLink
from hil.profiles import find_profile
from hil.session.mlperf import MlperfSession
from hil.tools import Child

BAUD = 12_000_000


def right_answers(session, shared):
    """Drive all inputs; return how many are right, and the seconds around the runs."""
    with np.load(shared / "data" / "kws" / "kws01.npz", allow_pickle=False) as data:
        samples, labels = data["x"], data["y"]
    deadline = Deadline(600)
    session.open(deadline)
    began, inside_us, right = time.perf_counter(), 0, 0
    for sample, label in zip(samples, labels, strict=True):
        done = session.infer(sample.tobytes(), deadline)
        inside_us += done.elapsed_us
        right += int(np.argmax(done.results) == label)
    around = time.perf_counter() - began - inside_us / 1e6
    session.close()
    assert session.retries == []
    return right, around


def test_emulated_board(shared):
    model = shared / "models" / "kws_ref_model.tflite"
    argv = [sys.executable, "-m", "hil", "emulate", "mcu", "--model", str(model)]
    child = Child([*argv, "--set", f"link.baud={BAUD}", "--watch-stdin"])
    try:
        port = child.read_line(Deadline(60))
        right, around = right_answers(MlperfSession(SerialLink(port, BAUD)), shared)
    finally:
        child.stop()
    print(f"emulated board: {right} of 1,000, {around:.1f} s beside the kernels")
    assert right == 901


def test_native_firmware(shared, tmp_path):
    for tool in ("cmake", "cc"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    model = shared / "models" / "kws_ref_model.tflite"
    request = profile_request(find_profile("native"), model, variant="as-is")
    elf = build(request, Deadline(300), cache=tmp_path).elf
    right, around = right_answers(MlperfSession(ProcessLink([str(elf)])), shared)
    print(f"firmware native: {right} of 1,000, {around:.1f} s beside the kernels")
    assert right == 901
