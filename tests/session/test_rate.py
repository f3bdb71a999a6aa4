from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.errors import FirmwareFault, LinkTimeout
from hil.links.fake import drop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from conftest import Bench

    from hil.emulators.board import Board
    from hil.links.fake import Fault


@pytest.fixture
def line(bench: Callable[..., Bench]) -> Callable[..., Bench]:
    """Make a bench whose line carries nothing but noise where the rates differ."""

    def make(
        *,
        highest: int = 1_000_000,
        from_device: Iterable[Fault] = (),
    ) -> Bench:
        def wire(board: Board, data: bytes) -> bytes:
            board.step()
            clean = made.link.baud == board.baud <= highest
            return board.feed(data if clean else b"\xa5" * len(data))

        made = bench(wrap=wire, from_device=from_device)
        made.session.open(made.deadline())
        return made

    return make


def test_both_ends_switch(line: Callable[..., Bench]) -> None:
    made = line()
    assert made.session.set_baud(921600, made.deadline()) == 921600
    assert (made.link.baud, made.board.baud) == (921600, 921600)
    assert made.session.hello(made.deadline()).baud == 921600
    assert made.session.retries == []


def test_a_rate_that_does_not_work_is_given_up_by_both_ends(
    line: Callable[..., Bench],
) -> None:
    made = line(highest=500_000)
    assert made.session.set_baud(921600, made.deadline()) == 115200
    assert (made.link.baud, made.board.baud) == (115200, 115200)
    assert made.session.retries[0] == "no echo at 921600 baud"
    assert made.session.echo(b"well", made.deadline()) == b"well"


def test_a_lost_reply_to_the_switch_is_made_good(line: Callable[..., Bench]) -> None:
    made = line(from_device=[drop(1)])
    assert made.session.set_baud(921600, made.deadline()) == 921600
    assert made.board.baud == 921600
    assert made.session.retries == ["the answer to Baud was lost and asked for again"]


def test_a_device_that_heard_us_is_found_at_the_new_rate(
    line: Callable[..., Bench],
) -> None:
    made = line()
    # The device hears the first echo at the new rate and stays there; we hear nothing.
    made.link._device = _deaf(made, made.link._device)
    assert made.session.set_baud(921600, made.deadline()) == 921600
    assert made.board.baud == 921600
    assert made.session.retries == [
        "no echo at 921600 baud",
        "no echo at 115200 baud",
    ]


def _deaf(made: Bench, device: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def heard(data: bytes) -> bytes:
        said = device(data)
        is_new = made.link.baud == 921600
        return b"" if is_new and made.link.clock() < 1.0 else said

    return heard


def test_a_device_at_neither_rate_ends_at_the_deadline(
    line: Callable[..., Bench],
) -> None:
    made = line()
    device = made.link._device
    made.link._device = lambda data: (
        b"" if made.link.baud != 115200 or (made.link.clock() > 0) else device(data)
    )
    with pytest.raises(LinkTimeout, match="the answer to Echo did not come in time"):
        made.session.set_baud(921600, made.deadline(10))
    assert made.link.clock() == pytest.approx(10)


def test_the_same_rate_is_no_switch(line: Callable[..., Bench]) -> None:
    made = line()
    assert made.session.set_baud(115200, made.deadline()) == 115200
    assert made.board.next_event is None


@pytest.mark.parametrize("baud", [299, 12_000_001])
def test_a_rate_that_the_device_does_not_have_is_refused(
    line: Callable[..., Bench], baud: int
) -> None:
    made = line()
    with pytest.raises(FirmwareFault, match=r"with bad_baud \(12000000\)"):
        made.session.set_baud(baud, made.deadline())
    assert made.board.baud == 115200
