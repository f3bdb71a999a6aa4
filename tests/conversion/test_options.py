"""An option that is misspelt is an error and not a new attribute."""

from __future__ import annotations

import pytest

from hil.conversion.options import set_option
from hil.errors import ModelError


class Converter:
    """As TensorFlow's: it takes any attribute."""

    def __init__(self):
        self.optimizations = []


def test_an_option_that_is_there_is_set():
    converter = Converter()
    set_option(converter, "optimizations", ["default"])
    assert converter.optimizations == ["default"]


def test_a_misspelt_option_is_refused_with_the_nearest():
    converter = Converter()
    with pytest.raises(ModelError, match="has no such option") as caught:
        set_option(converter, "optimization", ["default"])
    assert caught.value.remedy == "did you mean 'optimizations'?"
    assert not hasattr(converter, "optimization")
