"""What judging costs: samples through hil's LiteRT engine beside a bare loop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from hil.accuracy.metrics import find_metric
from hil.accuracy.rating import rate
from hil.accuracy.sample_scores import score
from hil.bench.evaluation import answers
from hil.engines.litert import LitertEngine

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

_MOST = 1.1
_ROUNDS = 15
_REPEATS = 8  # of the 500 digits


def _bare(
    interpreter: Interpreter, samples: npt.NDArray[np.generic]
) -> npt.NDArray[np.generic]:
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    rows = []
    for sample in samples:
        interpreter.set_tensor(source, sample[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(target)[0])
    return np.stack(rows)


def _bare_from_bytes(
    model: bytes, samples: npt.NDArray[np.generic]
) -> npt.NDArray[np.generic]:
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    return _bare(interpreter, samples)


def _compared(model: bytes, x: npt.NDArray[np.generic], y: npt.NDArray[np.int64]):
    """Return the least seconds of hil, scores and interval too, and of the loop."""
    ours, theirs = [], []
    for _ in range(_ROUNDS):  # by turns, so that both see the same machine
        start = time.perf_counter()
        outputs = answers(LitertEngine(), model, x)
        found = rate(score(outputs, metric=find_metric("top1"), labels=y))
        middle = time.perf_counter()
        bare = _bare_from_bytes(model, x)
        correct = int((bare.argmax(axis=1) == y).sum())
        theirs.append(time.perf_counter() - middle)
        ours.append(middle - start)
        assert found.correct == correct
        assert np.array_equal(outputs, bare)
    return min(ours), min(theirs)


def _hold(name: str, ours: float, theirs: float, samples: int) -> None:
    print(
        f"\n{name}, {samples:,} samples: hil {ours * 1e3:.1f} ms, "
        f"bare loop {theirs * 1e3:.1f} ms, ratio {ours / theirs:.2f}"
    )
    assert ours / theirs <= _MOST


def test_the_digits_are_judged_as_fast_as_by_a_bare_loop(digits: Path) -> None:
    model = (digits / "digits.tflite").read_bytes()
    with np.load(digits / "digits_test.npz") as data:
        x = np.tile(data["x"], (_REPEATS, 1, 1, 1)).astype(np.float32)
        y = np.tile(data["y"], _REPEATS).astype(np.int64)
    _hold("digits", *_compared(model, x, y), len(x))


def test_the_keyword_model_is_judged_as_fast_as_by_a_bare_loop(shared: Path) -> None:
    model = (shared / "models" / "kws_ref_model.tflite").read_bytes()
    with np.load(shared / "data" / "kws" / "kws01.npz") as data:
        x, y = data["x"], data["y"].astype(np.int64)
    _hold("kws", *_compared(model, x, y), len(x))
