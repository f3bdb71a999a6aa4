from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING

import pytest
from adb_shell.auth.keygen import keygen
from adb_shell.auth.sign_pythonrsa import PythonRSASigner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.deadline import Deadline
from hil.emulators.phone.wire import AuthType, Command, Packet, encode
from hil.tools import Child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Host

BANNER = (
    b"device::ro.product.name=emulated_phone;ro.product.model=Emulated Phone;"
    b"ro.product.device=emulated_phone;"
    b"features=shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir"
)


def test_the_banner_names_the_phone_and_its_features(
    port: int, new_host: Callable[[int], Host]
) -> None:
    answer = new_host(port).connect()
    assert answer == Packet(Command.CNXN, 0x01000001, 1 << 20, BANNER)


def test_an_old_host_gets_sums_and_a_new_one_none(
    port: int, new_host: Callable[[int], Host]
) -> None:
    for version, summed in ((0x01000000, True), (0x01000001, False)):
        host = new_host(port)
        host.connect(version)
        host.decoder.checksum = False
        host.send(Command.OPEN, 1, 0, b"shell:echo a\0")
        raw = b""
        while len(raw) < 24 + 24 + 2:
            raw += host.socket.recv(100)
        assert struct.unpack_from("<I", raw, 24 + 16) == (
            (sum(b"a\n"),) if summed else (0,)
        )


def test_an_old_host_that_sends_a_wrong_sum_is_cut_off(
    port: int, new_host: Callable[[int], Host]
) -> None:
    host = new_host(port)
    host.connect(0x01000000)
    host.checksum = False
    host.send(Command.OPEN, 1, 0, b"shell:true\0")
    assert host.receive() is None


@pytest.mark.parametrize("maxdata", [1, 100, 4096, 1 << 30])
def test_no_packet_is_larger_than_the_host_takes(
    port: int, new_host: Callable[[int], Host], maxdata: int
) -> None:
    host = new_host(port)
    host.connect(maxdata=maxdata)
    host.open("exec:head -c 5000 /dev/zero")
    sizes = []
    while (data := host.read()) is not None:
        sizes.append(len(data))
    assert sum(sizes) == 5000
    assert max(sizes) <= maxdata


def test_a_host_that_takes_nothing_is_cut_off(
    port: int, new_host: Callable[[int], Host]
) -> None:
    host = new_host(port)
    host.send(Command.CNXN, 0x01000001, 0, b"host::")
    assert host.receive() is None


@pytest.mark.parametrize(
    "service", ["nosuch:", "shell", "", "sync:x", "exec,x:", "tcp:5555", "\x00"]
)
def test_unknown_services_are_refused_and_the_connection_goes_on(
    host: Host, service: str
) -> None:
    assert host.open(service)[1] == 0
    assert host.shell("echo on").stdout == "on\n"


@pytest.mark.parametrize(
    ("service", "answer"),
    [
        ("root:", b"adbd cannot run as root in production builds\n"),
        (
            "reboot:bootloader",
            b"an emulated phone does not reboot: end it and start it again\n",
        ),
        ("tcpip:5555", b"an emulated phone listens on TCP already\n"),
    ],
)
def test_services_of_the_daemon_itself_answer_with_a_line(
    host: Host, service: str, answer: bytes
) -> None:
    host.open(service)
    assert host.rest() == answer


def test_shell_v2_tells_output_errors_and_status_apart(host: Host) -> None:
    done = host.shell("echo a; echo b >&2; exit 3")
    assert (done.stdout, done.stderr, done.status) == ("a\n", "b\n", 3)


def test_a_terminal_has_one_output(host: Host) -> None:
    host.open("shell,v2,TERM=xterm,pty:echo a; echo b >&2; exit 3")
    assert host.rest() == b"\1\2\0\0\0a\n\1\2\0\0\0b\n\3\1\0\0\0\3"


@pytest.mark.parametrize("service", ["shell:", "exec:", "shell,raw:"])
def test_the_old_shell_and_exec_have_one_output_and_no_status(
    host: Host, service: str
) -> None:
    host.open(service + "echo a; echo b >&2; exit 3")
    assert host.rest() == b"a\nb\n"


