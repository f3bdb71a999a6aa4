"""Nothing but the workers of convert and qat, in child processes, imports TensorFlow.

It takes ten seconds to import, half a gigabyte, and may be missing.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

from hil import tools
from hil.deadline import Deadline

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"keras", "optuna", "tensorflow", "tensorflow_model_optimization", "tf_keras"}
WORKERS = {
    "hil.conversion.frozen_graphs",
    "hil.conversion.keras_files",
    "hil.conversion.orders",
    "hil.conversion.saved_models",
    "hil.conversion.settings",
    "hil.quantization.qat.worker_models",
    "hil.quantization.qat.worker_sites",
    "hil.quantization.qat.worker_train",
    "hil.quantization.qat.worker_tune",
}
# Alembic runs it by path, with its own context; it cannot be imported by name.
SCRIPTS = {"hil.results.store.migrations.env"}
# Prints which of the heavy packages are there after each import of argv's modules.
IMPORT_ALL = """
import importlib, json, sys
modules, heavy = json.loads(sys.argv[1]), set(json.loads(sys.argv[2]))
found = {}
for name in modules:
    importlib.import_module(name)
    loaded = sorted(heavy & set(sys.modules))
    if loaded:
        found[name] = loaded
        heavy -= set(loaded)
print(json.dumps(found))
"""


def sources():
    """Yield the name and the text of each module of hil."""
    for path in sorted((ROOT / "hil").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, path.read_text(encoding="utf-8")


def imported(node):
    """Yield the packages that *node* imports, but for annotations alone."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


def test_the_walk_sees_imports_wherever_they_are_and_leaves_annotations_out():
    text = """
import tensorflow.lite as lite
def late():
    from keras.layers import Dense
if TYPE_CHECKING:
    import optuna
"""
    assert set(imported(ast.parse(text))) == {"tensorflow", "keras"}


def test_only_workers_import_tensorflow():
    found = {
        name
        for name, text in sources()
        if any(package in text for package in HEAVY)
        and HEAVY & set(imported(ast.parse(text)))
    }
    assert found == WORKERS


def test_no_other_module_brings_tensorflow_with_it():
    modules = [name for name, _ in sources() if name not in WORKERS | SCRIPTS]
    assert len(modules) > 200
    lists = (json.dumps(modules), json.dumps(sorted(HEAVY)))
    argv = (sys.executable, "-P", "-c", IMPORT_ALL, *lists)
    output = tools.run(argv, deadline=Deadline(120), cwd=ROOT)
    assert json.loads(output.stdout) == {}
