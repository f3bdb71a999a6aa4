"""Limits of a TOML: complete, strict, and an error that names file and key."""

from __future__ import annotations

import pytest

from hil.accuracy.gate import Gate, Outcome, decide_counts
from hil.bench.qualifying.limits import DEFAULT_LIMITS, parse_limits, read_limits
from hil.errors import ConfigError
from hil.vocab import TargetKind, TimeBasis

TEXT = DEFAULT_LIMITS.read_text()


def refused(text):
    with pytest.raises(ConfigError) as told:
        parse_limits(text.encode(), where="mine.toml")
    assert told.value.where == "mine.toml"
    return str(told.value)


def test_the_limits_that_ship_are_read():
    limits, data = read_limits(DEFAULT_LIMITS)
    assert data.decode() == TEXT
    assert limits.accuracy.least_share["digits"] == 0.85
    assert limits.repeatability.most(TimeBasis.CPU_CYCLES, TargetKind.MCU) == 0.01
    assert limits.repeatability.most(TimeBasis.DEVICE_CLOCK, TargetKind.PHONE) == 0.05
    assert limits.thermal.most(TimeBasis.DEVICE_CLOCK, TargetKind.MCU) == 0.02
    assert limits.thermal.most(TimeBasis.HOST_CLOCK, TargetKind.PHONE) == 0.05


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("most_errors = 0", "most_error = 0", "did you mean 'most_errors'?"),
        ("most_errors = 0", "", "the key 'link.most_errors' is missing"),
        ("most_errors = 0", "most_errors = -1", "link.most_errors: "),
        ("most_errors = 0", 'most_errors = "0"', "found:   '0'"),
        ("least_line_share = 0.5", "least_line_share = 50", "less than or equal to 1"),
        ("digits = 0.85", "digits = nan", "accuracy.least_share.digits: "),
        ("[thermal]", "[heat]", "unknown key 'heat'"),
        ("schema = 1", "schema = 2", "schema: "),
        ("schema = 1", "schema = ", "the limits are not TOML"),
    ],
)
def test_what_is_wrong_is_named(old, new, told):
    assert told in refused(TEXT.replace(old, new, 1))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="the limits cannot be read"):
        read_limits(tmp_path / "none.toml")


@pytest.mark.parametrize(("fewest", "points"), [(43, 6), (268, 1)])
def test_so_many_samples_as_the_file_says_decide_a_drop(fewest, points):
    gate = Gate(most_drop=points / 100)
    assert decide_counts(0, 0, n=fewest, gate=gate).outcome is Outcome.PASSED
    assert decide_counts(0, 0, n=fewest - 1, gate=gate).outcome is Outcome.UNDECIDABLE
    assert f"{fewest} " in TEXT
