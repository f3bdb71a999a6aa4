"""The stand-in for benchmark_model (v1): really runs a model in LiteRT and reports it.

Its output follows the grammar of LiteRT's `tflite/tools/benchmark` of 2025 and later
(notes in `benchmark_model.cc` and `benchmark_tflite_model.cc`): INFO and WARN go to
standard output, ERROR and FATAL to standard error, and so do the lines of the LiteRT
library itself. It runs in a child process that `runtime` has forked, and sees only
paths of the phone.
"""

from __future__ import annotations

import signal
import time
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from hil.emulators.phone.benchmark_flags import Settings, parse, usage
from hil.emulators.phone.benchmark_inputs import input_layers, random_values
from hil.emulators.phone.benchmark_log import Failed, Fatal, error, fatal, info, warn
from hil.emulators.phone.benchmark_memory import log_memory, peak_kb, reset_peak
from hil.emulators.phone.benchmark_text import average, statistics_line
from hil.emulators.phone.paths import check_writable, normal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from hil.emulators.phone.pacer import Pacer
    from hil.emulators.phone.paths import Backing

    Array = npt.NDArray[np.generic]

_NOTE: Final = (
    "Note: as the benchmark tool itself affects memory footprint, the following is "
    "only APPROXIMATE to the actual memory footprint of the model at runtime. Take the "
    "information at your discretion."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What the program may reach of the phone."""

    backing: Backing
    cwd: str
    free_bytes: int
    pacer: Pacer

    def host(self, path: str) -> Path:
        """Return where a path of the phone lies on this machine; OSError if nowhere."""
        return self.backing.host(normal(path, self.cwd))

    def writable(self, path: str) -> Path:
        """Return the same for a file to be written."""
        check_writable(normal(path, self.cwd))
        return self.host(path)

    def hidden(self, text: str) -> str:
        """Return *text* without the place of the phone's files on this machine."""
        return text.replace(str(self.backing.root), "")


def run(words: Sequence[str], device: Device) -> int:
    """Run the program with *words* (its name first); return its exit code."""
    info("STARTING!")
    settings = parse(words[1:])
    try:
        _check_flags(words[0], settings)
        benchmark = _Benchmark(settings, device)
        for line in settings.logged():
            info(line)
        benchmark.run()
    except Failed as exc:
        if exc.args:
            error(str(exc))
        error("Benchmarking failed.")
        return 1
    except Fatal as exc:
        fatal(str(exc))
        signal.raise_signal(signal.SIGABRT)
    return 0


def _check_flags(program: str, settings: Settings) -> None:
    for name in settings.broken:
        error(f"Failed to parse flag: --{name}")
    if settings.broken or settings.flag("help"):
        raise Failed(usage(program))
    if settings.unconsumed:
        warn(f"Unconsumed cmdline flags: {' '.join(settings.unconsumed)}")
    if not settings.text("graph"):
        raise Failed("Please specify the name of your TF Lite input file with --graph")


class _Benchmark:
    """One run of the program: load, prepare, warm up, measure, report."""

    def __init__(self, settings: Settings, device: Device) -> None:
        self._settings = settings
        self._device = device
        self._layers = input_layers(settings)
        self._interpreter: Interpreter
        self._inputs: list[tuple[int, Array]] = []

    def run(self) -> None:
        """Do everything in the order of the real program."""
        settings = self._settings
        size_bytes = self._model_size()
        reset_peak()
        start_kb = peak_kb()
        started_ns = time.perf_counter_ns()
        self._init()
        init_kb = peak_kb() - start_kb
        init_us = (time.perf_counter_ns() - started_ns) // 1000
        if size_bytes > 0:
            info(f"The input model file size (MB): {size_bytes / 1e6:g}")
        else:
            warn("Failed to get the input model file size.")
        info(f"Initialized session in {init_us / 1e3:g}ms.")
        self._prepare_inputs()
        dry = settings.flag("dry_run")
        warmup = self._measure(
            0 if dry else settings.whole("warmup_runs"),
            -1.0 if dry else settings.seconds("warmup_min_secs"),
        )
        timed = self._measure(
            0 if dry else settings.whole("num_runs"),
            -1.0 if dry else settings.seconds("min_secs"),
        )
        overall_kb = peak_kb() - start_kb
        info(
            f"Inference timings in us: Init: {init_us}, "
            f"First inference: {warmup[0] if warmup else 0}, "
            f"Warmup (avg): {average(warmup):g}, Inference (avg): {average(timed):g}"
        )
        info(_NOTE)
        info(
            "Memory footprint delta from the start of the tool (MB): "
            f"init={init_kb / 1024:g} overall={overall_kb / 1024:g}"
        )
        if settings.flag("report_peak_memory_footprint"):
            log_memory()
        self._save_outputs()

    def _model_size(self) -> int:
        try:
            return self._device.host(self._settings.text("graph")).stat().st_size
        except OSError:
            return -1

    def _init(self) -> None:
        settings = self._settings
        graph = settings.text("graph")
        threads = settings.whole("num_threads")
        if threads < -1:
            raise Failed("Failed to set thread number")
        # As in the real program: once --use_xnnpack is given, the default delegate is
        # left out, and only `true` applies XNNPACK again, explicitly.
        without = "use_xnnpack" in settings.given and not settings.flag("use_xnnpack")
        try:
            self._interpreter = Interpreter(
                model_path=str(self._device.host(graph)),
                num_threads=threads if threads > 0 else None,
                experimental_op_resolver_type=(
                    OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
                    if without
                    else OpResolverType.AUTO
                ),
            )
        except (ValueError, RuntimeError, OSError) as exc:
            error(self._device.hidden(_library_text(exc)))
            raise Failed(f"Failed to load model {graph}") from exc
        info(f"Loaded model {graph}")
        self._check_signature()
        self._resize_inputs()
        self._refuse_fallback()
        try:
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as exc:
            error(self._device.hidden(_library_text(exc)))
            raise Failed("Failed to allocate tensors!") from exc
        self._log_delegates()

    def _check_signature(self) -> None:
        wanted = self._settings.text("signature_to_run_for")
        signatures = self._interpreter.get_signature_list()
        if self._settings.flag("list_signatures"):
            info(f"The Model contains {len(signatures)} signature key(s).")
            if signatures:
                info("They are listed below: ")
            for key in signatures:
                info(f"-> Signature Key: {key}")
            raise Failed
        if not signatures:
            if wanted:
                raise Failed(
                    "Signature key is specified, but the model does not have any "
                    "signatures."
                )
            return
        if len(signatures) == 1 and not wanted:
            wanted = next(iter(signatures))
        if wanted not in signatures:
            error(
                "Signature not specified or incorrect. Pass one of the following to "
                'the flag "--signature_to_run_for"'
            )
            raise Failed(
                "\nERROR: ".join(f" #> Signature key: {key}" for key in signatures)
            )
        info(f"Using signature: {wanted}")

    def _resize_inputs(self) -> None:
        details = self._interpreter.get_input_details()
        if self._layers and len(self._layers) != len(details):
            message = (
                f"Inputs mismatch: Model inputs #:{len(self._layers)} expected: "
                f"{len(details)}"
            )
            raise Fatal(message)
        for layer, detail in zip(self._layers, details, strict=False):
            index = detail["index"]
            if layer.name != detail["name"]:
                warn(
                    f"Tensor # {index} is named {detail['name']} but flags call it "
                    f"{layer.name}"
                )
            if len(layer.shape) != len(detail["shape"]):
                raise Failed(
                    f"Input tensor #{index} should have {len(detail['shape'])} "
                    "dimensions!"
                )
            if layer.shape != list(detail["shape"]):
                self._interpreter.resize_tensor_input(index, layer.shape)

    def _asked_for(self) -> list[str]:
        """Return the delegates of the flags that this machine does not have."""
        names = {"use_gpu": "GPU", "use_nnapi": "NNAPI"}
        return [name for flag, name in names.items() if self._settings.flag(flag)]

    def _refuse_fallback(self) -> None:
        """Fail where --require_full_delegation cannot be met: there is no GPU."""
        explicit = self._settings.flag("use_xnnpack")
        if self._settings.flag("require_full_delegation") and (
            self._asked_for() or not explicit
        ):
            raise Failed("Disallowed CPU fallback detected.")

    def _log_delegates(self) -> None:
        for name in self._asked_for():
            info(
                f"Though {name} delegate is explicitly applied, the model graph will "
                "not be executed by the delegate."
            )
        if not self._settings.flag("use_xnnpack"):
            return
        kernels, whole = self._delegated()
        if whole:
            info(
                "Explicitly applied XNNPACK delegate, and the model graph will be "
                "completely executed by the delegate."
            )
            return
        if self._settings.flag("require_full_delegation"):
            raise Failed("Disallowed CPU fallback detected.")
        if kernels:
            info(
                "Explicitly applied XNNPACK delegate, and the model graph will be "
                f"partially executed by the delegate w/ {kernels} delegate kernels."
            )
        else:
            info(
                "Though XNNPACK delegate is explicitly applied, the model graph will "
                "not be executed by the delegate."
            )

    def _delegated(self) -> tuple[int, bool]:
        """Return the number of delegate kernels, and whether one does everything.

        One does if it reads no other node's output and makes all outputs of the graph.
        """
        nodes = self._interpreter._get_ops_details()  # noqa: SLF001 - no public way
        kernels = [node for node in nodes if node["op_name"] == "DELEGATE"]
        if len(kernels) != 1:
            return len(kernels), False
        made = {int(t) for node in nodes for t in node["outputs"]}
        inputs = {int(t) for t in kernels[0]["inputs"]}
        outputs = {int(t) for t in kernels[0]["outputs"]}
        wanted = {d["index"] for d in self._interpreter.get_output_details()}
        return 1, not (inputs & made) and wanted <= outputs

    def _prepare_inputs(self) -> None:
        generator = np.random.default_rng()
        details = self._interpreter.get_input_details()
        for position, detail in enumerate(details):
            layer = self._layers[position] if self._layers else None
            if np.dtype(detail["dtype"]).kind not in "fiub":
                raise Fatal(f"Don't know how to populate tensor {detail['name']}")
            if layer is not None and layer.file is not None:
                values = self._values_of(layer.file, detail["dtype"], detail["shape"])
            else:
                low_high = layer.low_high if layer is not None else None
                values = random_values(
                    generator, np.dtype(detail["dtype"]), detail["shape"], low_high
                )
            self._inputs.append((detail["index"], values))

    def _values_of(
        self, path: str, dtype: type[np.generic], shape: Sequence[int]
    ) -> Array:
        try:
            data = self._device.host(path).read_bytes()
        except OSError as exc:
            message = f"Failed to read the input_layer_value_file:{path}"
            raise Fatal(message) from exc
        needed = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if len(data) != needed:
            message = (
                f"The size of {path} is {len(data)} bytes. It should be {needed} bytes."
            )
            raise Fatal(message)
        return np.frombuffer(data, dtype).reshape(shape)

    def _measure(self, min_runs: int, min_seconds: float) -> array[int]:
        """Run until both minimums are reached, or the maximum is; microseconds."""
        max_seconds = self._settings.seconds("max_secs")
        delay = self._settings.seconds("run_delay")
        info(
            f"Running benchmark for at least {min_runs} iterations and at least "
            f"{min_seconds:g} seconds but terminate if exceeding {max_seconds:g} "
            "seconds."
        )
        runs_us = array("q")  # as small as the real program's vector
        invoke = self._interpreter.invoke
        now_us = time.perf_counter_ns() // 1000
        min_finish_us = now_us + int(min_seconds * 1e6)
        max_finish_us = now_us + int(max_seconds * 1e6)
        while (
            len(runs_us) < min_runs or now_us < min_finish_us
        ) and now_us <= max_finish_us:
            for index, values in self._inputs:
                self._interpreter.set_tensor(index, values)
            start_us = time.perf_counter_ns() // 1000
            try:
                invoke()
            except (ValueError, RuntimeError) as exc:
                raise Failed(self._device.hidden(_library_text(exc))) from exc
            self._device.pacer.slow_down(start_us)
            runs_us.append(time.perf_counter_ns() // 1000 - start_us)
            if delay > 0:
                time.sleep(delay)
            now_us = time.perf_counter_ns() // 1000
        info(f"{statistics_line(runs_us)}\n")
        return runs_us

    def _save_outputs(self) -> None:
        path = self._settings.text("output_filepath")
        if not path:
            return
        data = b"".join(
            self._interpreter.get_tensor(detail["index"]).tobytes()
            for detail in self._interpreter.get_output_details()
        )
        try:
            host = self._device.writable(path)
            # The real program does not look whether its file was written whole.
            host.write_bytes(data[: self._device.free_bytes])
        except OSError:
            return


def _library_text(exc: Exception) -> str:
    """Return a message of LiteRT as one line, without a trailing full stop twice."""
    return " ".join(str(exc).split()) or type(exc).__name__
