"""Distributions of activations, and each sample's own minima and maxima."""

from __future__ import annotations

import numpy as np
import pytest

from hil.models.graph import read_graph
from hil.quantization.extremes import measure_extremes
from hil.quantization.histogram import measure_histograms
from hil.quantization.quiet import quiet
from hil.quantization.tensor_reader import load_readable


@pytest.fixture(scope="module")
def graph(digits_model):
    return read_graph(digits_model, "digits")


@pytest.fixture(scope="module")
def extremes(digits_model, digits_calibration, graph):
    with quiet():
        return measure_extremes(digits_model, digits_calibration.x[:20], graph)


def test_each_row_is_what_its_sample_gives_alone(
    digits_model, digits_calibration, graph, extremes
):
    assert extremes.samples == 20
    for row in (0, 7):
        with quiet():
            alone = measure_extremes(
                digits_model, digits_calibration.x[row : row + 1], graph
            )
        assert alone.names == extremes.names
        assert (alone.lows[0] == extremes.lows[row]).all()
        assert (alone.highs[0] == extremes.highs[row]).all()


def test_a_row_can_be_left_out(extremes):
    fewer = extremes.without([0, 3])
    assert fewer.samples == 18
    assert (fewer.highs[1] == extremes.highs[2]).all()


def test_every_value_is_counted_once(digits_model, digits_calibration, graph, extremes):
    x = digits_calibration.x[:20]
    found = measure_histograms(digits_model, x, graph, extremes=extremes)
    sizes = {t.name: t.elements for t in graph.subgraphs[0].tensors}
    assert {n: h.counts.sum() for n, h in found.items()} == {
        name: 20 * sizes[name] for name in extremes.names
    }


def test_counts_are_those_of_the_values(
    digits_model, digits_calibration, graph, extremes
):
    x = digits_calibration.x[:20]
    found = measure_histograms(digits_model, x, graph, extremes=extremes)
    engine = load_readable(digits_model)
    tensor = next(
        t
        for t in graph.subgraphs[0].tensors
        if "logits" in t.name and t.name in extremes.names
    )
    values = []
    for row in x:
        engine.invoke([row[None]])
        values.append(engine.tensors()[tensor.index])
    histogram = found[tensor.name]
    mean = np.average(histogram.centres, weights=histogram.counts)
    assert mean == pytest.approx(np.mean(values), abs=histogram.width)
    assert (histogram.low, histogram.high) == (np.min(values), np.max(values))
