"""TFLite Micro on the host: its real kernels and arena, from the tflite-micro wheel."""

from __future__ import annotations

import importlib.metadata
import re
import time
from typing import TYPE_CHECKING

import numpy as np
import tflite

from hil.engines.native_output import captured
from hil.engines.spec import TensorSpec
from hil.errors import ConfigError, DoesNotFit, HilError, ModelError, UnsupportedOp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

_LARGEST_ARENA_BYTES = 1 << 30
_ALIGNMENT_BYTES = 16  # what TFLite Micro may lose at the head of an arena
_ALLOCATION = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
_OUT_OF_ARENA = re.compile(r"missing: \d+|Failed to (?:allocate|resize)|bytes required")
_NO_KERNEL = re.compile(r"Didn't find op for builtin opcode '(?P<op>[^']+)'")
_NOT_PREPARED = re.compile(
    r"Node (?P<op>\S+) \(number (?P<index>\d+)[^)]*\) failed to prepare"
)
_SOURCE_FILE = re.compile(r"^\S+\.cc(?::\d+)?\s+")  # what a reason starts with
_KEYS = {
    "total": "arena_bytes",
    "head": "arena_nonpersistent_bytes",
    "tail": "arena_persistent_bytes",
}


class TflmEngine:
    """One model in one TFLite Micro interpreter with an arena of a given size."""

    name = "tflm"

    def __init__(
        self, arena_bytes: int | None = None, *, preserve_tensors: bool = False
    ) -> None:
        """Take the arena's size; None means as large as the model needs.

        *preserve_tensors* keeps every layer's output, and then no memory is recorded.
        Raises ConfigError where the wheel is not installed.
        """
        try:
            # Linux on x86-64 only, so it may be absent where all else works.
            from tflite_micro import runtime  # noqa: PLC0415
        except ImportError as exc:
            raise ConfigError(
                "TFLite Micro's kernels are not installed",
                found="no module tflite_micro",
                remedy="pip install --pre tflite-micro (Linux on x86-64)",
            ) from exc
        self.version = f"tflite-micro {importlib.metadata.version('tflite-micro')}"
        self._runtime = runtime
        self._arena_bytes = arena_bytes
        self._preserve = preserve_tensors
        self._last_invoke_ns = 0
        self._memory: dict[str, int] = {}
        self.inputs: tuple[TensorSpec, ...] = ()
        self.outputs: tuple[TensorSpec, ...] = ()

    @property
    def last_invoke_ns(self) -> int:
        """Nanoseconds of the last bare invocation, copying in and out left out."""
        return self._last_invoke_ns

    def load(self, model: bytes) -> None:
        """Prepare *model* in the arena.

        Raises UnsupportedOp, DoesNotFit (with the bytes that the model needs) or
        ModelError, with TFLite Micro's own words.
        """
        _refuse_scales_per_channel(model)
        if self._arena_bytes is None:
            self._load_in_any_arena(model)
            return
        refusal = self._try_load(model, self._arena_bytes)
        if refusal is None:
            return
        if not _OUT_OF_ARENA.search(refusal):
            raise _refusal(refusal)
        available = self._arena_bytes
        self._load_in_any_arena(model)
        needed = self._memory.get("arena_bytes", available)
        raise DoesNotFit(
            region="arena",
            # Where the need looks met, the arena's start was not aligned.
            needed_bytes=needed if needed > available else available + _ALIGNMENT_BYTES,
            available_bytes=available,
            where="TFLite Micro",
        )

    def _load_in_any_arena(self, model: bytes) -> None:
        size = max(1 << 20, 4 * len(model))
        while True:
            refusal = self._try_load(model, size)
            if refusal is None:
                return
            if not _OUT_OF_ARENA.search(refusal) or size >= _LARGEST_ARENA_BYTES:
                raise _refusal(refusal)
            size = min(4 * size, _LARGEST_ARENA_BYTES)

    def _try_load(self, model: bytes, arena_bytes: int) -> str | None:
        """Return None, or what TFLite Micro printed when it refused."""
        config = self._runtime.InterpreterConfig
        try:
            with captured() as noise:
                interpreter = self._runtime.Interpreter.from_bytes(
                    model,
                    arena_size=arena_bytes,
                    # The parameter is spelt so in the wheel.
                    intrepreter_config=config.kPreserveAllTensors
                    if self._preserve
                    else config.kAllocationRecording,
                )
        except (RuntimeError, ValueError) as exc:
            return f"{noise.text.strip()}\n{exc}"
        self._interpreter = interpreter
        self._memory = {} if self._preserve else self._recorded()
        graph = tflite.Model.GetRootAsModel(model, 0).Subgraphs(0)
        self._tensor_count = graph.TensorsLength()
        self.inputs = _specs(
            [graph.Tensors(graph.Inputs(i)) for i in range(graph.InputsLength())],
            interpreter.get_input_details,
        )
        self.outputs = _specs(
            [graph.Tensors(graph.Outputs(i)) for i in range(graph.OutputsLength())],
            interpreter.get_output_details,
        )
        return None

    def _recorded(self) -> dict[str, int]:
        with captured() as report:
            self._interpreter.print_allocations()
        return {
            _KEYS[part]: int(size) for part, size in _ALLOCATION.findall(report.text)
        }

    def invoke(
        self, inputs: Sequence[npt.NDArray[np.generic]]
    ) -> list[npt.NDArray[np.generic]]:
        """Write *inputs*, run, return copies of the outputs.

        The inputs are written before every run since TFLite Micro plans other tensors
        into their memory.
        """
        interpreter = self._interpreter
        for index, value in enumerate(inputs):
            interpreter.set_input(value, index)
        start = time.perf_counter_ns()
        try:
            interpreter.invoke()
        except RuntimeError as exc:
            raise ModelError("tflm cannot run the model", found=str(exc)) from exc
        self._last_invoke_ns = time.perf_counter_ns() - start
        return [interpreter.get_output(i) for i in range(len(self.outputs))]

    def reset(self) -> None:
        """Set the model's variable tensors back to their first state."""
        self._interpreter.reset()

    def memory(self) -> Mapping[str, int]:
        """Return the arena in use, in whole and split, on this 64-bit host."""
        return self._memory

    def tensors(self) -> Mapping[int, npt.NDArray[np.generic]]:
        """Return every tensor of the last invocation by its index.

        Raises ConfigError unless the engine was made with *preserve_tensors*.
        """
        if not self._preserve:
            raise ConfigError(
                "the layers' outputs were not kept",
                remedy="TflmEngine(preserve_tensors=True)",
            )
        return {
            index: self._interpreter.GetTensor(index, 0)["tensor_data"]
            for index in range(self._tensor_count)
        }


