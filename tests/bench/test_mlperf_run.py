"""Inputs of a run, and the order in which a device is driven through them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hil.bench.mlperf_inputs import MlperfInput, read_inputs
from hil.bench.mlperf_run import run_accuracy, run_performance
from hil.deadline import Deadline
from hil.errors import ConfigError, FirmwareFault
from hil.session.mlperf import Identity
from hil.wire.mlperf import Inference
from hil.wire.mlperf_run import Mode, Runner


class FakeSession:
    """A device that takes 2 ms an inference, less the more often it is asked."""

    def __init__(self, us=2000, *, faster=0):
        self.identity = Identity(name="me", profile="P", model="kws01")
        self.asked = []
        self._us = us
        self._faster = faster
        self._clock = itertools.count(0, 1)

    def __str__(self):
        return "the fake"

    def infer(self, data, deadline, *, n=1, warmup=0):
        self.asked.append((len(data), n, warmup))
        us = self._us - self._faster * (len(self.asked) > 1)
        return Inference(
            n=n,
            warmup=warmup,
            start_us=100,
            end_us=100 + n * us,
            host_seconds=n * us / 1e6,
            results=(0.25, 0.75),
        )


INPUTS = [
    MlperfInput(file=f"{i}.bin", data=bytes(10 + i), label=1, classes=2)
    for i in range(7)
]


def test_accuracy_asks_each_input_once():
    session, told = FakeSession(), []
    run = run_accuracy(
        session, INPUTS, Deadline(9), on_window=lambda each, _: told.append(each.file)
    )
    assert session.asked == [(10 + i, 1, 0) for i in range(7)]
    assert told == [f"{i}.bin" for i in range(7)]
    assert (run.mode, run.runner, run.model) == (Mode.ACCURACY, Runner.HIL, "kws01")
    assert run.laps_us[:2] == (100, 2100)
    window = run.windows[0]
    assert (window.file, window.label, window.seconds) == ("0.bin", 1, 0.002)
    assert (window.input_bytes, window.host_seconds) == (10, 0.002)


def test_performance_takes_five_inputs_in_windows_that_are_long_enough():
    session = FakeSession()
    run = run_performance(session, INPUTS, Deadline(9), on_window=lambda *_: None)
    assert session.asked[0] == (10, 3, 1)
    assert session.asked[1:] == [(10 + i, 5250, 10) for i in range(5)]
    assert all(w.seconds >= 10 for w in run.windows)


def test_a_window_that_is_too_short_is_repeated_with_more():
    session = FakeSession(faster=1000)
    run = run_performance(session, INPUTS, Deadline(9), on_window=lambda *_: None)
    assert [n for _, n, _ in session.asked[1:3]] == [5250, 10_710]
    assert len(run.windows) == 5
    assert all(w.seconds >= 10 for w in run.windows)


def test_a_number_that_is_asked_for_is_taken():
    session = FakeSession()
    run_performance(
        session, INPUTS, Deadline(9), on_window=lambda *_: None, n=12, warmup=3
    )
    assert session.asked == [(10 + i, 12, 3) for i in range(5)]


def test_a_clock_that_stands_still_is_told():
    with pytest.raises(FirmwareFault, match="no time passes on the device's") as told:
        run_performance(FakeSession(0), INPUTS, Deadline(9), on_window=lambda *_: None)
    assert told.value.found == "two equal m-lap-us"


def folder(tmp_path, text, **files):
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "y_labels.csv").write_text(text)
    for name, size in files.items():
        (tmp_path / f"{name}.bin").write_bytes(bytes(range(256)) * (size // 256 + 1))
        (tmp_path / f"{name}.bin").write_bytes(bytes(size))
    return tmp_path


def test_a_folder_of_the_runner_is_read_by_its_labels(tmp_path):
    folder(tmp_path / "kws01", "a.bin,12,3\nb.bin, 12, 4\n", a=490, b=490)
    for path in (tmp_path, tmp_path / "kws01"):
        first, second = read_inputs(path, "kws01")
        assert (first.file, len(first.data), first.label) == ("a.bin", 490, 3)
        assert (second.label, second.classes, second.windows) == (4, 12, None)


def test_a_file_of_windows_is_cut_by_its_stride(tmp_path):
    folder(tmp_path, "a.bin,2,1,2560,512\n", a=4096)
    inputs = read_inputs(tmp_path, "ad01")
    assert [each.segment for each in inputs] == [0, 1, 2, 3]
    assert {(len(e.data), e.windows, e.stride) for e in inputs} == {(2560, 4, 512)}
    assert len(read_inputs(tmp_path, "ad01", first_segments=True)) == 1


def test_an_array_of_bytes_is_a_dataset_too(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x=np.zeros((3, 49, 10, 1), np.int8), y=np.array([0, 5, 2]))
    inputs = read_inputs(path, "kws01")
    assert [each.file for each in inputs] == [f"set_00000{i}.bin" for i in range(3)]
    assert (inputs[1].label, inputs[1].classes) == (5, 6)


def test_inputs_of_another_size_are_refused(tmp_path):
    folder(tmp_path, "a.bin,2,1\n", a=100)
    with pytest.raises(ConfigError, match="not what the device's model takes") as told:
        read_inputs(tmp_path, "kws01")
    assert (told.value.found, told.value.allowed) == (
        "100 bytes each",
        "490 bytes for kws01",
    )
    folder(tmp_path, "a.bin,2,1,2560,512\n", a=100)
    with pytest.raises(ConfigError, match="shorter than what is to be sent"):
        read_inputs(tmp_path, "ad01")
