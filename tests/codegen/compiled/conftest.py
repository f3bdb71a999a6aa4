"""The modules beside the tests; tests are no package, so they have no names."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType


def _module(name: str) -> ModuleType:
    full = f"hil_tests_compiled_{name}"
    if full not in sys.modules:
        path = Path(__file__).with_name(f"{name}.py")
        spec = importlib.util.spec_from_file_location(full, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Builds and runs generated models."""
    module = _module("harness")
    module.objects = tmp_path_factory.mktemp("kernels")
    return module


@pytest.fixture(scope="session")
def single_ops() -> ModuleType:
    """Makes models of one operator."""
    return _module("single_ops")
