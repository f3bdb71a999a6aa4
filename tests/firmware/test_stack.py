"""The high-water mark of the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.tools import run

if TYPE_CHECKING:
    from conftest import Builder


@pytest.mark.parametrize("taken_bytes", [10_000, 100_000])
def test_the_stack_that_a_call_takes_is_seen_after_it(
    build: Builder, taken_bytes: int
) -> None:
    argv = [str(build.painted_stack()), str(taken_bytes)]
    before, after = map(int, run(argv, deadline=Deadline(30)).stdout.split())
    assert before < 2048
    assert taken_bytes < after < 1.2 * taken_bytes + 4096
