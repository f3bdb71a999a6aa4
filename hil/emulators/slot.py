"""The one model of an emulated board: its way into flash, its arena and its runs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import DoesNotFit, ModelError, UnsupportedOp
from hil.wire.kinds import NO_DETAIL, ErrorCode
from hil.wire.messages import ErrorReply

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.emulators.kernels import Kernels, KernelsFactory
    from hil.engines.spec import TensorSpec

_MOST_TEXT_BYTES = 160  # fits the smallest frame


class Refusal(Exception):
    """A request that the board refuses; carries the ERROR that it answers."""

    def __init__(
        self, code: ErrorCode, detail: int = NO_DETAIL, text: str = ""
    ) -> None:
        """Take code, detail and text of the ERROR."""
        super().__init__(text)
        short = text.encode()[:_MOST_TEXT_BYTES].decode(errors="ignore")
        self.reply = ErrorReply(code=code, detail=min(detail, NO_DETAIL), text=short)


class ModelSlot:
    """Flash for one model file, and the engine that runs it."""

    def __init__(
        self, *, flash_bytes: int, arena_bytes: int, engine: KernelsFactory
    ) -> None:
        """Take what is left for a model of the board's memory, and the engine."""
        self._flash_bytes = flash_bytes
        self._arena_bytes = arena_bytes
        self._engine = engine
        self.forget()

    def forget(self) -> None:
        """Erase everything."""
        self._flash = bytearray()
        self._announced: tuple[int, bytes] | None = None  # size and SHA-256
        self._loaded: Kernels | None = None
        self._staged: list[bytearray] = []
        self._outputs: list[bytes] = []
        self._tensors: dict[int, bytes] | None = None

    @property
    def sha256(self) -> bytes | None:
        """Of the model that is loaded, or None."""
        return self._announced[1] if self._loaded and self._announced else None

    @property
    def input_specs(self) -> tuple[TensorSpec, ...]:
        """What is known of each input of the loaded model."""
        return self._loaded.inputs if self._loaded else ()

    @property
    def output_specs(self) -> tuple[TensorSpec, ...]:
        """What is known of each output of the loaded model."""
        return self._loaded.outputs if self._loaded else ()

    @property
    def input_sizes(self) -> tuple[int, ...]:
        """Bytes of each input of the loaded model."""
        return tuple(s.size_bytes for s in self._loaded.inputs) if self._loaded else ()

    @property
    def output_sizes(self) -> tuple[int, ...]:
        """Bytes of each output of the loaded model."""
        return tuple(s.size_bytes for s in self._loaded.outputs) if self._loaded else ()

    @property
    def figures(self) -> dict[str, int]:
        """Bytes of memory in use, by the names of the result JSON."""
        return dict(self._loaded.memory()) if self._loaded else {}

    def begin(self, size_bytes: int, sha256: bytes) -> int:
        """Announce a model; return from where on it is missing."""
        if self._announced != (size_bytes, sha256):
            missing = size_bytes - self._flash_bytes
            if missing > 0:
                raise Refusal(ErrorCode.DOES_NOT_FIT_FLASH, missing)
            self.forget()
            self._announced = (size_bytes, sha256)
        return len(self._flash)

    def write(self, offset: int, data: bytes) -> int:
        """Take a piece, if it is the next one; return from where on it is missing."""
        if self._announced is None:
            raise Refusal(ErrorCode.NO_TRANSFER, 0)
        if offset == len(self._flash):
            if offset + len(data) > self._announced[0]:
                raise Refusal(ErrorCode.OUT_OF_RANGE, self._announced[0])
            self._flash += data
        return len(self._flash)

    def commit(self) -> dict[str, int]:
        """Check what arrived and prepare it; return the memory it takes."""
        if self._announced is None or len(self._flash) < self._announced[0]:
            raise Refusal(ErrorCode.NO_TRANSFER, len(self._flash))
        model = bytes(self._flash)
        if hashlib.sha256(model).digest() != self._announced[1]:
            self.forget()
            raise Refusal(ErrorCode.WRONG_SHA256)
        if self._loaded is None:
            loaded = self._prepared(model, self._engine(self._arena_bytes))
            self._staged = [bytearray(spec.size_bytes) for spec in loaded.inputs]
            self._outputs = [bytes(spec.size_bytes) for spec in loaded.outputs]
            self._loaded = loaded
        return self.figures

    def stage(self, tensor: int, offset: int, data: bytes) -> int:
        """Write a piece of one input; return where it ends."""
        self._needs_model()
        _check_tensor(tensor, len(self._staged))
        staged = self._staged[tensor]
        end = offset + len(data)
        if end > len(staged):
            raise Refusal(ErrorCode.OUT_OF_RANGE, len(staged))
        staged[offset:end] = data
        self._tensors = None
        return end

    def stage_sample(self, sample: bytes) -> None:
        """Write all inputs, given one behind the other."""
        start = 0
        for tensor, size in enumerate(self.input_sizes):
            self.stage(tensor, 0, sample[start : start + size])
            start += size

    def run(self) -> int:
        """Run once on the staged inputs; return the ticks."""
        engine = self._needs_model()
        self._outputs = [output.tobytes() for output in self._invoked(engine)]
        return engine.last_invoke_ns

    def output(self, tensor: int, offset: int, length: int) -> bytes:
        """Return a piece of one output of the last run."""
        self._needs_model()
        _check_tensor(tensor, len(self._outputs))
        whole = self._outputs[tensor]
        if offset + length > len(whole):
            raise Refusal(ErrorCode.OUT_OF_RANGE, len(whole))
        return whole[offset : offset + length]

    def outputs(self) -> bytes:
        """Return all outputs of the last run, one behind the other."""
        return b"".join(self._outputs)

    def tensor(self, index: int) -> bytes:
        """Return a tensor of the model for the staged inputs."""
        self._needs_model()
        if self._tensors is None:
            # An engine that keeps every tensor shares no memory between them, so it
            # needs more than the board has: it runs beside it, as a debugger would.
            engine = self._prepared(
                bytes(self._flash), self._engine(preserve_tensors=True)
            )
            self._invoked(engine)
            self._tensors = {i: v.tobytes() for i, v in engine.tensors().items()}
        if index not in self._tensors:
            raise Refusal(ErrorCode.BAD_TENSOR, len(self._tensors))
        return self._tensors[index]

    def _needs_model(self) -> Kernels:
        if self._loaded is None:
            raise Refusal(ErrorCode.NO_MODEL)
        return self._loaded

    def _invoked(self, engine: Kernels) -> list[npt.NDArray[np.generic]]:
        """Run *engine* on the staged inputs, its variables reset."""
        inputs: list[npt.NDArray[np.generic]] = [
            np.frombuffer(bytes(data), dtype=spec.dtype).reshape(spec.shape)
            for data, spec in zip(self._staged, engine.inputs, strict=True)
        ]
        try:
            engine.reset()
            return engine.invoke(inputs)
        except ModelError as exc:
            raise Refusal(ErrorCode.INVOKE_FAILED, text=_words(exc)) from exc

    @staticmethod
    def _prepared(model: bytes, engine: Kernels) -> Kernels:
        try:
            engine.load(model)
        except DoesNotFit as exc:
            missing = exc.needed_bytes - exc.available_bytes
            raise Refusal(ErrorCode.DOES_NOT_FIT_ARENA, missing) from exc
        except UnsupportedOp as exc:
            raise Refusal(ErrorCode.UNSUPPORTED_OP, text=exc.what) from exc
        except ModelError as exc:
            raise Refusal(ErrorCode.BAD_MODEL, text=_words(exc)) from exc
        return engine


def _check_tensor(tensor: int, count: int) -> None:
    if tensor >= count:
        raise Refusal(ErrorCode.BAD_TENSOR, count)


def _words(exc: ModelError) -> str:
    return f"{exc.what}: {exc.found}" if exc.found else exc.what
