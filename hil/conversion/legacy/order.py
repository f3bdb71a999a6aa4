"""What a line asks of hil.conversion, which converts it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hil.conversion.legacy.flags import Generation
from hil.conversion.legacy.grammar import is_variable
from hil.conversion.legacy.intent import LIMITS
from hil.conversion.request import ConversionRequest, LegacyOptions
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.conversion.legacy.explain import Explanation
    from hil.conversion.legacy.intent import Intent


def order(explanation: Explanation) -> ConversionRequest:
    """Return the request that does what the line means, by the v1 converter.

    ConfigError where there is nothing that could be converted.
    """
    case, intent = explanation.case, explanation.case.intent
    line = case.command.program_text or "the line"
    _refuse(explanation, line=line)
    assert intent.path is not None, "a line without input has a finding that stops"
    if case.generation is Generation.V2:
        return ConversionRequest(
            source=Path(intent.path), signature=intent.signature, tags=intent.tags
        )
    return ConversionRequest(
        source=Path(intent.path),
        signature=intent.signature,
        tags=intent.tags,
        input_arrays=intent.input_arrays,
        output_arrays=intent.output_arrays,
        input_shapes=dict(zip(intent.input_arrays, intent.input_shapes, strict=False)),
        legacy=_options(intent, line=line),
    )


def _refuse(explanation: Explanation, *, line: str) -> None:
    """Raise ConfigError for what would not convert, or not as the line says."""
    for finding in explanation.findings:
        if finding.stops:
            raise ConfigError(
                "the line cannot be run before it is mended",
                where=line,
                found=finding.said or finding.what,
                remedy=finding.remedy or finding.today,
            )
    held = [
        use.written
        for use in explanation.case.command.uses
        if is_variable(use.value or "")
    ]
    if held:
        raise ConfigError(
            "the line holds variables of a shell",
            where=line,
            found=", ".join(held),
            remedy="put the values in",
        )
    if explanation.case.intent.drop_fake_quant:
        raise ConfigError(
            "--run does not take FakeQuant nodes out of a graph",
            where=line,
            found="--drop_fake_quant",
            remedy="run the code that is printed, which does",
        )


def _options(intent: Intent, *, line: str) -> LegacyOptions:
    ranges = None
    if intent.range_min is not None and intent.range_max is not None:
        ranges = (intent.range_min, intent.range_max)
    own_type = intent.input_dtype if intent.input_type else None
    assert intent.dtype is not None, "an unknown type has a finding that stops"
    return LegacyOptions(
        inference_type=intent.dtype if intent.is_quantized else "float32",
        inference_input_type=own_type,
        quantized_input_stats=_stats(intent, line=line),
        default_ranges=ranges,
        post_training_quantize=intent.quantize_weights,
        quantize_to_float16=intent.float16,
        allow_custom_ops=intent.allow_custom_ops,
        custom_opdefs=intent.custom_opdefs,
        target_ops=intent.target_ops,
        select_user_tf_ops=intent.user_ops,
    )


def _stats(intent: Intent, *, line: str) -> Mapping[str, tuple[float, float]]:
    if not intent.stats:
        return {}
    if not intent.is_quantized and intent.input_dtype not in LIMITS:
        return {}
    if not intent.input_arrays:
        raise ConfigError(
            "mean and std need the names of their inputs",
            where=line,
            found="no --input_arrays",
            remedy="add --input_arrays, in the order of the means",
        )
    return dict(zip(intent.input_arrays, intent.stats, strict=False))
