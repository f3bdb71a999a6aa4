"""A candidate to a file: quantized, corrected, slimmed, each step proved by its own."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.bench.plan import AS_IS
from hil.bench.tuning.space import PLAIN, Axis
from hil.errors import ConfigError, ModelError
from hil.models.graph import read_graph
from hil.quantization.bias_correction import correct_biases
from hil.quantization.calibrators import MINMAX, find_calibrator
from hil.quantization.diet import slim
from hil.quantization.diet_proof import prove, random_inputs, require_identical
from hil.quantization.layer_error import layer_errors
from hil.quantization.quantize import quantize
from hil.quantization.recipes import LayerRule, find_recipe

if TYPE_CHECKING:
    from hil.bench.tuning.space import Candidate
    from hil.quantization.calibration import CalibrationData
    from hil.quantization.recipes import ElementType, Recipe

_WORST = re.compile(r"worst([1-9][0-9]?)-(int16|float32)")
_LAYERS = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
)
_MOST_SAMPLES = 50  # for errors of layers: each runs both models once and more
_PROOF_INPUTS = 8  # random ones; answers to the dataset are compared on the device


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The file of a candidate, and the layers that it computes in another type."""

    data: bytes
    layers: tuple[str, ...] = ()


class Builder:
    """Makes the files of one float model's candidates, each once."""

    def __init__(
        self,
        model: bytes,
        calibration: CalibrationData,
        *,
        where: str,
        keep_names: bool = False,
    ) -> None:
        """Take the float model and the samples that ranges and errors are taken of.

        *keep_names* is for phones: benchmark_model asks for an input by its name.
        """
        self._model = model
        self.calibration = calibration
        few = dataclasses.replace(calibration, x=calibration.x[:_MOST_SAMPLES])
        self._few = few
        self._where = where
        self._keep_names = keep_names
        self._built: dict[Candidate, Built] = {}
        self._worst: tuple[str, ...] | None = None

    def build(self, found: Candidate) -> Built:
        """Return the file; raises the HilError of the step that cannot be done."""
        if found not in self._built:
            self._built[found] = self._made(found)
        return self._built[found]

    def calibrated_on(self, found: Candidate) -> str | None:
        """Return what a record says of the samples; None where none were used."""
        return None if found.recipe == AS_IS else self.calibration.name

    def worst_layers(self) -> tuple[str, ...]:
        """Return plain int8's layers by their measured error, the worst first."""
        if self._worst is None:
            plain = self.build(PLAIN).data
            errors = layer_errors(self._model, plain, self._few)
            self._worst = tuple(e.name for e in errors if e.operator in _LAYERS)
        return self._worst

    def _made(self, found: Candidate) -> Built:
        if found.get(Axis.DIET):
            changes = tuple(c for c in found.changes if c[0] is not Axis.DIET)
            whole = self.build(dataclasses.replace(found, changes=changes))
            return dataclasses.replace(whole, data=self._slim(whole.data))
        if found.recipe == AS_IS:
            return Built(data=self._model)
        layers = self._lifted(found)
        name = found.get(Axis.CALIBRATOR)
        data = quantize(
            self._model,
            _recipe(found, layers),
            self.calibration,
            where=self._where,
            calibrator=find_calibrator(name) if name else MINMAX,
        ).data
        if found.get(Axis.BIASES):
            data = correct_biases(self._model, data, self._few, where=self._where).data
        return Built(data=data, layers=layers)

    def _slim(self, data: bytes) -> bytes:
        slimmed = slim(data, where=self._where, keep_names=self._keep_names).data
        inputs = random_inputs(read_graph(data, self._where), _PROOF_INPUTS)
        require_identical(prove(data, slimmed, inputs), where=self._where)
        return slimmed

    def _lifted(self, found: Candidate) -> tuple[str, ...]:
        if found.get(Axis.LAYERS) is None:
            return ()
        count, _ = _lift(found)
        worst = self.worst_layers()
        if count >= len(worst):
            raise ModelError(
                f"the model has {len(worst)} layers of weights",
                where=self._where,
                found=found.name,
                allowed="fewer worst layers than there are layers",
            )
        return worst[:count]


def _recipe(found: Candidate, layers: tuple[str, ...]) -> Recipe:
    recipe = find_recipe(found.recipe)
    if found.get(Axis.GRANULARITY):
        recipe = dataclasses.replace(recipe, per_channel=False)
    if not layers:
        return recipe
    _, activations = _lift(found)
    # A pattern is searched in the names of an operator's outputs, each with a ";".
    return recipe.with_rules(
        [
            LayerRule(pattern=f"^{re.escape(name)};", activations=activations)
            for name in layers
        ]
    )


def _lift(found: Candidate) -> tuple[int, ElementType]:
    text = found.get(Axis.LAYERS) or ""
    match = _WORST.fullmatch(text)
    if match is None:
        raise ConfigError(
            "unknown change of layers",
            found=repr(text),
            allowed="worstN-int16, worstN-float32",
        )
    return int(match[1]), "int16" if match[2] == "int16" else "float32"