def test_standard_input_comes_in_frames_and_can_be_closed(host: Host) -> None:
    ours, theirs = host.open("shell,v2,raw:cat; echo end")
    frames = b"\0\3\0\0\0abc" + b"\5\4\0\0\0size" + b"\0\2\0\0\0d\n" + b"\4\0\0\0\0"
    host.write(ours, theirs, frames[:2])  # a frame may be cut anywhere
    host.send(Command.WRITE, ours, theirs, frames[2:])
    # The OKAY of the last WRITE comes among the output.
    output = host.rest()
    assert output.endswith(b"end\n\3\1\0\0\0\0")
    assert b"abcd\n" in output.replace(b"\1\2\0\0\0", b"").replace(b"\1\3\0\0\0", b"")


def test_bytes_that_are_no_text_survive_a_shell(host: Host) -> None:
    done = host.shell(b"echo \xff\xfe'\xc3'")
    assert done.stdout.encode(errors="surrogateescape") == b"\xff\xfe\xc3\n"


def test_many_streams_run_at_once_on_one_connection(host: Host) -> None:
    streams = 20
    for number in range(1, streams + 1):
        host.send(
            Command.OPEN, 100 + number, 0, f"exec:sleep 0.01; echo {number}\0".encode()
        )
    found = set()
    closed = 0
    while closed < streams:
        packet = host.receive()
        assert packet is not None
        if packet.command == Command.WRITE:
            found.add((packet.arg1 - 100, packet.payload))
            host.send(Command.OKAY, packet.arg1, packet.arg0)
        closed += packet.command == Command.CLSE
    assert found == {(n, f"{n}\n".encode()) for n in range(1, streams + 1)}


def test_an_endless_loop_keeps_nobody_waiting(
    host: Host, port: int, new_host: Callable[[int], Host]
) -> None:
    host.open("shell,v2,raw:while true; do true; done")
    host.open("shell,v2,raw:cat /dev/zero | cat > /dev/null")
    other = new_host(port)
    other.connect()
    for _ in range(20):
        assert other.shell("echo on").stdout == "on\n"


def test_a_flood_of_opens_is_refused_beyond_a_limit(host: Host) -> None:
    for number in range(1, 201):
        host.send(Command.OPEN, number, 0, b"exec:cat\0")
    answers = [host.receive() for _ in range(200)]
    refused = [
        a
        for a in answers
        if a is not None and a.command == Command.CLSE and a.arg0 == 0
    ]
    accepted = [a for a in answers if a is not None and a.command == Command.OKAY]
    assert len(accepted) == 64
    assert len(refused) == 136


def test_the_phone_waits_for_the_okay_of_every_write(host: Host) -> None:
    ours, theirs = host.open("exec:echo a; cat")
    first = host.receive()
    assert first == Packet(Command.WRITE, theirs, ours, b"a\n")
    host.write(ours, theirs, b"b")  # its OKAY comes, but no second WRITE before ours
    host.send(Command.OKAY, ours, theirs)
    assert host.receive() == Packet(Command.WRITE, theirs, ours, b"b")


def test_a_second_write_before_the_okay_ends_the_connection(host: Host) -> None:
    ours, theirs = host.open("exec:sleep 60")
    for _ in range(3):
        host.send(Command.WRITE, ours, theirs, bytes(1 << 19))
    while (packet := host.receive()) is not None:
        assert packet.command == Command.OKAY


def test_a_close_is_answered_by_a_close_and_hangs_up(
    host: Host, port: int, new_host: Callable[[int], Host]
) -> None:
    ours, theirs = host.open("shell,v2,raw:echo $$; sleep 60")
    pid = host.read()
    assert pid is not None
    number = pid[5:].decode().strip()
    host.send(Command.CLSE, ours, theirs)
    assert host.receive() == Packet(Command.CLSE, theirs, ours)
    other = new_host(port)
    other.connect()
    script = f"while [ -e /proc/{number} ]; do sleep 0.01; done; echo gone"
    assert other.shell(script).stdout == "gone\n"


