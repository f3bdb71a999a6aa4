"""The text dialogue with a device that loses characters."""

from __future__ import annotations

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.emulators.board import Board
from hil.emulators.fake_kernels import FakeKernels
from hil.emulators.mlperf_board import MlperfBoard
from hil.engines.tflm import TflmEngine
from hil.errors import FirmwareFault, LinkTimeout, ProtocolMismatch
from hil.links.cassette import write_cassette
from hil.links.cassette_player import CassetteLink
from hil.links.fake import FakeLink
from hil.profiles import find_profile
from hil.results.mlperf_cassette import cassette_of
from hil.results.mlperf_import import read_run
from hil.session.mlperf import Identity, MlperfSession

MODEL = b'{"inputs": [100], "outputs": [2]}'
INPUT = bytes(range(100))
RIGHT = (sum(i * (i + 1) for i in range(100)) % 251, None)


class Line:
    """A device behind a line that loses the characters with these numbers."""

    def __init__(self, *, to=(), back=(), model=MODEL):
        board = Board(find_profile("emulated-mcu"), FakeKernels)
        self.board = MlperfBoard(board, name="hil", max_frame_bytes=8192)
        self.board.load(model)
        self.lost = {"to": set(to), "back": set(back)}
        self.count = {"to": 0, "back": 0}
        self.heard = bytearray()

    def carry(self, way, data):
        kept = bytearray()
        for byte in data:
            if self.count[way] not in self.lost[way]:
                kept.append(byte)
            self.count[way] += 1
        return bytes(kept)

    def __call__(self, data):
        arrived = self.carry("to", data)
        self.heard += arrived
        self.board.receive(arrived)
        said = bytearray()
        while (piece := self.board.step()) is not None:
            said += piece
        return self.carry("back", bytes(said))


def opened(device):
    link = FakeLink(device)
    session = MlperfSession(link, clock=link.clock)
    deadline = Deadline(600, now=link.clock)
    session.open(deadline)
    return session, deadline


def test_the_device_says_who_it_is():
    session, deadline = opened(Line())
    assert session.identity == Identity(
        name="hil", profile="ULPMark for tinyML Firmware V0.0.1", model="custom"
    )
    assert session.timestamp_us(deadline) is not None
    assert str(session) == "the fake link"
    session.close()


def test_an_input_is_inferred():
    session, deadline = opened(Line())
    done = session.infer(INPUT, deadline, n=3, warmup=2)
    assert (done.n, done.warmup, done.results[0]) == (3, 2, RIGHT[0])
    assert session.retries == []


# The first 13 characters are name% and profile%.
OPENING = len("name%profile%")
LOAD = OPENING + len("db load 100%")


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ([OPENING + 1], "Unknown command: d"),  # of `db load`
        ([OPENING + 8], "must be >0 bytes"),  # of the number: 00
        ([OPENING + 9, OPENING + 10], "db load was answered"),
        ([LOAD + 3], "number of hex digits"),
        ([LOAD + 3, LOAD + 4], "no m-load-done"),  # a whole byte
        ([LOAD + 65], "no m-ready"),  # the percent sign
    ],
)
def test_characters_lost_on_the_way_to_the_device_are_sent_again(lost, told):
    device = Line(to=lost)
    session, deadline = opened(device)
    assert session.infer(INPUT, deadline, n=3, warmup=2).results[0] == RIGHT[0]
    assert len(session.retries) == 1
    assert told in session.retries[0]
    # The pieces are smaller from then on: a device may lose what comes too fast.
    assert bytes(device.heard).count(b"db " + INPUT[:15].hex().encode() + b"%") == 1


def test_a_count_that_lost_a_digit_is_noticed_by_what_the_device_says():
    whole = Line()
    opened(whole)[0]
    device = Line()
    session, deadline = opened(device)
    session.infer(INPUT, deadline, n=70, warmup=10)
    at = bytes(device.heard).index(b"infer 70 10%") + 7
    device = Line(to=[at])
    session, deadline = opened(device)
    assert session.infer(INPUT, deadline, n=70, warmup=10).n == 70
    assert session.retries == ["infer 70 10: the device ran 7 10"]


def test_characters_lost_on_the_way_back_are_asked_for_again():
    device = Line()
    session, deadline = opened(device)
    before = device.count["back"]
    session.infer(INPUT, deadline)
    for at in range(before, device.count["back"], 7):
        lossy = Line(back=[at])
        session, deadline = opened(lossy)
        done = session.infer(INPUT, deadline)
        assert done.results[0] == RIGHT[0]
        assert done.elapsed_us < 1_000_000


def test_answers_that_always_look_damaged_are_the_devices_way():
    device = Line()

    def odd(data):
        return (
            device(data)
            .replace(b".000,", b".0000,")
            .replace(b"m-lap-us-", b"m-lap-us-9")
        )

    session, deadline = opened(odd)
    for _ in range(3):
        assert session.infer(INPUT, deadline).results[0] == RIGHT[0]
    assert session.retries == ["infer 1 0: values with different numbers of decimals"]


