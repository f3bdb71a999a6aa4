"""A microcontroller's answers in MLPerf Tiny's text protocol, as the reference's.

Source of each text: benchmark/api/internally_implemented.cpp and the reference
submissions of mlcommons/tiny. Three things are ours: the input is written again before
every inference; a command without a word is answered with `m-ready` alone; nothing is
printed at start, as a pty would keep it for the first host, who takes it for an answer.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.wire.mlperf import BUFFER_BYTES, LINE_END, PROFILE, READY, lap_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from hil.emulators.slot import ModelSlot
    from hil.engines.spec import TensorSpec

_HELP: Final = (
    PROFILE,
    "",
    "help         : Print this information",
    "name         : Print the name of the device",
    "timestsamp   : Generate a timetsamp",
    "db SUBCMD    : Manipulate a generic byte buffer",
    "  load N     : Allocate N bytes and set load counter",
    "  db HH[HH]* : Load 8-bit hex byte(s) until N bytes",
    "  print [N=16] [offset=0]",
    "             : Print N bytes at offset as hex",
    "infer N [W=0]: Load input, execute N inferences after W warmup loops",
    "results      : Return the result fp32 vector",
)
_DEFAULT_WARMUP: Final = 10
_ROW_BYTES: Final = 8  # of `db print`
_DIGITS: Final = re.compile(r"\s*([+-]?[0-9]+)")
_IMAGES: Final = {"vww01", "ic01", "ic02"}  # pixels of 0 to 255 are sent
_ANOMALY: Final = "ad01"  # floats are sent, the squared error comes back
# By the elements of the input; ad01 is told by its output too.
_IDS: Final = {490: "kws01", 27_648: "vww01", 3072: "ic01"}
_AD_ELEMENTS: Final = 640


def model_id(inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> str:
    """Return the benchmark's name of a model with these tensors, or `custom`."""
    elements = int(np.prod(inputs[0].shape))
    if elements == int(np.prod(outputs[0].shape)) == _AD_ELEMENTS:
        return _ANOMALY
    return _IDS.get(elements, "custom")


