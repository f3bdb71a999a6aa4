"""Names of calibrators, on command lines and in plans."""

from __future__ import annotations

import pytest

from hil.errors import ConfigError
from hil.quantization.calibrators import NAMES, Method, find_calibrator


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_found_and_keeps_its_name(name):
    assert find_calibrator(name).name == name


def test_a_percentile_tells_its_percent():
    assert find_calibrator("percentile").percent == 99.99
    assert find_calibrator("percentile-99.5").percent == 99.5
    assert find_calibrator("mse").percent is None


def test_only_percentile_and_mse_ask_for_values():
    asking = {
        find_calibrator(n).method for n in NAMES if find_calibrator(n).needs_values
    }
    assert asking == {Method.PERCENTILE, Method.MSE}


def test_a_misspelt_name_gets_the_nearest_one():
    with pytest.raises(ConfigError, match="unknown calibrator") as caught:
        find_calibrator("min-max")
    assert caught.value.found == "'min-max'"
    assert caught.value.remedy == "did you mean 'minmax'?"


@pytest.mark.parametrize("name", ["percentile-50", "percentile-100", "percentile-x"])
def test_an_impossible_percentile_is_refused(name):
    with pytest.raises(ConfigError, match="percentile of a calibrator is impossible"):
        find_calibrator(name)
