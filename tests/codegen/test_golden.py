"""The generated text, letter by letter; tests/codegen/renew_golden.py renews it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from hil.codegen.source import write

_FOLDER = Path(__file__).parent


def test_the_generated_files_are_those_agreed_on(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "renew_golden", _FOLDER / "renew_golden.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = write(module.golden_files(), tmp_path)
    golden = sorted((_FOLDER / "golden").iterdir())
    assert sorted(path.name for path in written) == [path.name for path in golden]
    for path in golden:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