def _refuse_scales_per_channel(model: bytes) -> None:
    """Refuse DEQUANTIZE of a tensor with a scale for each channel.

    TFLite Micro takes it without a word and uses the first scale for all channels, so
    its answers would be wrong (docs/recipes.md).
    """
    graph = tflite.Model.GetRootAsModel(model, 0).Subgraphs(0)
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if operator.InputsLength() != 1:
            continue
        stored = graph.Tensors(operator.Inputs(0))
        result = graph.Tensors(operator.Outputs(0))
        # No other operator makes floats of one quantized tensor.
        if result.Type() != tflite.TensorType.FLOAT32 or not stored.Quantization():
            continue
        scales = stored.Quantization().ScaleLength()
        if scales > 1:
            raise UnsupportedOp(
                f"tflm cannot run DEQUANTIZE, operator {index}, rightly: it would use "
                f"the first of {scales} scales for all channels",
                allowed="a tensor with one scale",
                remedy="the recipe weight-only-int8, which has one scale a tensor",
            )


def _refusal(text: str) -> HilError:
    """Turn what TFLite Micro printed into an error; its last lines name the cause."""
    no_kernel = _NO_KERNEL.search(text)
    if no_kernel:
        return UnsupportedOp(
            f"tflm has no kernel for {no_kernel['op']}", found=text.strip()
        )
    not_prepared = _NOT_PREPARED.search(text)
    if not_prepared:
        reason = text[: not_prepared.start()].strip().rpartition("\n")[2]
        return UnsupportedOp(
            f"tflm cannot run {not_prepared['op']}, operator {not_prepared['index']}: "
            f"{_SOURCE_FILE.sub('', reason) or 'it gives no reason'}",
            found=text.strip(),
        )
    return ModelError("tflm cannot load the model", found=text.strip())


def _specs(
    tensors: Sequence[tflite.Tensor], details: Callable[[int], dict[str, object]]
) -> tuple[TensorSpec, ...]:
    """Join the names, which only the file has, with what the interpreter says."""
    specs = []
    for position, tensor in enumerate(tensors):
        detail = details(position)
        shape, quantization = detail["shape"], detail["quantization_parameters"]
        assert isinstance(shape, np.ndarray)
        assert isinstance(quantization, dict)
        scales, zero_points = quantization["scales"], quantization["zero_points"]
        specs.append(
            TensorSpec(
                name=(tensor.Name() or b"").decode(errors="replace"),
                dtype=np.dtype(detail["dtype"]),  # type: ignore[call-overload]
                shape=tuple(int(n) for n in shape),
                scale=float(scales[0]) if len(scales) else 0.0,
                zero_point=int(zero_points[0]) if len(zero_points) else 0,
            )
        )
    return tuple(specs)
