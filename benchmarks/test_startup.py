"""How long a person waits for `hil --help` and `hil inspect`."""

from __future__ import annotations

import subprocess
import sys

ROUNDS = 15


def hil(*words):
    subprocess.run(
        [sys.executable, "-m", "hil", *words], check=True, stdout=subprocess.DEVNULL
    )


def test_help_takes_at_most_a_quarter_of_a_second(benchmark):
    benchmark.pedantic(hil, args=("--help",), rounds=ROUNDS, warmup_rounds=1)
    assert benchmark.stats["median"] <= 0.25


def test_inspecting_a_50_kb_model_takes_at_most_0_6_seconds(benchmark, shared):
    model = str(shared / "models/kws_ref_model.tflite")
    benchmark.pedantic(hil, args=("inspect", model), rounds=ROUNDS, warmup_rounds=1)
    assert benchmark.stats["median"] <= 0.6
