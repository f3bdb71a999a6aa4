"""Who gave the same answers, and when a log's answers tell nothing."""

from __future__ import annotations

import numpy as np
import pytest

from hil.accuracy.divergence import diverge
from hil.accuracy.divergence_found import Doubt, Fingerprint, Pair, groups

SAME = np.zeros((2, 2), np.int8)


def pair(left, right, *, differing=()):
    return Pair(
        left=left,
        right=right,
        rows=(0, 1),
        divergence=diverge(SAME, SAME),
        differing=differing,
        flipped=(),
    )


def test_sides_with_the_same_answers_are_one_group():
    pairs = [
        pair("a", "b", differing=(1,)),
        pair("a", "c"),
        pair("b", "c", differing=(1,)),
    ]
    assert groups(["a", "b", "c"], pairs) == [["a", "c"], ["b"]]


def test_a_recording_of_few_inputs_joins_the_first_group_only():
    # It equals both, which differ on inputs that it did not answer.
    pairs = [pair("a", "b", differing=(1,)), pair("a", "log"), pair("b", "log")]
    assert groups(["a", "b", "log"], pairs) == [["a", "log"], ["b"]]


@pytest.mark.parametrize(
    ("item", "repeated", "equal", "overwritten"),
    [
        ("input kept", True, False, True),
        ("outputs vary", True, False, True),
        ("device clock", True, False, False),
        ("input kept", False, False, False),
        ("outputs vary", True, True, False),
    ],
)
def test_an_input_was_overwritten_where_repeated_answers_are_doubted(
    item, repeated, equal, overwritten
):
    found = Fingerprint(
        source="log",
        engine="",
        pairs=(pair("log", "tflm", differing=() if equal else (0,)),),
        repeated=repeated,
        doubts=(Doubt(item=item, found="", advice=""),),
    )
    assert found.input_overwritten is overwritten
    assert (found.clock is not None) is (item == "device clock")