def test_a_clock_that_goes_back_is_asked_for_again_once():
    device = Line()

    def wrapping(data):
        return device(data).replace(
            b"m-infer-start-1\r\nm-lap",
            b"m-infer-start-1\r\nm-lap-us-4294967295\r\nm-lap",
        )

    session, deadline = opened(wrapping)
    assert session.infer(INPUT, deadline).results[0] == RIGHT[0]
    session.infer(INPUT, deadline)
    assert session.retries == ["infer 1 0: times that do not follow each other"]


def test_a_line_that_loses_too_much_is_told():
    class Deaf(Line):
        def __call__(self, data):
            return super().__call__(data.replace(b"db 00", b"db 0"))

    session, deadline = opened(Deaf())
    with pytest.raises(FirmwareFault, match="infer 1 0 does not reach the device") as e:
        session.infer(INPUT, deadline)
    assert e.value.found.startswith("5 times; the last time: e-[")
    assert e.value.found.endswith("number of hex digits]")
    assert "a lower baud rate" in e.value.remedy


def test_a_device_that_boots_just_now_is_asked_again():
    device = Line()
    calls = []

    def booting(data):
        calls.append(data)
        if len(calls) == 1:  # commands before m-init-done are swallowed
            return b"m-timestamp-mode-performance\r\nm-lap-us-5\r\n"
        if len(calls) == 2:
            return b"m-init-done\r\nm-ready\r\n" + device(data)
        return device(data)

    session, _ = opened(booting)
    assert session.identity.name == "hil"


def test_half_a_command_of_an_earlier_host_is_passed():
    device = Line()
    device(b"db 00")
    session, _ = opened(device)
    assert session.identity.model == "custom"


def test_a_device_that_echoes_is_understood():
    device = Line()
    session, deadline = opened(lambda data: data + device(data))
    assert session.infer(INPUT, deadline).results[0] == RIGHT[0]


def test_silence_is_told_with_what_to_check():
    with pytest.raises(LinkTimeout, match="nothing answers name%") as silent:
        opened(lambda _: b"")
    assert silent.value.remedy == (
        "check the port and the rate (115200 baud, 9600 for energy)"
    )


def test_a_device_that_says_other_things_is_told():
    with pytest.raises(LinkTimeout, match="nothing answers name%") as other:
        opened(lambda _: b"login: \r\n" * 30_000)
    assert other.value.found == "the device says more than any command asks for"
    with pytest.raises(ProtocolMismatch):
        MlperfSession(FakeLink(lambda _: b"x\r\n" * 30_000))._reply(
            ("db", "print"), Deadline(1)
        )


def test_an_input_of_another_size_is_the_hosts_fault():
    session, deadline = opened(Line())
    with pytest.raises(FirmwareFault, match="expects an input of another size") as told:
        session.infer(INPUT[:50], deadline)
    assert told.value.found == "Input db has 50 elemented, expected 100"
    with pytest.raises(FirmwareFault, match="larger than the device's buffer"):
        session.infer(bytes(30_000), deadline)


def test_energy_mode_tells_no_time():
    device = Line()

    def energy(data):
        lines = device(data).split(b"\r\n")
        return b"\r\n".join(line for line in lines if not line.startswith(b"m-lap"))

    session, deadline = opened(energy)
    assert session.timestamp_us(deadline) is None
    assert session.infer(INPUT, deadline).elapsed_us is None


def test_numbers_that_are_damaged_are_asked_for_again():
    device = Line()
    answers = []

    def damaged(data):
        answer = device(data)
        if b"m-results" in answer and not answers:
            answers.append(answer)
            return answer.replace(b".000", b".0x0")
        return answer

    session, deadline = opened(damaged)
    assert session.infer(INPUT, deadline).results[0] == RIGHT[0]
    assert session.retries == ["infer 1 0: the results of the device cannot be read"]


@pytest.mark.shared
def test_the_recorded_reference_board_answers_as_tflite_micro(shared, tmp_path):
    log = read_run(shared / "data/mlperf_logs/v05_l4r5zi_tflm_kws_accuracy.txt.gz")
    with np.load(shared / "data/kws/kws01.npz", allow_pickle=False) as data:
        samples = data["x"]
    inputs = [sample.tobytes() for sample in samples]
    tape = tmp_path / "board.cassette.gz"
    write_cassette(tape, *cassette_of(log, origin="the log", inputs=inputs))
    engine = TflmEngine()
    engine.load((shared / "models/kws_ref_model.tflite").read_bytes())
    session = MlperfSession(CassetteLink(f"cassette:{tape}"))
    deadline = Deadline(60)
    assert session.open(deadline).model == "kws01"
    for sample, sent in zip(samples[:150], inputs, strict=False):
        (output,) = engine.invoke([sample[None]])
        steps = output.reshape(-1).astype(int) + 128
        # The board cuts behind three decimals.
        expected = tuple(1000 * step // 256 / 1000 for step in steps.tolist())
        assert session.infer(sent, deadline).results == expected
    assert session.retries == []
    session.close()
