"""How far every layer of a quantized model is from that of its float model.

Both models run over the same samples and each tensor of the one is held against the
tensor of the same name in the other, dequantized. Errors of earlier layers are in it,
as they are on the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.inputs import InputSpec, quantized
from hil.errors import ModelError
from hil.models.graph import read_graph
from hil.quantization.tensor_reader import load_readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from hil.models.graph import Graph, Tensor
    from hil.quantization.calibration import CalibrationData

# A rounded value is off by 1 / sqrt(12) of a step; the error of a layer is suspicious
# from 0.7 steps up (TensorFlow's guide to its quantization debugger).
IDEAL_RMSE_PER_SCALE = 1 / math.sqrt(12)
SUSPICIOUS_RMSE_PER_SCALE = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerError:
    """The error of one tensor over all samples.

    `sqnr_db` is the power of the float values over that of the error, in decibels;
    infinite where there is no error. `rmse_per_scale` is the root mean squared error
    in steps of the tensor's scale, None where the tensor is float.
    """

    name: str
    operator: str  # that computes it; "INPUT" for the model's input
    type: str
    sqnr_db: float
    rmse_per_scale: float | None
    mean_error: float
    max_error: float

    @property
    def is_suspicious(self) -> bool:
        """Whether the error is larger than rounding alone explains."""
        steps = self.rmse_per_scale
        return steps is not None and steps > SUSPICIOUS_RMSE_PER_SCALE


def layer_errors(
    float_model: bytes, quantized_model: bytes, samples: CalibrationData
) -> list[LayerError]:
    """Return the error of every tensor that both models have, the worst SQNR first.

    Raises ModelError where no tensor has the same name in both.
    """
    pair = Pair(float_model, quantized_model, where=samples.name)
    sums = {name: _Sums() for name in pair.names}
    for ours, theirs in pair.run(samples.x):
        for name, total in sums.items():
            total.add(theirs[name], ours[name])
    errors = [_error(pair, name, total) for name, total in sums.items()]
    return sorted(errors, key=lambda error: error.sqnr_db)


class Pair:
    """A float model and a quantized one that give their tensors for the same input."""

    def __init__(
        self, float_model: bytes, quantized_model: bytes, *, where: str
    ) -> None:
        """Load both; ModelError unless some tensors have the same names."""
        self.graph = read_graph(quantized_model, f"{where}: quantized model")
        reference = _activations(read_graph(float_model, f"{where}: float model"))
        self.tensors = _activations(self.graph)
        self._indices = {
            name: reference[name].index
            for name in self.tensors
            if name in reference and reference[name].shape == self.tensors[name].shape
        }
        self.names = tuple(self._indices)
        if not self.names:
            raise ModelError(
                "the two models have no tensor in common",
                where=where,
                found=f"{len(self.tensors)} and {len(reference)} tensors",
                allowed="a model and what was quantized from it",
            )
        self._float = load_readable(float_model)
        self._quantized = load_readable(quantized_model)

    def run(
        self, x: npt.NDArray[np.generic], *, only: Sequence[str] | None = None
    ) -> Iterator[
        tuple[
            Mapping[str, npt.NDArray[np.float64]], Mapping[str, npt.NDArray[np.float64]]
        ]
    ]:
        """Yield the quantized model's real values and the float model's, by sample.

        *only* names the tensors that are wanted, by default all that are in both.
        """
        names = self.names if only is None else only
        spec = self._quantized.inputs[0]
        wanted = InputSpec(
            shape=spec.shape,
            dtype=spec.dtype,
            scale=spec.scale,
            zero_point=spec.zero_point,
        )
        for row in x.astype(np.float32):
            given = row[np.newaxis]
            self._float.invoke([given])
            self._quantized.invoke(
                [given if spec.scale == 0 else quantized(given, wanted)]
            )
            theirs, ours = self._float.tensors(), self._quantized.tensors()
            yield (
                {
                    name: _real(ours[self.tensors[name].index], self.tensors[name])
                    for name in names
                },
                {
                    name: theirs[self._indices[name]].astype(np.float64)
                    for name in names
                },
            )


class _Sums:
    """What is kept of one tensor: sums, so that any number of samples fits."""

    def __init__(self) -> None:
        self.count = 0
        self.signal = self.noise = self.error = self.most = 0.0

    def add(
        self, reference: npt.NDArray[np.float64], found: npt.NDArray[np.float64]
    ) -> None:
        error = found - reference
        self.count += error.size
        self.signal += float(np.square(reference).sum())
        self.noise += float(np.square(error).sum())
        self.error += float(error.sum())
        self.most = max(self.most, float(np.abs(error).max(initial=0.0)))


def _error(pair: Pair, name: str, total: _Sums) -> LayerError:
    tensor = pair.tensors[name]
    scales = tensor.quantization.scales if tensor.quantization else ()
    rmse = math.sqrt(total.noise / max(total.count, 1))
    return LayerError(
        name=name,
        operator=_operator_of(pair.graph, tensor),
        type=tensor.type,
        sqnr_db=_decibels(total.signal, total.noise),
        rmse_per_scale=rmse / scales[0] if scales and scales[0] > 0 else None,
        mean_error=total.error / max(total.count, 1),
        max_error=total.most,
    )


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


def _activations(graph: Graph) -> dict[str, Tensor]:
    """Return the tensors that operators compute, and the inputs, by their names."""
    main = graph.subgraphs[0]
    computed = {index for operator in main.operators for index in operator.outputs}
    return {
        tensor.name: tensor
        for tensor in main.tensors
        if (tensor.index in computed or tensor.index in main.inputs)
        and (tensor.type == "float32" or tensor.quantization is not None)
    }


def _operator_of(graph: Graph, tensor: Tensor) -> str:
    for operator in graph.subgraphs[0].operators:
        if tensor.index in operator.outputs:
            return operator.name
    return "INPUT"


def _real(values: npt.NDArray[np.generic], tensor: Tensor) -> npt.NDArray[np.float64]:
    real: npt.NDArray[np.float64] = values.astype(np.float64)
    if tensor.quantization is None:
        return real
    (scale,), (zero_point,) = (
        tensor.quantization.scales[:1],
        tensor.quantization.zero_points[:1],
    )
    return (real - zero_point) * scale
