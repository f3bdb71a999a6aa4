"""The gaps that are found are those that TensorFlow's converter leaves in float."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from hil import tools
from hil.deadline import Deadline
from hil.models.graph import read_graph
from hil.models.graphdef import read_graphdef
from hil.models.label import Kind, label
from hil.models.ranges import range_coverage

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorflow") is None,
        reason="TensorFlow is not installed (extra convert)",
    ),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranges")
    script = Path(__file__).with_name("make_ranges.py")
    tools.run(
        [sys.executable, str(script), str(folder)],
        deadline=Deadline(240),
        env={"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
    )
    return folder


@pytest.mark.parametrize(
    ("case", "uncovered"),
    [
        ("all", []),
        ("no_conv", ["Conv2D"]),
        ("no_weights", []),
        ("no_input", ["Placeholder"]),
        ("pooled", []),
        ("leaky", ["Conv2D"]),
        ("before_relu", ["Relu"]),
        ("partly", ["Conv2D"]),
        ("sum", ["AddV2"]),
        ("qdq", []),
    ],
)
def test_gaps_are_what_the_converter_leaves_in_float(
    case: str, uncovered: list[str], made: Path
) -> None:
    path = made / f"{case}.pb"
    found = range_coverage(read_graphdef(path), where=str(path))
    assert [gap.op for gap in found.uncovered] == uncovered
    converted = (made / f"{case}.tflite").read_bytes()
    verdict = label(read_graph(converted, case))
    assert (verdict.kind is Kind.INT8) is (not uncovered)
    assert bool(verdict.floats) is bool(uncovered)


def test_a_saved_model_is_followed_into_its_functions(made: Path) -> None:
    found = range_coverage(read_graphdef(made / "saved"), where="saved")
    (gap,) = found.uncovered
    assert gap.op == "Conv2D"
    assert gap.name.count("PartitionedCall") >= 2
    assert [item.minimum for item in found.ranges] == [-6.0, -1.0, None]
