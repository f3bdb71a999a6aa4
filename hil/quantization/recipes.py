"""The ways in which a model can be quantized; light, for command lines and plans."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from hil.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ElementType = Literal["float32", "float16", "int16", "int8", "int4"]

_MIXED: tuple[ElementType, ...] = ("float32", "int8", "int16")
_SUFFIX = "-mixed"


class Scheme(enum.Enum):
    """What a runtime computes with."""

    DYNAMIC = "dynamic"  # integer weights; it quantizes activations as it runs
    WEIGHT_ONLY = "weight-only"  # small weights, turned into floats before use
    STATIC = "static"  # integers from end to end; ranges come from calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRule:
    """Other activations for the operators whose output's name *pattern* is found in.

    float32 leaves the operator and its weights float, in any recipe; int16 and int8
    are for recipes that are integers from end to end. A later rule wins.
    """

    pattern: str  # a regular expression, searched for as AI Edge Quantizer does
    activations: ElementType


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a quantized file must hold; `exceptions` maps operators to other weights."""

    name: str
    summary: str
    scheme: Scheme
    weights: ElementType
    activations: ElementType
    boundary: ElementType
    per_channel: bool = True
    min_weight_elements: int = 0  # weights with fewer may stay float
    exceptions: Mapping[str, ElementType] = field(
        default_factory=lambda: MappingProxyType({})
    )
    layer_rules: tuple[LayerRule, ...] = ()

    @property
    def needs_calibration(self) -> bool:
        """Whether ranges of activations must be measured on sample inputs."""
        return self.scheme is Scheme.STATIC

    def weights_of(self, operator: str) -> ElementType:
        """Return the type that the weights of *operator* must have."""
        return self.exceptions.get(operator, self.weights)

    def rule_of(self, scope: str) -> LayerRule | None:
        """Return the rule of an operator, if it has one; *scope* names its outputs."""
        found = [r for r in self.layer_rules if re.search(r.pattern, scope)]
        return found[-1] if found else None

    def activations_of(self, scope: str) -> ElementType:
        """Return the type that an operator computes in; *scope* names its outputs."""
        rule = self.rule_of(scope)
        return self.activations if rule is None else rule.activations

    def with_rules(self, rules: Sequence[LayerRule]) -> Recipe:
        """Return this recipe with *rules* added, called NAME-mixed.

        Raises ConfigError for a type that the recipe's scheme cannot mix in, or for a
        pattern that is no regular expression.
        """
        allowed = _MIXED if self.scheme is Scheme.STATIC else ("float32",)
        for rule in rules:
            if rule.activations not in allowed:
                raise ConfigError(
                    f"{self.name} cannot have layers with other activations",
                    found=f"{rule.activations} for {rule.pattern!r}",
                    allowed=", ".join(allowed),
                )
            _check_pattern(rule.pattern)
        return replace(
            self,
            name=f"{self.name.removesuffix(_SUFFIX)}{_SUFFIX}",
            layer_rules=(*self.layer_rules, *rules),
        )


_RECIPES = (
    Recipe(
        name="dynamic",
        summary="int8 weights, float activations that are quantized as it runs",
        scheme=Scheme.DYNAMIC,
        weights="int8",
        activations="float32",
        boundary="float32",
    ),
    Recipe(
        name="float16",
        summary="float16 weights, computed in float32",
        scheme=Scheme.WEIGHT_ONLY,
        weights="float16",
        activations="float32",
        boundary="float32",
        per_channel=False,
    ),
    Recipe(
        name="int8",
        summary="int8 from end to end, int8 input and output",
        scheme=Scheme.STATIC,
        weights="int8",
        activations="int8",
        boundary="int8",
    ),
    Recipe(
        name="int8-float-io",
        summary="int8 inside, float input and output",
        scheme=Scheme.STATIC,
        weights="int8",
        activations="int8",
        boundary="float32",
    ),
    Recipe(
        name="int16x8",
        summary="int8 weights, int16 activations, int16 input and output",
        scheme=Scheme.STATIC,
        weights="int8",
        activations="int16",
        boundary="int16",
    ),
    Recipe(
        name="weight-only-int8",
        summary="int8 weights with one scale a tensor, computed in float32",
        scheme=Scheme.WEIGHT_ONLY,
        weights="int8",
        activations="float32",
        boundary="float32",
        # TFLite Micro's DEQUANTIZE knows one scale only: it takes a tensor with a
        # scale for each channel without an error and answers wrongly (docs/recipes.md).
        per_channel=False,
    ),
    Recipe(
        name="int4",
        summary="int4 weights (depthwise: int8), float activations as in dynamic",
        scheme=Scheme.DYNAMIC,
        weights="int4",
        activations="float32",
        boundary="float32",
        # For these AI Edge Quantizer's policy allows 8 bits only: no 4-bit kernels.
        exceptions=MappingProxyType(
            {
                "DEPTHWISE_CONV_2D": "int8",
                "TRANSPOSE_CONV": "int8",
                "BATCH_MATMUL": "int8",
            }
        ),
    ),
)

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {recipe.name: recipe for recipe in _RECIPES}
)


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as exc:
        raise ConfigError(
            "the pattern of a layer is no regular expression",
            found=f"{pattern!r}: {exc}",
            remedy="re.escape(name) for the name of a tensor",
        ) from exc


def find_recipe(name: str) -> Recipe:
    """Return the recipe called *name*, or raise ConfigError with the nearest one."""
    recipe = RECIPES.get(name)
    if recipe is None:
        raise ConfigError(
            "unknown recipe",
            found=repr(name),
            allowed=", ".join(RECIPES),
            remedy=nearest(name, RECIPES),
        )
    return recipe
