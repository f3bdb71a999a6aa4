"""A model whose layers are outputs answers as it did."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.diverging.exposed import expose, layers
from hil.bench.evaluation import answers
from hil.bench.judge import make_engine
from hil.models.graph import read_graph


def test_layers_are_all_that_operators_compute_in_their_order(subject):
    found = layers(subject.graph)
    assert [operator.index for operator, _ in found] == list(
        range(len(subject.main.operators))
    )
    assert found[-1][1] == subject.main.outputs[0]


def test_the_outputs_are_the_tensors_that_were_asked_for(subject):
    wanted = [index for _, index in layers(subject.graph)][::-1]
    data = expose(subject.data, subject.graph, wanted, where="test")
    graph = read_graph(data, "exposed")
    assert list(graph.subgraphs[0].outputs) == wanted
    assert graph.subgraphs[0].operators == subject.main.operators
    assert graph.subgraphs[0].tensors == subject.main.tensors


@pytest.mark.parametrize("name", ["litert", "litert-builtin", "litert-ref", "tflm"])
def test_no_engine_answers_otherwise_for_it(subject, name):
    wanted = [index for _, index in layers(subject.graph)]
    engine = make_engine(name)
    engine.load(expose(subject.data, subject.graph, wanted, where="test"))
    found = [engine.invoke([row[None]])[-1][0] for row in subject.samples]
    plain = answers(make_engine(name), subject.data, subject.samples)
    np.testing.assert_array_equal(np.stack(found), plain)
