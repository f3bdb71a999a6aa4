"""`hil diverge`: what holding answers together costs beside running the engines."""

from __future__ import annotations

import time

import pytest

from hil.bench.diverging.pairs import hold_together
from hil.bench.diverging.side import HostSide
from hil.bench.diverging.subject import read_subject
from hil.deadline import Deadline

MOST_SHARE = 0.5  # of the time that the engines take for 1,000 inputs
LAYER_INPUTS = 16


@pytest.mark.shared
def test_finding_the_layers_of_all_pairs_takes_less_than_the_engines(shared, capsys):
    subject = read_subject(
        shared / "models" / "kws_ref_model.tflite", shared / "data/kws/kws01.npz"
    )
    start = time.perf_counter()
    sides = [HostSide(name, subject) for name in ("litert", "litert-ref", "tflm")]
    engines = time.perf_counter() - start
    start = time.perf_counter()
    pairs = hold_together(subject, sides, Deadline(600), layer_rows=LAYER_INPUTS)
    held = time.perf_counter() - start
    with capsys.disabled():
        print(
            f"\n3 engines, 1,000 keyword inputs {engines:.2f} s; 3 pairs with their "
            f"first layers {held:.2f} s, {held / engines:.2f} of it"
        )
    assert [len(pair.differing) for pair in pairs] == [368, 364, 9]
    assert held <= MOST_SHARE * engines
