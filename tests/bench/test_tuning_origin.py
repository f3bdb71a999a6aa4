"""A search is not resumed with another model or other samples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hil.accuracy.dataset import Content, Dataset
from hil.bench.tuning.origin import digest, require_same
from hil.errors import ConfigError
from hil.results.run_folder import RunFolder

GIVEN = {"model": "ab", "dataset": "cd"}


def test_what_did_not_change_is_taken(tmp_path):
    folder = RunFolder(tmp_path)
    require_same(folder, GIVEN)
    require_same(folder, GIVEN)


def test_another_model_is_refused_by_name(tmp_path):
    folder = RunFolder(tmp_path)
    require_same(folder, GIVEN)
    with pytest.raises(ConfigError) as caught:
        require_same(folder, GIVEN | {"model": "ef"})
    assert caught.value.what == "the model changed since the search began"
    assert caught.value.remedy == "a new search, without --resume"
    with pytest.raises(ConfigError, match="the model and the dataset changed"):
        require_same(folder, {"model": "", "dataset": ""})


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / "origin.json").write_text("{")
    with pytest.raises(ConfigError, match="what the search began with cannot be read"):
        require_same(RunFolder(tmp_path), GIVEN)


def test_samples_shapes_and_labels_are_in_the_digest(tmp_path):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    one = Dataset(
        name="d",
        x=x,
        y=np.arange(3),
        content=Content.VALUES,
        preprocessing="none",
        source=tmp_path,
    )
    others = [
        dataclasses.replace(one, x=x.reshape(3, 2, 2)),
        dataclasses.replace(one, x=x + 1),
        dataclasses.replace(one, y=np.arange(3)[::-1]),
        dataclasses.replace(one, y=None),
    ]
    assert len({digest(found) for found in [one, *others]}) == 5
    assert digest(dataclasses.replace(one, name="e")) == digest(one)
