from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hil.errors import (
    BrokenSetup,
    FirmwareFault,
)
from hil.vocab import TimeBasis
from hil.wire import messages as m
from hil.wire.codec import decode, encode
from hil.wire.framing import FrameDecoder, encode_frame
from hil.wire.kinds import LogLevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Bench

    from hil.emulators.board import Board
    from hil.links.fake import FakeLink

MODEL = b'{"inputs": [40, 30], "outputs": [5, 3], "arena": 900}\n' + bytes(5000)


def test_a_device_says_what_it_is(bench: Callable[..., Bench]) -> None:
    made = bench()
    hello = made.session.open(made.deadline())
    assert hello == made.session.device
    assert hello.board == "small"
    assert hello.engine == "tflm"
    assert hello.build_id.endswith("fake 1")
    assert hello.time_basis is TimeBasis.HOST_CLOCK
    assert hello.tick_hz == 1_000_000_000
    assert hello.arena_capacity_bytes == 16_000
    assert (hello.rx_buffer_bytes, hello.max_frame_bytes) == (1024, 256)
    assert (hello.baud, hello.max_baud) == (115200, 12_000_000)
    assert hello.model_sha256 is None
    assert hello.input_sizes == hello.output_sizes == ()


def test_a_model_is_loaded_and_then_named(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.session.open(made.deadline())
    told: list[tuple[int, int | None]] = []
    figures = made.session.load_model(
        MODEL, made.deadline(), progress=lambda done, of: told.append((done, of))
    )
    assert figures == {"arena_bytes": 900}
    assert made.session.device.model_sha256 == hashlib.sha256(MODEL).digest()
    assert made.session.device.input_sizes == (40, 30)
    assert made.session.device.output_sizes == (5, 3)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (len(MODEL), len(MODEL))
    assert made.session.retries == []


def test_a_model_that_is_loaded_already_is_not_sent_again(loaded: Bench) -> None:
    told: list[int] = []
    figures = loaded.session.load_model(
        MODEL, loaded.deadline(), progress=lambda done, _: told.append(done)
    )
    assert figures == {"arena_bytes": 900}
    assert told == []


def test_runs_are_timed_and_their_outputs_read(loaded: Bench) -> None:
    ticks = loaded.session.invoke([bytes(40), b"\1" * 30], loaded.deadline(), n=3)
    assert ticks == [1000] * 3
    assert len(loaded.runs) == 3
    # The weights of the second input are 41 to 70; every run begins afresh.
    start = sum(range(41, 71)) % 251
    assert loaded.session.read_outputs(loaded.deadline()) == [
        bytes((start + i) % 251 for i in range(5)),
        bytes((start + i) % 251 for i in range(3)),
    ]


def test_more_runs_than_a_reply_can_hold_are_asked_for_in_parts(loaded: Bench) -> None:
    ticks = loaded.session.invoke([bytes(40), bytes(30)], loaded.deadline(), n=100)
    assert len(ticks) == len(loaded.runs) == 100


class Slow:
    """A device that takes *seconds* of the clock for every INVOKE, once it is told."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.link: FakeLink | None = None
        self._decoder = FrameDecoder()

    def __call__(self, board: Board, data: bytes) -> bytes:
        self._decoder.feed(data)
        while (payload := self._decoder.next_payload()) is not None:
            if isinstance(decode(payload)[1], m.InvokeRequest) and self.link:
                self.link.clock.seconds += self.seconds
        return board.feed(data)


@pytest.mark.parametrize(("seconds", "runs"), [(5.0, 1), (9.0, 3)])
def test_runs_in_which_the_counter_went_round_are_refused(
    bench: Callable[..., Bench], seconds: float, runs: int
) -> None:
    slow = Slow()
    made = bench(wrap=slow)
    made.session.open(made.deadline())
    made.session.load_model(MODEL, made.deadline())
    slow.link, slow.seconds = made.link, seconds
    with pytest.raises(BrokenSetup, match="gone round") as caught:
        made.session.invoke([bytes(40), bytes(30)], made.deadline(), n=runs)
    assert caught.value.where == "small"
    assert f"{seconds:.3f} s by this host" in caught.value.found
    assert "4.3 s" in caught.value.allowed


def test_a_device_that_is_waited_for_a_while_is_believed(
    bench: Callable[..., Bench],
) -> None:
    slow = Slow()
    made = bench(wrap=slow)
    made.session.open(made.deadline())
    made.session.load_model(MODEL, made.deadline())
    slow.link, slow.seconds = made.link, 4.0
    ticks = made.session.invoke([bytes(40), bytes(30)], made.deadline(), n=2)
    assert ticks == [1000] * 2


def test_inputs_and_outputs_may_be_larger_than_a_frame(
    bench: Callable[..., Bench],
) -> None:
    made = bench()
    made.session.open(made.deadline())
    model = b'{"inputs": [3000], "outputs": [2500]}'
    made.session.load_model(model, made.deadline())
    sample = bytes(range(250)) * 12
    made.session.invoke([sample], made.deadline(), n=1)
    [output] = made.session.read_outputs(made.deadline())
    [(ticks, streamed)] = made.session.run_samples([sample], made.deadline())
    assert len(output) == 2500
    assert streamed == output
    assert ticks == 1000
    assert made.session.tensor(1, made.deadline()) == output


def test_samples_are_streamed_in_order(loaded: Bench) -> None:
    samples = [bytes([i % 256] * 70) for i in range(300)]
    told: list[tuple[int, int | None]] = []
    results = list(
        loaded.session.run_samples(
            samples,
            loaded.deadline(),
            progress=lambda done, of: told.append((done, of)),
        )
    )
    starts = [i % 256 * sum(range(1, 71)) % 251 for i in range(300)]
    assert [output[0] for _, output in results] == starts
    assert told == [(done, 300) for done in range(1, 301)]
    assert len(loaded.runs) == 300
    assert loaded.session.retries == []


def test_samples_are_read_as_they_are_needed(loaded: Bench) -> None:
    read: list[int] = []

    def samples():
        for i in range(1000):
            read.append(i)
            yield bytes(70)

    results = loaded.session.run_samples(samples(), loaded.deadline())
    next(results)
    assert 1 < len(read) < 40


def test_no_samples_give_no_results_at_once(loaded: Bench) -> None:
    before = loaded.link.clock()
    assert list(loaded.session.run_samples([], loaded.deadline())) == []
    assert loaded.link.clock() == before


def test_a_stream_that_was_left_does_not_spoil_what_follows(loaded: Bench) -> None:
    samples = [bytes(70)] * 20
    next(loaded.session.run_samples(samples, loaded.deadline()))
    assert loaded.session.echo(b"still here", loaded.deadline()) == b"still here"
    assert len(list(loaded.session.run_samples(samples, loaded.deadline()))) == 20


def test_memory_tensors_and_echo_are_answered(loaded: Bench) -> None:
    assert loaded.session.memory(loaded.deadline()) == {"arena_bytes": 900}
    loaded.session.invoke([b"\2" * 40, b"\3" * 30], loaded.deadline(), n=1)
    assert loaded.session.tensor(0, loaded.deadline()) == b"\2" * 40
    assert loaded.session.tensor(1, loaded.deadline()) == b"\3" * 30
    assert loaded.session.echo(b"", loaded.deadline()) == b""


def test_an_echo_that_fits_no_frame_is_refused(loaded: Bench) -> None:
    with pytest.raises(ValueError, match="carries at most 245 bytes, not 300"):
        loaded.session.echo(bytes(300), loaded.deadline())


def test_a_reset_device_has_no_model(loaded: Bench) -> None:
    assert loaded.session.reset(loaded.deadline()).model_sha256 is None
    assert loaded.session.device.input_sizes == ()


def test_a_profile_is_gathered_over_several_replies(
    to_script: Callable[..., Bench],
) -> None:
    made = to_script(
        m.ProfileReply(operators=3, ticks=(10, 20)),
        m.ProfileReply(operators=3, ticks=(30,)),
    )
    assert made.session.profile(made.deadline()) == [10, 20, 30]


def test_an_empty_piece_of_a_profile_is_a_fault(
    to_script: Callable[..., Bench],
) -> None:
    made = to_script(m.ProfileReply(operators=3, ticks=()))
    with pytest.raises(FirmwareFault, match="a piece of the wrong size"):
        made.session.profile(made.deadline())


def test_logs_are_put_aside(bench: Callable[..., Bench]) -> None:
    log = encode_frame(encode(m.LogMessage(level=LogLevel.WARNING, text="hot"), 0))
    made = bench(wrap=lambda board, data: log + board.feed(data) + log)
    made.session.open(made.deadline())
    assert made.session.logs[0] == m.LogMessage(level=2, text="hot")
    made.session.close()
