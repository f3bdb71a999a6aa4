"""LiteRT on the host: with XNNPACK, without it, and with its reference kernels."""

from __future__ import annotations

import enum
import importlib
import importlib.metadata
import re
import time
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hil.engines.native_output import captured
from hil.engines.spec import TensorSpec
from hil.errors import ConfigError, HilError, ModelError, UnsupportedOp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    import numpy.typing as npt

# Newest first. tflite_runtime ended in 2023; tensorflow carries the same interpreter.
_PROVIDERS = (
    ("ai_edge_litert.interpreter", "ai-edge-litert"),
    ("tflite_runtime.interpreter", "tflite-runtime"),
    ("tensorflow.lite.python.interpreter", "tensorflow"),
)
_UNSUPPORTED = re.compile(
    r"(?:Didn't find op for builtin opcode|unresolved custom op:|Op builtin_code)"
    r"[ :']*(?P<op>[A-Za-z0-9_]+)"
)


class Kernels(enum.Enum):
    """Which implementation of the operators LiteRT uses; the value names the engine."""

    DEFAULT = "litert"  # XNNPACK where it can, as an application gets it
    OPTIMIZED = "litert-builtin"  # its own optimized kernels, without a delegate
    REFERENCE = "litert-ref"  # the plain C++ kernels that define the answer


# Names in OpResolverType; an application gets the default, which is none of these.
_RESOLVERS = {
    Kernels.OPTIMIZED: "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    Kernels.REFERENCE: "BUILTIN_REF",
}


class _Interpreter(Protocol):
    def allocate_tensors(self) -> None: ...
    def invoke(self) -> None: ...
    def get_input_details(self) -> list[dict[str, object]]: ...
    def get_output_details(self) -> list[dict[str, object]]: ...
    def get_tensor_details(self) -> list[dict[str, object]]: ...
    def set_tensor(self, index: int, value: npt.NDArray[np.generic]) -> None: ...
    def get_tensor(self, index: int) -> npt.NDArray[np.generic]: ...


def interpreter_module(
    importer: Callable[[str], ModuleType] = importlib.import_module,
) -> tuple[ModuleType, str]:
    """Return the first interpreter module that is installed, and its package's name.

    Raises ConfigError where there is none.
    """
    for module, package in _PROVIDERS:
        try:
            return importer(module), package
        except ImportError:
            continue
    raise ConfigError(
        "no LiteRT interpreter is installed",
        found="none of " + ", ".join(package for _, package in _PROVIDERS),
        remedy="pip install ai-edge-litert",
    )


class LitertEngine:
    """One model in one LiteRT interpreter, one thread unless told otherwise."""

    def __init__(
        self,
        kernels: Kernels = Kernels.DEFAULT,
        *,
        threads: int = 1,
        preserve_tensors: bool = False,
    ) -> None:
        """Choose the kernels; *preserve_tensors* keeps every layer's output whole."""
        self.name = kernels.value
        self._module, package = interpreter_module()
        self.version = f"{package} {importlib.metadata.version(package)}"
        self._kernels = kernels
        self._threads = threads
        self._preserve = preserve_tensors
        self._last_invoke_ns = 0
        self.inputs: tuple[TensorSpec, ...] = ()
        self.outputs: tuple[TensorSpec, ...] = ()

    @property
    def last_invoke_ns(self) -> int:
        """Nanoseconds of the last bare invocation, copying in and out left out."""
        return self._last_invoke_ns

    def load(self, model: bytes) -> None:
        """Prepare *model*; ModelError or UnsupportedOp where LiteRT refuses it."""
        options: dict[str, object] = {}
        if self._kernels in _RESOLVERS:
            resolver = getattr(self._module.OpResolverType, _RESOLVERS[self._kernels])
            options["experimental_op_resolver_type"] = resolver
        if self._preserve:
            options["experimental_preserve_all_tensors"] = True
        try:
            with captured() as noise:
                interpreter: _Interpreter = self._module.Interpreter(
                    model_content=model, num_threads=self._threads, **options
                )
                interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as exc:
            raise _refusal(self.name, f"{noise.text}\n{exc}") from exc
        self._interpreter = interpreter
        inputs, outputs = (
            interpreter.get_input_details(),
            interpreter.get_output_details(),
        )
        self._input_indices = [_index(detail) for detail in inputs]
        self._output_indices = [_index(detail) for detail in outputs]
        self.inputs = tuple(_spec(detail) for detail in inputs)
        self.outputs = tuple(_spec(detail) for detail in outputs)

    def invoke(
        self, inputs: Sequence[npt.NDArray[np.generic]]
    ) -> list[npt.NDArray[np.generic]]:
        """Write *inputs*, run, return copies of the outputs."""
        interpreter = self._interpreter
        for index, value in zip(self._input_indices, inputs, strict=True):
            interpreter.set_tensor(index, value)
        start = time.perf_counter_ns()
        try:
            interpreter.invoke()
        except RuntimeError as exc:
            raise ModelError(
                f"{self.name} cannot run the model", found=str(exc)
            ) from exc
        self._last_invoke_ns = time.perf_counter_ns() - start
        return [interpreter.get_tensor(index) for index in self._output_indices]

    def invoke_each(self, samples: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Run each of *samples* [n, ...] by itself; return the first output, [n, ...].

        For models of one input. It does what `invoke` does in less of Python's time,
        which counts where a model takes microseconds.
        """
        (index,) = self._input_indices
        output = self._output_indices[0]
        interpreter = self._interpreter
        write, run, read = (
            interpreter.set_tensor,
            interpreter.invoke,
            interpreter.get_tensor,
        )
        rows = []
        try:
            for sample in samples[:, None]:
                write(index, sample)
                run()
                rows.append(read(output))
        except RuntimeError as exc:
            raise ModelError(
                f"{self.name} cannot run the model", found=str(exc)
            ) from exc
        return np.concatenate(rows)

    def memory(self) -> Mapping[str, int]:
        """Return nothing: LiteRT does not tell what it allocates."""
        return {}

    def tensors(self) -> Mapping[int, npt.NDArray[np.generic]]:
        """Return each tensor of the last invocation that can be read, by its index."""
        found: dict[int, npt.NDArray[np.generic]] = {}
        for detail in self._interpreter.get_tensor_details():
            index = _index(detail)
            try:
                found[index] = self._interpreter.get_tensor(index)
            except ValueError:
                continue  # inside a delegate's node, or freed after its last use
        return found


def _refusal(engine: str, text: str) -> HilError:
    match = _UNSUPPORTED.search(text)
    if match:
        return UnsupportedOp(
            f"{engine} has no kernel for {match['op']}", found=text.strip()
        )
    return ModelError(f"{engine} cannot load the model", found=text.strip())


def _index(detail: dict[str, object]) -> int:
    index = detail["index"]
    assert isinstance(index, int)
    return index


def _spec(detail: dict[str, object]) -> TensorSpec:
    shape, quantization = detail["shape"], detail["quantization"]
    assert isinstance(shape, np.ndarray)
    assert isinstance(quantization, tuple)
    return TensorSpec(
        name=str(detail["name"]),
        dtype=np.dtype(detail["dtype"]),  # type: ignore[call-overload]
        shape=tuple(int(n) for n in shape),
        scale=float(quantization[0]),
        zero_point=int(quantization[1]),
    )
