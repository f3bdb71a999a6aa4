"""Scores of samples: kept beside the records and read back as they were."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.accuracy.metrics import find_metric
from hil.accuracy.sample_scores import SampleScores
from hil.errors import ConfigError
from hil.results.run_folder import RunFolder, load_scores
from hil.results.scores import (
    StoredScores,
    from_line,
    scores_of_wrong,
    to_line,
)
from hil.vocab import AccuracyCount


def stored(device="emulated-mcu", **scores):
    values = {"metric": find_metric("top1"), "n": 11, "hits": np.arange(11) % 3 > 0}
    return StoredScores(
        model="digits",
        variant="int8",
        device=device,
        engine="tflm",
        scores=SampleScores(**(values | scores)),
    )


FULL = stored(
    labels=np.arange(11),
    answers=np.array([-1, *range(10)]) * 1000,
    ties=2,
    target="the output",
    values=np.arange(22, dtype=np.int8).reshape(11, 2),
)


def test_scores_come_back_as_they_were_written():
    found = from_line(to_line(FULL), where="here")
    assert (found.model, found.variant, found.device) == (
        "digits",
        "int8",
        "emulated-mcu",
    )
    assert (found.scores.metric, found.scores.n) == (FULL.scores.metric, 11)
    assert (found.scores.ties, found.scores.target) == (2, "the output")
    for name in ("hits", "labels", "answers", "values"):
        ours, theirs = getattr(FULL.scores, name), getattr(found.scores, name)
        assert np.array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("kind", ["f4", "f8", "u1", "i2", "u2", ">f4", ">i2"])
def test_values_keep_their_type_in_any_byte_order(kind):
    values = np.arange(11).astype(kind)
    found = from_line(to_line(stored(values=values)), where="here").scores.values
    assert np.array_equal(found, values)
    assert found.dtype == np.dtype(kind).newbyteorder("=")


def test_right_and_wrong_takes_a_bit_a_sample():
    hits = np.ones(10_000, np.bool_)
    line = to_line(stored(n=10_000, hits=hits))
    assert len(line) < 10_000 / 4 + 200
    assert "labels" not in json.loads(line)


def test_the_host_is_the_device_that_is_absent():
    line = to_line(stored(device=None))
    assert "device" not in json.loads(line)
    assert from_line(line, where="here").device is None


@given(st.binary(max_size=200))
def test_no_line_breaks_the_reader(line):
    with pytest.raises(ConfigError, match="the scores cannot be read"):
        from_line(line, where="here")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hits": "ff"}, "hits: 1 bytes for 11 samples"),
        ({"hits": "xx"}, "non-hexadecimal"),
        ({"n": 0}, "n: Input should be greater"),
        ({"labels": {"dtype": "<f4", "shape": [11], "data": ""}}, "class numbers of"),
        ({"labels": {"dtype": "|i1", "shape": [3], "data": "AAAA"}}, "an array of 3"),
        ({"labels": {"dtype": "|i1", "shape": [11], "data": "AAAA"}}, "reshape"),
        ({"labels": {"dtype": "|O8", "shape": [11], "data": "AAAA"}}, "labels.dtype"),
        ({"values": {"dtype": "|i1", "shape": [11], "data": "?"}}, "base64"),
        ({"hits": None}, "neither hits nor values"),
    ],
)
def test_damage_is_named(change, says):
    line = json.loads(to_line(stored())) | change
    with pytest.raises(ConfigError, match="the scores cannot be read") as caught:
        from_line(json.dumps(line).encode(), where="scores.jsonl:1")
    assert says in caught.value.found


def test_scores_of_a_newer_schema_are_refused():
    line = json.loads(to_line(stored())) | {"schema": 2}
    with pytest.raises(ConfigError, match=r"newer hil[\s\S]*schema 2[\s\S]*upgrade"):
        from_line(json.dumps(line).encode(), where="here")


def test_a_run_keeps_them_in_order_and_a_cut_line_is_told(tmp_path):
    folder = RunFolder.create(tmp_path, "demo")
    assert load_scores(folder.path) == ([], [])
    folder.append_scores(stored(device=None))
    folder.append_scores(FULL)
    with (folder.path / "scores.jsonl").open("ab") as file:
        file.write(to_line(FULL)[:50])
    found, notes = load_scores(folder.path)
    assert [s.device for s in found] == [None, "emulated-mcu"]
    assert notes == [f"{folder.path / 'scores.jsonl'}:3: the last line is cut; skipped"]
    beside, _ = load_scores(folder.path / "records.jsonl")
    assert len(beside) == 2


def test_a_records_list_of_wrong_samples_gives_each_ones_score():
    count = AccuracyCount(metric="top1", n=4, correct=2, wrong=(1, 3))
    scores = scores_of_wrong(count)
    assert scores is not None
    assert (scores.n, scores.metric.name) == (4, "top1")
    assert scores.hits.tolist() == [True, False, True, False]


@pytest.mark.parametrize("wrong", [(1,), (1, 4), (-1, 3), (1, 1), (0, 1, 3)])
def test_a_list_of_wrong_samples_that_contradicts_the_count_gives_none(wrong):
    count = AccuracyCount(metric="top1", n=4, correct=2, wrong=wrong)
    assert scores_of_wrong(count) is None
