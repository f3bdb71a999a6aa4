"""Names on the command line, and who stands behind them."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.diverging.sides import is_log, opened, parse_names
from hil.deadline import Deadline
from hil.errors import ConfigError


class Target:
    """Notes what is done with it; fails where it is told to."""

    def __init__(self, profile, done, *, fails):
        self.profile = profile
        self._done = done
        self._fails = fails

    def open(self, deadline):
        self._done.append("open")
        if self._fails:
            raise ConfigError("no such port")

    def close(self):
        self._done.append("close")


def test_names_are_parted_by_commas():
    assert parse_names(" litert, tflm ,native") == ["litert", "tflm", "native"]


@pytest.mark.parametrize("text", ["", "tflm", "tflm,", "tflm,litert,tflm"])
def test_fewer_than_two_names_or_one_twice_are_refused(text):
    with pytest.raises(ConfigError, match="there is nothing to compare"):
        parse_names(text)


def test_engines_and_files_of_answers_are_opened_by_their_names(subject, tmp_path):
    path = tmp_path / "answers.npz"
    np.savez(path, outputs=np.zeros((100, 10), np.int8))
    told = []
    with opened(
        ["tflm", str(path)],
        subject,
        Deadline(60),
        make=None,
        keep_model=None,
        progress=told.append,
    ) as sides:
        assert [side.name for side in sides] == ["tflm", str(path)]
    assert told == ["tflm: 100 inputs", f"{path}: 100 inputs"]


def test_a_device_is_closed_even_where_it_cannot_be_opened(subject):
    done = []
    sides = opened(
        ["native"],
        subject,
        Deadline(60),
        make=lambda profile: Target(profile, done, fails=True),
        keep_model=None,
    )
    with pytest.raises(ConfigError, match="no such port"), sides:
        pass
    assert done == ["open", "close"]


def test_a_wrong_name_is_told_before_any_side_has_worked(subject):
    began = []
    sides = opened(
        ["litert", "litert-rfe"],
        subject,
        Deadline(60),
        make=None,
        keep_model=None,
        progress=began.append,
    )
    with pytest.raises(ConfigError) as caught, sides:
        pass
    assert caught.value.remedy == "did you mean 'litert-ref'?"
    assert began == []


def test_a_name_that_nobody_has_is_told_the_nearest(subject):
    sides = opened(
        ["qemu_mps2_an386"], subject, Deadline(60), make=None, keep_model=None
    )
    with pytest.raises(ConfigError) as caught, sides:
        pass
    assert caught.value.what == "no engine and no device is called 'qemu_mps2_an386'"
    assert caught.value.remedy == "did you mean 'qemu-mps2-an386'?"
    assert (caught.value.allowed or "").startswith(
        "litert, litert-builtin, litert-ref, tflm, "
    )


def test_a_log_is_a_file_that_is_neither_answers_nor_a_profile(tmp_path):
    for name in ("log.txt", "outputs.npz", "board.toml"):
        (tmp_path / name).touch()
    assert is_log(str(tmp_path / "log.txt"))
    assert not is_log(str(tmp_path / "outputs.npz"))
    assert not is_log(str(tmp_path / "board.toml"))
    assert not is_log("native")
