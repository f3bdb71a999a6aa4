"""The STM32F4's interrupt of received bytes, on a USART that is a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.tools import run

if TYPE_CHECKING:
    from conftest import Builder


@pytest.mark.parametrize(
    ("bytes_that_come", "interrupts"),
    [("abc", 3), ("a+c", 3), ("a!c", 4)],
    ids=["none lost", "one lost", "one lost while the interrupt reads"],
)
def test_a_byte_that_came_too_fast_is_lost_and_the_interrupt_ends(
    build: Builder, bytes_that_come: str, interrupts: int
) -> None:
    argv = [str(build.stm32f4_line()), bytes_that_come]
    told = run(argv, deadline=Deadline(30)).stdout.decode()
    assert told == f"{interrupts} {bytes_that_come}"
