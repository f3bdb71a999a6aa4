"""`hil qat` from the command line, as far as no child process is needed."""

from __future__ import annotations

import pytest

from hil.cli.main import main


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none.h5"], "there is no such model"),
        (["none.h5", "--tune", "widths"], "that cannot be tuned"),
        (["none.h5", "--sampler", "random"], "unknown sampler"),
        (["none.h5", "--pixels", "0..2"], "unknown kind of pixels"),
        (
            ["none.h5", "--test", "example:digits_calibration.npz"],
            "the test data are the training data",
        ),
    ],
)
def test_a_wrong_command_is_status_2_and_says_why(capsys, words, says):
    data = "--train example:digits_calibration.npz --test example:digits_test.npz"
    assert main(["qat", *data.split(), *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert says in shown.err
