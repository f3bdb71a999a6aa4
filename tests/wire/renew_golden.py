"""Renews tests/data/wire_vectors.json, which the Python and the C tests read.

With --check nothing is written: the exit status is 1 where the file is not as it
would be written.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import fields
from pathlib import Path

from hil.vocab import TimeBasis
from hil.wire import messages as m
from hil.wire.codec import encode
from hil.wire.framing import encode_frame
from hil.wire.hello import HelloReply
from hil.wire.kinds import ErrorCode, LogLevel

_FILE = Path(__file__).resolve().parents[1] / "data" / "wire_vectors.json"

PAYLOADS = {
    "empty": b"",
    "one zero": b"\x00",
    "text around a zero": b"hello\x00world",
    "zeros only": bytes(10),
    "body of 253 bytes without a zero": b"\x01" * 249,
    "body of 254 bytes without a zero": b"\x01" * 250,
    "body of 255 bytes without a zero": b"\x01" * 251,
    "body of 508 bytes without a zero": b"\x01" * 504,
    "full block, zero, full block": b"\x02" * 254 + b"\x00" + b"\x02" * 250,
    "every byte": bytes(range(256)),
}
# Streams that are not all good frames: the payloads that come out, damaged frames
# dropped. The decoder takes frames of at most 1,024 bytes here.
STREAM_FRAME_BYTES = 1024


def _streams() -> list[dict[str, object]]:
    one, two = encode_frame(b"one"), encode_frame(b"two")
    damaged = bytearray(one)
    damaged[2] ^= 0x10
    full = encode_frame(b"\x01" * 250)
    cases: list[tuple[str, bytes, list[bytes], int]] = [
        ("two frames", one + two, [b"one", b"two"], 0),
        ("empty frames between", b"\0\0" + one + b"\0\0" + two, [b"one", b"two"], 0),
        ("a flipped bit", bytes(damaged) + two, [b"two"], 1),
        ("a frame cut short", one[:4] + b"\0" + two, [b"two"], 1),
        ("a lost end joins two frames", one[:-1] + two + two, [b"two"], 1),
        ("text between frames", b"boot\r\n\0" + one, [b"one"], 1),
        ("too short for a CRC", b"\x03ab\0" + one, [b"one"], 1),
        ("a code that leads beyond the end", b"\x09abc\0" + one, [b"one"], 1),
        ("no final block after a full one", full[:-2] + b"\0", [b"\x01" * 250], 0),
        ("too long", b"\x55" * 3000 + b"\0" + one, [b"one"], 1),
        ("too long and no frame behind", b"\x55" * 3000, [], 1),
        ("not finished", one + two[:-1], [b"one"], 0),
    ]
    return [
        {
            "name": name,
            "bytes": data.hex(),
            "payloads": [payload.hex() for payload in payloads],
            "damaged_frames": damaged_frames,
        }
        for name, data, payloads, damaged_frames in cases
    ]


_SHA256 = hashlib.sha256(b"model").digest()
_FIGURES = {
    "arena_bytes": 24272,
    "arena_persistent_bytes": 8272,
    "arena_nonpersistent_bytes": 16000,
    "stack_bytes": 1200,
    "heap_bytes": 0,
}
MESSAGES: list[m.Message] = [
    m.HelloRequest(),
    HelloReply(
        build_id="hil 1",
        board="board",
        engine="tflm",
        time_basis=TimeBasis.CPU_CYCLES,
        tick_hz=25_000_000,
        ram_bytes=262144,
        flash_bytes=1048576,
        arena_capacity_bytes=131072,
        model_sha256=_SHA256,
        rx_buffer_bytes=4096,
        max_frame_bytes=1024,
        input_sizes=(490,),
        output_sizes=(12, 4),
        baud=115200,
        max_baud=921600,
    ),
    HelloReply(),
    m.LoadModelRequest(size_bytes=53936, sha256=_SHA256),
    m.LoadModelReply(next_offset=4096),
    m.ChunkRequest(offset=4096, data=b"\x00\x01\x02\x03"),
    m.ChunkReply(next_offset=4100),
    m.CommitRequest(),
    m.CommitReply(figures=_FIGURES),
    m.WriteInputRequest(tensor=1, offset=256, data=b"\x80\x00\x7f"),
    m.WriteInputReply(staged_bytes=259),
    m.InvokeRequest(n=3),
    m.InvokeReply(ticks=(7_700_000, 7_700_012, 2**40)),
    m.ReadOutputRequest(tensor=0, offset=0, length=12),
    m.ReadOutputReply(data=b"\x80\x80\x7f"),
    m.RunRequest(run_id=0, flags=m.REWIND, offset=0, data=b"\x01\x02\x03\x04"),
    m.RunRequest(run_id=70000, offset=4, data=b"\x05"),
    m.RunReply(
        run_id=70000, ticks=2**33, offset=0, total_bytes=3, data=b"\x80\x00\x7f"
    ),
    m.RunReply(run_id=1, ticks=0, offset=0, total_bytes=0, data=b""),
    m.ProfileRequest(first=0),
    m.ProfileReply(operators=3, ticks=(10, 20)),
    m.TensorRequest(index=17, offset=0, length=4096),
    m.TensorReply(total_bytes=5000, data=b"\x01\x02"),
    m.MemoryRequest(),
    m.MemoryReply(figures={}),
    m.EchoRequest(data=b"fence"),
    m.EchoReply(data=b"fence"),
    m.BaudRequest(baud=921600),
    m.BaudReply(baud=921600),
    m.ResetRequest(),
    m.ResetReply(),
    m.LogMessage(level=LogLevel.WARNING, text="90 \u00b0C"),
    *(
        m.ErrorReply(code=int(code), detail=1000 + code, text=code.name.lower())
        for code in ErrorCode
    ),
]


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, TimeBasis):
        return {"time_basis": value.value}
    return list(value) if isinstance(value, tuple) else value


def _messages() -> list[dict[str, object]]:
    listed = []
    for number, message in enumerate(MESSAGES):
        sequence = (number * 4099) & 0xFFFF
        payload = encode(message, sequence)
        listed.append(
            {
                "class": type(message).__name__,
                "sequence": sequence,
                "fields": {
                    field.name: _plain(getattr(message, field.name))
                    for field in fields(message)
                },
                "payload": payload.hex(),
                "frame": encode_frame(payload).hex(),
            }
        )
    return listed


# Payloads that are no message of version 1: the codec refuses them.
NO_MESSAGES = {
    "nothing": "",
    "a head cut short": "010100",
    "an unknown type": "017d0000",
    "a reply to an unknown type": "018f0000",
    "HELLO with a body": "0101000000",
    "CHUNK without a whole offset": "01030000000000",
    "INVOKE with a byte too many": "01060000010000",
    "ticks cut off": "018600000000000000",
    "an entry without a length": "018b000001",
    "an entry cut off": "018b0000010800",
    "a figure of four bytes": "018b0000010400000000",
    "a hello entry of the wrong size": "0181000006020000",
}


def vectors() -> str:
    """Return the whole file as text."""
    document = {
        "note": "written by scripts/renew-golden; docs/protocol.md explains the format",
        "stream_frame_bytes": STREAM_FRAME_BYTES,
        "frames": [
            {"name": name, "payload": p.hex(), "frame": encode_frame(p).hex()}
            for name, p in PAYLOADS.items()
        ],
        "streams": _streams(),
        "messages": _messages(),
        "no_messages": [
            {"name": name, "payload": payload} for name, payload in NO_MESSAGES.items()
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def main() -> int:
    """Write or check the file."""
    if "--check" in sys.argv[1:]:
        same = _FILE.is_file() and _FILE.read_text(encoding="utf-8") == vectors()
        if not same:
            print(f"{_FILE.name} is not what scripts/renew-golden writes")
        return 0 if same else 1
    _FILE.parent.mkdir(exist_ok=True)
    _FILE.write_text(vectors(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
