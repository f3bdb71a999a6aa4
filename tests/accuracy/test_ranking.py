"""Where the label stands among the scores, and where only the order decided."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hil.accuracy.ranking import NO_CLASS, rank
from hil.errors import ConfigError

TYPES = st.sampled_from([np.int8, np.uint8, np.int16])


@given(
    TYPES.flatmap(lambda kind: hnp.arrays(kind, (6, 5), elements=st.integers(0, 4))),
    hnp.arrays(np.int64, 6, elements=st.integers(0, 4)),
    st.integers(1, 4),
)
def test_it_is_the_rank_in_a_stable_sort(outputs, y, k) -> None:
    found = rank(outputs, y, k=k)
    ties = 0
    for row, label, hit, answer in zip(
        outputs.tolist(), y.tolist(), found.hits, found.answers, strict=True
    ):
        order = sorted(range(5), key=lambda c: (-row[c], c))
        assert hit == (label in order[:k])
        assert answer == order[0]
        best = sorted(range(5), key=lambda c: (-row[c], c != label)).index(label) < k
        least = sorted(range(5), key=lambda c: (-row[c], c == label)).index(label) < k
        ties += best != least
    assert found.ties == ties


def test_quantized_scores_of_equal_value_are_told() -> None:
    outputs = np.array([[7, 7, 1], [7, 7, 1], [7, 7, 1], [3, 7, 3]], np.int8)
    found = rank(outputs, np.array([0, 1, 2, 1]))
    assert found.hits.tolist() == [True, False, False, True]
    assert found.ties == 2, "of class 2, and of the last row, no order is in doubt"


def test_a_row_with_nan_is_wrong_and_names_no_class() -> None:
    outputs = np.array([[np.nan, 1, 0], [0, 1, 2]], np.float32)
    found = rank(outputs, np.array([1, 2]), k=2)
    assert found.hits.tolist() == [False, True]
    assert found.answers.tolist() == [NO_CLASS, 2]
    assert found.ties == 0


def test_a_k_of_all_classes_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"top5 of 4 classes is always right"
    ) as caught:
        rank(np.zeros((2, 4), np.int8), np.array([0, 1]), k=5)
    assert caught.value.allowed == "top1 to top3"
