"""Each operator against LiteRT's reference kernels, over generated edge cases."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.mark.parametrize("flags", ["fast", "sanitized", "cortex-m4"])
@pytest.mark.parametrize("kind", ["int8", "int16", "float32"])
def test_every_operator_gives_what_the_reference_kernels_give(
    kind: str,
    flags: str,
    tiny: ModuleType,
    single_ops: ModuleType,
    harness: ModuleType,
    tmp_path: Path,
) -> None:
    # Only there the assembly of the DSP extension is compiled at all.
    if flags == "cortex-m4" and not all(
        map(shutil.which, ("arm-none-eabi-gcc", "qemu-system-arm"))
    ):
        pytest.skip(
            "apt install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"
        )
    cases = [
        harness.Case(name=name, model=model, runs=harness.random_inputs(model, runs=3))
        for name, model in single_ops.models(tiny, kind).items()
    ]
    results = harness.run_together(cases, tmp_path, flags=flags)
    found = [
        text
        for case, result in zip(cases, results, strict=True)
        for text in harness.differences(case, result)
    ]
    assert found == []
