"""The firmware as a process, under the Session that talks to real boards."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import (
    DoesNotFit,
    FirmwareFault,
    LinkClosed,
    LinkTimeout,
    ModelError,
    UnsupportedOp,
)
from hil.links.process import ProcessLink
from hil.links.serial_port import SerialLink
from hil.session import Session
from hil.tools import Child, run
from hil.vocab import TimeBasis
from hil.wire import messages as m
from hil.wire.codec import decode, encode
from hil.wire.framing import FrameDecoder, encode_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Builder

    from hil.vocab import Link

MODEL = b'{"inputs": [40, 30], "outputs": [5, 3], "arena": 900}\n' + bytes(5000)
SMALL = b'{"inputs": [4], "outputs": [2]}'
SMALL_SHA256 = hashlib.sha256(SMALL).digest()
SECONDS = 60


def outputs_of(sample: bytes, *sizes: int) -> list[bytes]:
    """What the fake engine makes of all inputs, one behind the other."""
    start = sum(byte * (i + 1) for i, byte in enumerate(sample))
    return [bytes((start + j) % 251 for j in range(size)) for size in sizes]


@contextlib.contextmanager
def opened(link: Link) -> Iterator[Session]:
    session = Session(link)
    try:
        session.open(Deadline(SECONDS))
        yield session
    finally:
        session.close()


@contextlib.contextmanager
def served(device: Path, *arguments: str) -> Iterator[str]:
    """Start the device on a pty or socket; yield where it is."""
    child = Child([str(device), *arguments, "--watch-stdin"])
    try:
        yield child.read_line(Deadline(SECONDS))
    finally:
        child.stop()


@pytest.fixture(params=["pipes", "pty", "tcp"])
def session(build: Builder, request: pytest.FixtureRequest) -> Iterator[Session]:
    device = build.device()
    if request.param == "pipes":
        with opened(ProcessLink([str(device)])) as made:
            yield made
        return
    arguments = ["--pty"] if request.param == "pty" else ["--tcp", "0"]
    with served(device, *arguments) as where, opened(SerialLink(where)) as made:
        yield made


@pytest.fixture
def piped(build: Builder) -> Iterator[Session]:
    with opened(ProcessLink([str(build.device())])) as made:
        yield made


@pytest.fixture
def deadline() -> Deadline:
    return Deadline(SECONDS)


def test_hello_says_what_the_build_was_given(session: Session) -> None:
    device = session.device
    assert (device.board, device.build_id, device.engine) == ("native", "test", "fake")
    assert (device.time_basis, device.tick_hz) == (TimeBasis.HOST_CLOCK, 10**9)
    assert (device.ram_bytes, device.flash_bytes) == (65536, 131072)
    assert (device.rx_buffer_bytes, device.max_frame_bytes) == (1024, 256)
    assert device.arena_capacity_bytes == 4096
    assert device.model_sha256 is None
    assert device.input_sizes == ()


def test_a_model_is_loaded_timed_and_read(session: Session, deadline: Deadline) -> None:
    assert session.load_model(MODEL, deadline) == {"arena_bytes": 900}
    assert session.device.input_sizes == (40, 30)
    assert session.device.output_sizes == (5, 3)
    inputs = [bytes(range(40)), bytes(range(30))]
    ticks = session.invoke(inputs, deadline, n=70)  # more than one frame of ticks
    assert len(ticks) == 70
    assert all(0 < tick < SECONDS * 10**9 for tick in ticks)
    assert session.read_outputs(deadline) == outputs_of(b"".join(inputs), 5, 3)
    assert session.memory(deadline) == {"arena_bytes": 900}
    assert session.echo(b"fence", deadline) == b"fence"
    assert session.reset(deadline).model_sha256 is None
    assert session.retries == []


def test_five_hundred_samples_are_streamed(
    session: Session, deadline: Deadline
) -> None:
    session.load_model(MODEL, deadline)
    samples = [bytes((i * j) % 256 for j in range(70)) for i in range(500)]
    results = [output for _, output in session.run_samples(samples, deadline)]
    assert results == [b"".join(outputs_of(sample, 5, 3)) for sample in samples]
    assert session.retries == []


def test_inputs_and_outputs_larger_than_the_receive_buffer(
    session: Session, deadline: Deadline
) -> None:
    session.load_model(b'{"inputs": [5000, 17], "outputs": [3000]}', deadline)
    samples = [bytes((i + j) % 256 for j in range(5017)) for i in range(5)]
    results = [output for _, output in session.run_samples(samples, deadline)]
    assert results == [outputs_of(sample, 3000)[0] for sample in samples]
    session.invoke([samples[3][:5000], samples[3][5000:]], deadline, n=2)
    assert session.read_outputs(deadline) == outputs_of(samples[3], 3000)
    assert session.retries == []


def test_every_run_sees_the_staged_inputs_and_fresh_variables(
    piped: Session, deadline: Deadline
) -> None:
    piped.load_model(MODEL, deadline)
    inputs = [b"\x05" * 40, b"\x07" * 30]
    for runs in (1, 5):
        piped.invoke(inputs, deadline, n=runs)
        assert piped.read_outputs(deadline) == outputs_of(b"".join(inputs), 5, 3)


def test_another_model_begins_with_inputs_and_outputs_of_zero(
    piped: Session, deadline: Deadline
) -> None:
    piped.load_model(MODEL, deadline)
    piped.invoke([b"\x05" * 40, b"\x07" * 30], deadline, n=1)
    piped.load_model(MODEL + b"another", deadline)
    assert piped.read_outputs(deadline) == [bytes(5), bytes(3)]
    piped.profile(deadline)  # runs on what is staged
    assert piped.read_outputs(deadline) == outputs_of(bytes(70), 5, 3)


def test_the_profile_has_each_operator_also_over_many_frames(
    piped: Session, deadline: Deadline
) -> None:
    piped.load_model(MODEL, deadline)
    assert len(piped.profile(deadline)) == 3
    piped.load_model(b'{"inputs": [4], "outputs": [2], "operators": 128}', deadline)
    ticks = piped.profile(deadline)
    assert len(ticks) == 128
    assert max(ticks) > 0
    piped.load_model(b'{"inputs": [4], "outputs": [2], "operators": 129}', deadline)
    with pytest.raises(
        FirmwareFault, match=r"(?s)not_supported \(9\).*HIL_PROFILE_ENTRIES"
    ):
        piped.profile(deadline)


def test_tensors_are_those_of_the_staged_inputs(
    piped: Session, deadline: Deadline
) -> None:
    piped.load_model(b'{"inputs": [600], "outputs": [300]}', deadline)
    piped.invoke([b"\x03" * 600], deadline, n=0)
    assert piped.tensor(0, deadline) == b"\x03" * 600
    assert piped.tensor(1, deadline) == outputs_of(b"\x03" * 600, 300)[0]
    piped.invoke([b"\x04" * 600], deadline, n=0)
    assert piped.tensor(1, deadline) == outputs_of(b"\x04" * 600, 300)[0]
    with pytest.raises(FirmwareFault, match="no such tensor"):
        piped.tensor(2, deadline)


def test_logs_come_between_and_damage_nothing(
    piped: Session, deadline: Deadline
) -> None:
    piped.load_model(b'{"inputs": [70], "outputs": [3], "logs": true}', deadline)
    samples = [bytes([i]) * 70 for i in range(50)]
    results = [output for _, output in piped.run_samples(samples, deadline)]
    assert results == [outputs_of(sample, 3)[0] for sample in samples]
    piped.invoke([samples[0]], deadline, n=5)
    texts = [log.text for log in piped.logs]
    assert texts.count("a word in between") == 55
    assert any(text.startswith("ticks to read the timer: ") for text in texts)
    assert piped.retries == []


def test_what_cannot_be_prepared_is_refused_with_its_reason(
    piped: Session, deadline: Deadline
) -> None:
    with pytest.raises(DoesNotFit) as raised:
        piped.load_model(b'{"inputs": [4], "outputs": [2], "arena": 5000}', deadline)
    assert (raised.value.needed_bytes, raised.value.available_bytes) == (5000, 4096)
    with pytest.raises(DoesNotFit) as raised:
        piped.load_model(bytes(20001), deadline)
    assert (raised.value.needed_bytes, raised.value.available_bytes) == (20001, 20000)
    with pytest.raises(UnsupportedOp, match="no kernel for it"):
        piped.load_model(b'{"unsupported": "NMS"}', deadline)
    with pytest.raises(ModelError, match="the fake model is no JSON"):
        piped.load_model(b"{}", deadline)
    with pytest.raises(DoesNotFit):  # the inputs are staged in 8,192 bytes
        piped.load_model(b'{"inputs": [8193], "outputs": [2]}', deadline)
    sizes = ", ".join(["1"] * 20)
    many = f'{{"inputs": [{sizes}], "outputs": [{sizes}]}}'.encode()
    with pytest.raises(FirmwareFault, match="more inputs and outputs than HELLO can"):
        piped.load_model(many, deadline)
    assert piped.load_model(MODEL, deadline) == {"arena_bytes": 900}


def test_a_run_that_fails_is_told(piped: Session, deadline: Deadline) -> None:
    piped.load_model(b'{"inputs": [4], "outputs": [2], "fails": true}', deadline)
    with pytest.raises(FirmwareFault, match=r"(?s)invoke_failed.*the fake model fails"):
        piped.invoke([bytes(4)], deadline, n=1)
    with pytest.raises(FirmwareFault, match="answers Run with invoke_failed"):
        list(piped.run_samples([bytes(4)], deadline))
    assert piped.read_outputs(deadline) == [bytes(2)]


def test_an_image_with_a_model_takes_that_one_and_no_other(
    build: Builder, deadline: Deadline
) -> None:
    device = build.device(with_builtin=True)
    with opened(ProcessLink([str(device)])) as session:
        assert session.device.model_sha256 is None
        with pytest.raises(
            FirmwareFault, match=r"(?s)not_supported.*runs no model but"
        ):
            session.load_model(MODEL, deadline)
        sent: list[int] = []
        memory = session.load_model(
            build.builtin, deadline, progress=lambda done, _: sent.append(done)
        )
        assert sent == []  # nothing was missing
        assert memory == {"arena_bytes": 300}
        session.invoke([b"\x02" * 64], deadline, n=1)
        assert session.read_outputs(deadline) == outputs_of(b"\x02" * 64, 10)
        session.reset(deadline)
        assert session.load_model(build.builtin, deadline) == memory


def test_a_transfer_that_broke_off_is_resumed_by_another_session(
    build: Builder, deadline: Deadline
) -> None:
    def break_off(done: int, _of: int | None) -> None:
        if done > 1500:
            raise LinkClosed("the port went away")

    with served(build.device(), "--pty") as where:
        with opened(SerialLink(where)) as session, pytest.raises(LinkClosed):
            session.load_model(MODEL, deadline, progress=break_off)
        told: list[int] = []
        with opened(SerialLink(where)) as session:
            session.load_model(MODEL, deadline, progress=lambda n, _: told.append(n))
            assert session.device.input_sizes == (40, 30)
    assert told[0] > 1500


def test_a_socket_takes_one_host_after_the_other(build: Builder) -> None:
    with served(build.device(), "--tcp", "0") as where:
        for _ in range(3):
            with opened(SerialLink(where)) as session:
                assert session.device.board == "native"


def test_a_new_rate_is_used_and_kept(build: Builder, deadline: Deadline) -> None:
    with served(build.device(), "--pty") as where, opened(SerialLink(where)) as session:
        assert (session.device.baud, session.device.max_baud) == (115200, 3_000_000)
        assert session.set_baud(921600, deadline) == 921600
        assert session.hello(deadline).baud == 921600
        with pytest.raises(FirmwareFault, match=r"bad_baud \(3000000\)"):
            session.set_baud(4_000_000, deadline)


def test_a_rate_that_the_line_does_not_carry_is_given_up_by_both_ends(
    build: Builder, deadline: Deadline
) -> None:
    arguments = "--pty", "--line-limit", "1000000"
    with (
        served(build.device(), *arguments) as where,
        opened(SerialLink(where)) as session,
    ):
        assert session.set_baud(3_000_000, deadline) == 115200
        assert session.hello(deadline).baud == 115200


def replies(device: Path, *payloads: bytes) -> list[m.Message]:
    sent = b"".join(map(encode_frame, payloads))
    decoder = FrameDecoder()
    decoder.feed(run([str(device)], deadline=Deadline(SECONDS), stdin=sent).stdout)
    found = []
    while (payload := decoder.next_payload()) is not None:
        found.append(decode(payload)[1])
    return [message for message in found if not isinstance(message, m.LogMessage)]


@pytest.mark.parametrize(
    ("payload", "code", "detail"),
    [
        (b"\x02\x01\0\0", 3, 1),
        (b"\x00\x06\0\0\x01\0", 3, 1),
        (b"\x01\x3f\0\0", 2, 0x3F),
        (b"\x01\x00\0\0", 2, 0),
        (b"\x01\x01\0\0x", 1, 1),
        (b"\x01\x02\0\0" + bytes(35), 1, 2),
        (b"\x01\x03\0\0" + bytes(3), 1, 3),
        (b"\x01\x05\0\0" + bytes(4), 1, 5),
        (b"\x01\x06\0\0" + bytes(3), 1, 6),
        (b"\x01\x07\0\0" + bytes(8), 1, 7),
        (b"\x01\x08\0\0" + bytes(8), 1, 8),
        (b"\x01\x0a\0\0" + bytes(11), 1, 10),
        (b"\x01\x0d\0\0" + bytes(4), 14, 13),  # pipes have no rate
        (b"\x01\x0d\0\0" + bytes(5), 1, 13),
        (b"\x01\x09\0\0\x05\0", 13, 0),  # no profile was taken
        (b"\x01\x06\0\0\x01\0", 9, 0xFFFFFFFF),
    ],
)
def test_a_bad_request_is_refused_and_the_next_one_answered(
    build: Builder, payload: bytes, code: int, detail: int
) -> None:
    error, echo = replies(build.device(), payload, encode(m.EchoRequest(data=b"x"), 1))
    assert isinstance(error, m.ErrorReply)
    assert (error.code, error.detail) == (code, detail)
    assert echo == m.EchoReply(data=b"x")


@pytest.mark.parametrize(
    "payload", [b"", b"\x01\x01\0", b"\x01\x81\0\0", b"\x01\x7e\0\0"]
)
def test_what_is_no_request_is_not_answered(build: Builder, payload: bytes) -> None:
    echo = encode(m.EchoRequest(data=b"x"), 1)
    assert replies(build.device(), payload, echo) == [m.EchoReply(data=b"x")]


def test_a_repeated_invoke_is_answered_from_memory_also_behind_a_fence(
    build: Builder,
) -> None:
    load = m.LoadModelRequest(size_bytes=len(SMALL), sha256=SMALL_SHA256)
    first, second = (encode(m.InvokeRequest(n=20), sequence) for sequence in (4, 5))
    answers = replies(
        build.device(),
        encode(load, 1),
        encode(m.ChunkRequest(offset=0, data=SMALL), 2),
        encode(m.CommitRequest(), 3),
        first,
        encode(m.EchoRequest(data=b"fence"), 9),
        first,
        second,
    )[3:]
    assert isinstance(answers[0], m.InvokeReply)
    assert answers[2] == answers[0]
    assert answers[3] != answers[0]  # nanoseconds of twenty other runs


def test_a_second_commit_expects_run_0_again(build: Builder) -> None:
    load = m.LoadModelRequest(size_bytes=len(SMALL), sha256=SMALL_SHA256)
    answers = replies(
        build.device(frozen_clock=True),
        encode(load, 1),
        encode(m.ChunkRequest(offset=0, data=SMALL), 2),
        encode(m.CommitRequest(), 3),
        encode(m.RunRequest(run_id=5, flags=m.REWIND, offset=0, data=bytes(4)), 4),
        encode(m.CommitRequest(), 5),
        encode(m.RunRequest(run_id=0, offset=0, data=bytes(4)), 6),
    )
    assert answers[-1] == m.RunReply(
        run_id=0, ticks=1000, offset=0, total_bytes=2, data=b"\x00\x01"
    )


def test_a_device_without_a_clock_names_no_time_basis(build: Builder) -> None:
    link = ProcessLink([str(build.device(frozen_clock=True))])
    with opened(link) as session:
        assert session.device.time_basis is None
        assert session.device.tick_hz is None


def test_a_long_build_id_is_cut_and_hello_still_fits_its_frame(
    build: Builder, deadline: Deadline
) -> None:
    device = build.device(HIL_BUILD_ID=f'"{"x" * 300}"')
    sizes = ", ".join(["1"] * 16)
    model = f'{{"inputs": [{sizes}], "outputs": [{sizes}]}}'.encode()
    with opened(ProcessLink([str(device)])) as session:
        session.load_model(model, deadline)
        assert session.device.input_sizes == (1,) * 16
        assert session.device.output_sizes == (1,) * 16
        assert session.device.board == "native"
        assert set(session.device.build_id) <= {"x"}


def test_a_firmware_that_hangs_ends_at_the_deadline(
    piped: Session, deadline: Deadline
) -> None:
    piped.load_model(b'{"inputs": [4], "outputs": [2], "crash": 4}', deadline)
    with pytest.raises(LinkTimeout, match="the answer to Invoke"):
        piped.invoke([bytes(4)], Deadline(1), n=1)


@pytest.mark.parametrize(
    ("crash", "text"),
    [
        (1, "signal; number address pc: 00000006 "),
        (2, "signal; number address pc: 0000000b 00000000 00000000"),
        (3, "hard fault; pc lr: deadbeef 12345678"),
    ],
)
def test_a_fault_is_told_with_its_registers_and_ends_the_process(
    build: Builder, deadline: Deadline, crash: int, text: str
) -> None:
    link = ProcessLink([str(build.device(sanitized=False))])
    model = f'{{"inputs": [4], "outputs": [2], "crash": {crash}}}'.encode()
    with opened(link) as session:
        session.load_model(model, deadline)
        with pytest.raises(FirmwareFault, match="answers Invoke with internal") as told:
            session.invoke([bytes(4)], deadline, n=1)
        assert text in str(told.value)
        with pytest.raises(Exception, match="the process ended with status 70"):
            session.memory(deadline)


def test_unknown_arguments_are_refused(build: Builder) -> None:
    for arguments in (["--baud"], ["--tcp", "70000"], ["--tcp", "x"]):
        ended = run(
            [str(build.device()), *arguments], deadline=Deadline(SECONDS), check=False
        )
        assert ended.exit_code == 2
        assert ended.stderr.startswith((b"usage: hil.elf", b"hil.elf: "))