class MlperfText:
    """The commands of one device whose model is loaded."""

    def __init__(
        self,
        slot: ModelSlot,
        *,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the slot of the model, and the vendor's name that `name%` tells."""
        self._slot = slot
        self._name = name
        self._clock = clock
        self._buffer = bytearray(BUFFER_BYTES)
        self._size = 0
        self._position = 0

    def knows(self, command: str) -> bool:
        """Whether the first word of *command* is one of the protocol's."""
        words = command.split(" ")
        return next(filter(None, words), "") in _COMMANDS

    def answer(self, command: str) -> Iterator[bytes]:
        """Yield the answer to *command* in pieces; between two others may work."""
        words = [word for word in command.split(" ") if word]
        if words:
            answer = _COMMANDS.get(words[0])
            if answer is None:
                yield _line(f"e-[Unknown command: {words[0]}]")
            else:
                yield from answer(self, words[1:])
        yield _line(READY)

    def _tell_name(self, _words: list[str]) -> Iterator[bytes]:
        yield _line(f"m-name-dut-[{self._name}]")

    def _timestamp(self, _words: list[str]) -> Iterator[bytes]:
        yield _line(self._lap())

    def _profile(self, _words: list[str]) -> Iterator[bytes]:
        yield _line(f"m-profile-[{PROFILE}]")
        yield _line(f"m-model-[{self._model}]")

    def _help(self, _words: list[str]) -> Iterator[bytes]:
        yield from map(_line, _HELP)

    def _db(self, words: list[str]) -> Iterator[bytes]:
        if not words:
            yield _line("e-[Command 'db' requires a subcommand]")
        elif words[0] == "load":
            yield self._db_load(words[1:])
        elif words[0] == "print":
            yield from self._db_print()
        else:
            yield self._db_bytes(words[0])

    def _db_load(self, words: list[str]) -> bytes:
        if not words:
            return _line("e-[Command 'db load' requires the # of bytes]")
        size = _number(words[0])
        self._size = size
        if size == 0:
            return _line("e-[Command 'db load' must be >0 bytes]")
        self._position = 0
        if not 0 < size <= BUFFER_BYTES:
            # A bare LF, and no `e-[`: so does the reference.
            text = f"Supplied buffer size {size} exceeds maximum of {BUFFER_BYTES}\n"
            return text.encode()
        return _line(f"m-[Expecting {size} bytes]")

    def _db_print(self) -> Iterator[bytes]:
        held = self._buffer[: max(0, min(self._size, BUFFER_BYTES))]
        for start in range(0, len(held), _ROW_BYTES):
            row = held[start : start + _ROW_BYTES]
            yield _line(f"m-buffer-{row.hex('-')}")
        if len(held) % _ROW_BYTES:
            yield _line("")

    def _db_bytes(self, digits: str) -> bytes:
        if len(digits) % 2:
            # The reference spells it so.
            return _line("e-[Insufficent number of hex digits]")  # codespell:ignore
        for start in range(0, len(digits), 2):
            pair = digits[start : start + 2]
            try:
                value = int(pair, 16) if pair.isalnum() else -1
            except ValueError:
                value = -1
            if value < 0:
                return _line(f"e-[Invalid hex digit '{pair}']")
            # The reference writes past its buffer here; this one drops the byte.
            if self._position < BUFFER_BYTES:
                self._buffer[self._position] = value
            self._position += 1
            if self._position == self._size:
                return _line("m-load-done")
        return b""

    def _infer(self, words: list[str]) -> Iterator[bytes]:
        n = _number(words[0]) if words else 1
        warmup = _number(words[1]) if len(words) > 1 else _DEFAULT_WARMUP
        if n <= 0:
            yield _line("e-[Inference iterations must be >0]")
            return
        if warmup < 0:
            yield _line("e-[Inference warmup must be >=0]")
            return
        yield self._load_input()
        yield _line(f"m-warmup-start-{warmup}")
        yield from self._runs(warmup)
        yield _line("m-warmup-done") + _line(f"m-infer-start-{n}")
        began = self._lap()
        yield from self._runs(n)
        yield _line(began) + _line(self._lap()) + _line("m-infer-done")
        yield from self._results([])

    def _runs(self, n: int) -> Iterator[bytes]:
        for _ in range(n):
            self._slot.run()
            yield b""

    def _results(self, _words: list[str]) -> Iterator[bytes]:
        values = ",".join(f"{value:.3f}" for value in self._values())
        yield _line(f"m-results-[{values}]")

    def _load_input(self) -> bytes:
        """Bring the buffer into the input tensor, as the model's task says."""
        spec = self._slot.input_specs[0]
        elements = int(np.prod(spec.shape))
        model = self._model
        expected = spec.size_bytes
        if model in _IMAGES:
            expected = elements
        elif model == _ANOMALY:
            expected = elements * 4
        held = bytes(self._buffer[: min(self._position, BUFFER_BYTES)])
        if len(held) != expected:
            text = f"Input db has {len(held)} elemented, expected {expected}\n"
            return text.encode()
        self._slot.stage(0, 0, _converted(held, spec, model))
        return b""

    def _values(self) -> npt.NDArray[np.float64]:
        spec = self._slot.output_specs[0]
        raw = np.frombuffer(self._slot.outputs()[: spec.size_bytes], spec.dtype)
        values = _dequantized(raw, spec)
        if self._model != _ANOMALY:
            return values
        sent = np.frombuffer(bytes(self._buffer[: 4 * _AD_ELEMENTS]), "<f4")
        error = np.mean((values - sent.astype(np.float64)) ** 2)
        return np.array([error])

    @property
    def _model(self) -> str:
        return model_id(self._slot.input_specs, self._slot.output_specs)

    def _lap(self) -> str:
        return lap_line(int(self._clock() * 1e6))


_COMMANDS: Final = {
    "name": MlperfText._tell_name,  # noqa: SLF001 - its own table of commands
    "timestamp": MlperfText._timestamp,  # noqa: SLF001 - likewise
    "profile": MlperfText._profile,  # noqa: SLF001 - likewise
    "help": MlperfText._help,  # noqa: SLF001 - likewise
    "db": MlperfText._db,  # noqa: SLF001 - likewise
    "infer": MlperfText._infer,  # noqa: SLF001 - likewise
    "results": MlperfText._results,  # noqa: SLF001 - likewise
}


def _converted(held: bytes, spec: TensorSpec, model: str) -> bytes:
    """Return the bytes of the input tensor for what the host has sent."""
    if model in _IMAGES:
        pixels = np.frombuffer(held, np.uint8)
        if spec.dtype == np.int8:
            return (pixels.astype(np.int16) - 128).astype(np.int8).tobytes()
        return pixels.astype(spec.dtype).tobytes()
    if model == _ANOMALY and spec.dtype == np.int8:
        scaled = np.frombuffer(held, "<f4").astype(np.float64) / spec.scale
        # Half away from zero, as C's roundf; NumPy rounds half to even.
        rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)
        steps = np.clip(rounded + spec.zero_point, -128, 127).astype(np.int8)
        return bytes(steps.tobytes())
    return held


def _dequantized(
    raw: npt.NDArray[np.generic], spec: TensorSpec
) -> npt.NDArray[np.float64]:
    values = raw.astype(np.float64)
    return (values - spec.zero_point) * spec.scale if spec.scale else values


def _number(word: str) -> int:
    """Read a number as C's atoi does: leading digits count, else it is 0."""
    found = _DIGITS.match(word)
    return int(found[1]) if found else 0


def _line(text: str) -> bytes:
    return f"{text}{LINE_END}".encode("ascii", errors="replace")
