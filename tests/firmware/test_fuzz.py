"""The short form of scripts/fuzz-firmware: the corpus, and rounds from a fixed seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.tools import run

if TYPE_CHECKING:
    from conftest import Builder

CORPUS = Path(__file__).parent / "corpus"
ROUNDS = 20000


def test_the_device_stands_the_corpus_and_what_is_near_it(build: Builder) -> None:
    inputs = sum(path.is_file() for path in CORPUS.iterdir())
    argv = [str(build.fuzzer()), str(CORPUS), str(ROUNDS), "1"]
    output = run(argv, deadline=Deadline(120)).stdout.decode()
    assert inputs > 5
    assert output == f"{min(inputs, 500)} inputs, {ROUNDS} rounds\n"
