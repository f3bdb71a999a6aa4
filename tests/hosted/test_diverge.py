"""The layers of real firmware, in a process and in QEMU, against the host's engines."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.diverging.device import DeviceSide
from hil.bench.diverging.exposed import layers
from hil.bench.diverging.side import HostSide
from hil.bench.diverging.subject import read_subject
from hil.deadline import Deadline
from hil.profiles import find_profile
from hil.targets.hosted import HostedTarget

BOARDS = ["native", pytest.param("qemu-mps2-an386", marks=pytest.mark.qemu)]


@pytest.mark.parametrize("board", BOARDS)
def test_firmware_gives_out_the_layers_of_the_reference_kernels(
    board, need, cache, digits_int8, digits, tmp_path
):
    need(board)
    subject = read_subject(digits_int8, digits / "digits_test.npz", samples=10)

    def keep(model, sha256):
        path = tmp_path / f"{sha256}.tflite"
        path.write_bytes(model)
        return path

    target = HostedTarget(find_profile(board), log_path=tmp_path / "log", cache=cache)
    deadline = Deadline(240)
    target.open(deadline)
    try:
        side = DeviceSide(target, subject, deadline, keep_model=keep)
        host = HostSide("litert-ref", subject)
        np.testing.assert_array_equal(side.outputs, host.outputs)
        for _, tensor in layers(subject.graph):
            np.testing.assert_array_equal(
                side.layer(4, tensor, deadline), host.layer(4, tensor, deadline)
            )
    finally:
        target.close()
