"""The built wheel in an empty environment, outside of the checkout."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hil import tools
from hil.deadline import Deadline

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    if not UV.exists():
        pytest.skip("uv is not in the environment of the tests; scripts/setup adds it")
    folder = tmp_path_factory.mktemp("wheel")
    deadline = Deadline(540)
    uv = str(UV)
    tools.run([uv, "build", "--wheel", "-o", str(folder), str(ROOT)], deadline=deadline)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "env"
    tools.run([uv, "venv", "-p", sys.executable, str(environment)], deadline=deadline)
    python = str(environment / "bin/python")
    tools.run([uv, "pip", "install", "-p", python, str(wheel)], deadline=deadline)
    return environment / "bin" / "hil"


def run(hil, folder, *words):
    # Nothing of the checkout may help: neither the folder nor the search path.
    env = {"PYTHONPATH": "", "HIL_PROFILES": "", "HOME": str(folder)}
    return tools.run([str(hil), *words], deadline=Deadline(300), cwd=folder, env=env)


def test_both_emulated_devices_run_from_the_wheel(installed, tmp_path):
    output = run(
        installed,
        tmp_path,
        "bench",
        "example:digits.tflite",
        "--dataset",
        "example:digits_test.npz",
        "--variants",
        "int8",
        "--samples",
        "20",
        "--windows",
        "1",
        "--json",
    )
    rows = json.loads(output.stdout)["results"]
    assert [(row["device"], row["status"]) for row in rows] == [
        ("emulated-mcu", "ok"),
        ("emulated-phone", "ok"),
    ]
    assert list((tmp_path / "runs").iterdir())


def test_profiles_and_templates_come_with_the_wheel(installed, tmp_path):
    listed = json.loads(run(installed, tmp_path, "devices", "list", "--json").stdout)
    sources = [Path(device["source"]) for device in listed["devices"]]
    assert sources
    assert not any(path.is_relative_to(ROOT) for path in sources)
    run(installed, tmp_path, "codegen", "example:digits.tflite", "--out", "c")
    assert (tmp_path / "c" / "digits_op_resolver.h").is_file()
