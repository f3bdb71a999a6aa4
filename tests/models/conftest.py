"""The builder of tiny models, for the tests of models."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module tests/models/tiny.py; tests are no package, so it has no name."""
    path = Path(__file__).with_name("tiny.py")
    name = "hil_tests_tiny"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def messages() -> ModuleType:
    """The module tests/models/messages.py, which writes TensorFlow's graphs."""
    path = Path(__file__).with_name("messages.py")
    spec = importlib.util.spec_from_file_location("hil_tests_messages", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