def test_a_lost_connection_hangs_up_what_ran_in_it(
    host: Host, port: int, new_host: Callable[[int], Host]
) -> None:
    lost = new_host(port)
    lost.connect()
    lost.open("shell,v2,raw:echo $$; sleep 60")
    pid = lost.read()
    assert pid is not None
    lost.close()
    script = (
        f"while [ -e /proc/{pid[5:].decode().strip()} ]; do sleep 0.01; done; echo gone"
    )
    assert host.shell(script).stdout == "gone\n"


def test_what_nohup_runs_outlives_its_stream(host: Host) -> None:
    script = (
        "cd /data/local/tmp; nohup sh -c 'echo $$ > pid;"
        " while [ ! -e go ]; do sleep 0.01; done; echo done' > out"
    )
    ours, theirs = host.open(f"shell,v2,raw:{script}")
    host.shell("while [ ! -s /data/local/tmp/pid ]; do sleep 0.01; done")
    host.send(Command.CLSE, ours, theirs)
    assert host.receive() == Packet(Command.CLSE, theirs, ours)
    done = host.shell(
        "cd /data/local/tmp; touch go; while [ ! -s out ]; do sleep 0.01; done; cat out"
    )
    assert done.stdout == "done\n"


def test_a_killed_shell_ends_by_its_signal(
    host: Host, port: int, new_host: Callable[[int], Host]
) -> None:
    host.open("shell,v2,raw:echo $$; sleep 60")
    pid = host.read()
    assert pid is not None
    other = new_host(port)
    other.connect()
    assert other.shell(f"kill -9 {pid[5:].decode().strip()}").status == 0
    assert host.rest() == b"\3\1\0\0\0" + bytes([128 + 9])


def test_nothing_is_served_before_the_handshake(
    port: int, new_host: Callable[[int], Host]
) -> None:
    host = new_host(port)
    host.send(Command.OPEN, 1, 0, b"shell:echo a\0")
    assert host.connect().command == Command.CNXN


def test_packets_for_streams_that_are_not_there_are_ignored(host: Host) -> None:
    for command in (Command.WRITE, Command.OKAY, Command.CLSE, 0x12345678):
        host.send(command, 77, 88, b"x")
    assert host.shell("echo on").stdout == "on\n"


def test_connecting_again_ends_the_streams_of_before(host: Host) -> None:
    host.open("exec:cat")
    assert host.connect().command == Command.CNXN
    assert host.shell("ps; echo on").stdout.endswith("on\n")


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<6I", Command.OPEN, 1, 0, 0, 0, 0),
        struct.pack(
            "<6I", Command.OPEN, 1, 0, 0xFFFFFFFF, 0, Command.OPEN ^ 0xFFFFFFFF
        ),
        encode(Packet(Command.OPEN, 0, 0, b"shell:true\0"), checksum=False),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_a_broken_packet_ends_its_connection_alone(
    host: Host, port: int, new_host: Callable[[int], Host], data: bytes
) -> None:
    hostile = new_host(port)
    hostile.connect()
    hostile.socket.sendall(data)
    assert hostile.receive() is None
    assert host.shell("echo on").stdout == "on\n"


COMMANDS = st.sampled_from([*Command, 0, 0xFFFFFFFF])
SMALL = st.integers(0, 3)
NAMES = st.one_of(
    st.sampled_from(
        [b"sync:\0", b"shell,v2,raw:cat\0", b"shell:\0", b"exec:ls -la /\0"]
    ),
    st.binary(max_size=30),
)
HOSTILE = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda *parts: encode(Packet(*parts), checksum=False),
        COMMANDS,
        SMALL,
        SMALL,
        NAMES,
    ),
)


@given(parts=st.lists(HOSTILE, max_size=8), connects=st.booleans())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_bytes_end_the_phone(
    port: int, new_host: Callable[[int], Host], *, parts: list[bytes], connects: bool
) -> None:
    hostile = new_host(port)
    good = new_host(port)
    try:
        if connects:
            hostile.connect()
        for part in parts:
            try:
                hostile.socket.sendall(part)
            except OSError:
                break  # cut off already
        good.connect()
        assert good.shell("echo on").stdout == "on\n"
    finally:
        hostile.close()
        good.close()


