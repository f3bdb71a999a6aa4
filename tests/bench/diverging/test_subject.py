"""A model and its inputs, in the model's own type."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.diverging.subject import read_subject
from hil.errors import ConfigError


def test_inputs_are_in_the_models_type_and_labels_beside_them(subject):
    assert subject.samples.shape == (100, 8, 8, 1)
    assert subject.samples.dtype == np.int8
    assert len(subject.labels) == 100
    assert subject.output.elements == 10
    assert subject.dataset == "digits_test.npz"


def test_inputs_of_another_model_are_refused(int8, tmp_path):
    path = tmp_path / "wrong.npz"
    np.savez(path, x=np.zeros((2, 4), np.float32))
    with pytest.raises(ConfigError, match="do not have the shape of the model's input"):
        read_subject(int8, path)