@pytest.fixture(scope="module")
def guarded(
    start_phone: Callable[..., tuple[Child, int]], profile_file: Callable[..., Path]
) -> int:
    """The port of a phone that wants its hosts to sign."""
    return start_phone(profile_file(require_auth="true"))[1]


@pytest.fixture
def signer(tmp_path: Path) -> PythonRSASigner:
    keygen(str(tmp_path / "adbkey"))
    return PythonRSASigner.FromRSAKeyPath(str(tmp_path / "adbkey"))


def test_a_known_key_signs_and_an_unknown_one_is_offered(
    guarded: int, new_host: Callable[[int], Host], signer: PythonRSASigner
) -> None:
    host = new_host(guarded)
    first = host.connect()
    assert (first.command, first.arg0, len(first.payload)) == (
        Command.AUTH,
        AuthType.TOKEN,
        20,
    )
    host.send(Command.AUTH, AuthType.SIGNATURE, 0, signer.Sign(first.payload))
    second = host.receive()
    assert second is not None
    assert (second.command, second.arg0) == (Command.AUTH, AuthType.TOKEN)
    assert second.payload != first.payload
    host.send(Command.OPEN, 1, 0, b"shell:echo a\0")  # not heard yet
    host.send(
        Command.AUTH, AuthType.PUBLIC_KEY, 0, signer.GetPublicKey().encode() + b"\0"
    )
    answer = host.receive()
    assert answer is not None
    assert answer.command == Command.CNXN
    again = new_host(guarded)
    token = again.connect()
    again.send(Command.AUTH, AuthType.SIGNATURE, 0, signer.Sign(token.payload))
    assert again.receive() == answer


def test_a_signature_is_good_for_one_token_only(
    guarded: int, new_host: Callable[[int], Host], signer: PythonRSASigner
) -> None:
    host = new_host(guarded)
    token = host.connect()
    host.send(
        Command.AUTH, AuthType.PUBLIC_KEY, 0, signer.GetPublicKey().encode() + b"\0"
    )
    assert host.receive() is not None
    replay = new_host(guarded)
    replay.connect()
    replay.send(Command.AUTH, AuthType.SIGNATURE, 0, signer.Sign(token.payload))
    answer = replay.receive()
    assert answer is not None
    assert answer.command == Command.AUTH


def test_a_key_that_nobody_allows_gets_no_answer(
    new_host: Callable[[int], Host],
    profile_file: Callable[..., Path],
    signer: PythonRSASigner,
) -> None:
    script = (
        "import asyncio, sys\n"
        "from hil.emulators.phone.adbd import serve\n"
        "from hil.profiles import find_profile\n"
        "say = lambda port: print(port, flush=True)\n"
        "asyncio.run(serve(find_profile(sys.argv[1]), port=0, ready=say,"
        " storage=__import__('pathlib').Path(sys.argv[2]), accepts_new_keys=False))"
    )
    path = profile_file(require_auth="true")
    child = Child([sys.executable, "-c", script, str(path), str(path.parent / "files")])
    try:
        host = new_host(int(child.read_line(Deadline(60))))
        host.connect()
        offer = signer.GetPublicKey().encode() + b"\0"
        host.send(Command.AUTH, AuthType.PUBLIC_KEY, 0, offer)
        # The next answer is that to the second CNXN: there was none in between.
        answer = host.connect()
        assert (answer.command, answer.arg0) == (Command.AUTH, AuthType.TOKEN)
    finally:
        child.stop()


def test_guessing_keys_is_bounded(
    guarded: int, new_host: Callable[[int], Host]
) -> None:
    host = new_host(guarded)
    host.connect()
    answers = 0
    for _ in range(100):
        try:
            host.send(Command.AUTH, AuthType.SIGNATURE, 0, bytes(256))
        except OSError:
            break
        if host.receive() is None:
            break
        answers += 1
    assert answers == 63
