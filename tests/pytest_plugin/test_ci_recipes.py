"""The recipes of examples/ci: linted, and their commands run in a checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from hil import tools
from hil.bench.comparing.side import load_side
from hil.bench.gates import parse_gate
from hil.bench.plan import read_plan
from hil.deadline import Deadline

FLAGS = re.MULTILINE
CI = Path(__file__).resolve().parents[2] / "examples" / "ci"
GITHUB_KEYS = {"name", "on", "permissions", "defaults", "jobs"}
GITHUB_JOB_KEYS = {
    "concurrency",
    "container",
    "if",
    "permissions",
    "runs-on",
    "steps",
    "timeout-minutes",
}
GITHUB_STEP_KEYS = {"name", "if", "run", "uses", "with"}
GITLAB_JOB_KEYS = {
    "after_script",
    "artifacts",
    "before_script",
    "image",
    "resource_group",
    "rules",
    "script",
    "stage",
    "tags",
    "timeout",
}
# What a package manager's stand-in keeps instead of installing.
STAND_IN = '#!/bin/sh\necho "$(basename "$0") $*" >> "$INSTALLED"\n'
SMALL_PLAN = """
[plan]
name = "{name}"

[[model]]
path = "example:digits.tflite"
dataset = "example:digits_test.npz"
calibration = "example:digits_calibration.npz"
variants = ["int8"]

[[device]]
profile = "emulated-mcu"

[measure]
windows = 1
min_runs = 2
min_seconds = 0
samples = 100
"""


def recipe(name):
    # As it stands: YAML 1.1 would read the key `on` as true.
    return yaml.load((CI / name).read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def github_commands(job):
    steps = recipe("github-actions.yml")["jobs"][job]["steps"]
    return [step["run"] for step in steps if "run" in step]


def gitlab_commands(job):
    table = recipe("gitlab-ci.yml")[job]
    parts = ("before_script", "script", "after_script")
    return [line for part in parts for line in table.get(part, [])]


@pytest.fixture
def checkout(tmp_path):
    """A repository of a user who has copied the recipes into it."""
    shutil.copytree(CI, tmp_path / "repo" / "ci")
    stand_ins = tmp_path / "bin"
    stand_ins.mkdir()
    for tool in ("apt-get", "pip"):
        (stand_ins / tool).write_text(STAND_IN)
        (stand_ins / tool).chmod(0o755)
    return tmp_path / "repo"


def run_script(commands, checkout, **env):
    """Run *commands* in one shell, as a CI does; return its status and what it said."""
    stand_ins = checkout.parent / "bin"
    path = [str(stand_ins), str(Path(sys.executable).parent), os.environ["PATH"]]
    output = tools.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(commands)],
        deadline=Deadline(600),
        cwd=checkout,
        env={
            "PATH": ":".join(path),
            "INSTALLED": str(checkout.parent / "installed"),
            "GITHUB_STEP_SUMMARY": str(checkout.parent / "summary.md"),
            **env,
        },
        check=False,
    )
    return output.exit_code, (output.stdout + output.stderr).decode()


def small(checkout, name):
    plan = checkout / "ci" / f"{name}.toml"
    plan.write_text(SMALL_PLAN.format(name=name))


def change_baseline(checkout, change):
    file = checkout / "ci" / "baseline" / "records.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    for record in records:
        change(record)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_the_github_workflow_has_only_keys_that_github_knows():
    workflow = recipe("github-actions.yml")
    assert set(workflow) <= GITHUB_KEYS
    # A container's own default is `sh -e`, which knows no pipefail.
    assert workflow["defaults"] == {"run": {"shell": "bash"}}
    assert set(workflow["jobs"]) == {"gate", "nightly"}
    for job in workflow["jobs"].values():
        assert set(job) <= GITHUB_JOB_KEYS
        assert {"runs-on", "steps", "timeout-minutes"} <= set(job)
        for step in job["steps"]:
            assert set(step) <= GITHUB_STEP_KEYS
            assert ("run" in step) != ("uses" in step)
            assert "with" not in step or "uses" in step
            used = step.get("uses", "actions/checkout@v4")
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", used)


def test_strangers_can_reach_neither_the_boards_nor_a_token_that_writes():
    workflow = recipe("github-actions.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow["on"]
    condition = workflow["jobs"]["nightly"]["if"]
    assert "pull_request" not in condition
    assert "'schedule'" in condition
    # Nothing that others write (a title, a branch) is pasted into a shell.
    for job in workflow["jobs"].values():
        assert all("${{" not in step.get("run", "") for step in job["steps"])


def test_the_gitlab_pipeline_has_only_keys_that_gitlab_knows():
    pipeline = recipe("gitlab-ci.yml")
    stages = pipeline.pop("stages")
    assert set(pipeline) == {"hil-gate", "hil-nightly"}
    for job in pipeline.values():
        assert set(job) <= GITLAB_JOB_KEYS
        assert job["stage"] in stages
        assert job["script"]
        assert all(isinstance(line, str) for line in job["script"])
        assert job["artifacts"]["reports"]["junit"] == "hil-out/junit.xml"


@pytest.mark.parametrize("script", ["gate.sh", "nightly.sh"])
def test_scripts_may_be_executed_and_are_bash(script):
    assert os.access(CI / script, os.X_OK)
    tools.run(["bash", "-n", str(CI / script)], deadline=Deadline(10))


@pytest.mark.parametrize("job", ["gate", "nightly"])
def test_every_command_of_the_recipes_is_bash(job, tmp_path):
    script = tmp_path / "script"
    script.write_text(
        "\n".join([*github_commands(job), *gitlab_commands(f"hil-{job}")])
    )
    tools.run(["bash", "-n", str(script)], deadline=Deadline(10))


def test_the_plans_and_gates_can_be_read_and_the_baseline_has_the_rows_of_the_gate():
    gates = [parse_gate(line) for line in (CI / "gates.txt").read_text().splitlines()]
    assert [gate.text for gate in gates][:1] == ["insn<+0.1%"]
    plan = read_plan(CI / "gate.toml")
    assert read_plan(CI / "nightly.toml").measure.windows == 6
    rows = {(r.key.variant, r.key.device) for r in load_side(CI / "baseline").rows}
    assert rows == {
        (v, d.name) for d in plan.devices for m in plan.models for v in m.variants
    }


@pytest.mark.qemu
def test_the_commands_of_the_github_gate_hold_this_hil_to_the_baseline(checkout):
    for tool in ("qemu-system-arm", "arm-none-eabi-gcc"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
        told = tools.run([tool, "--version"], deadline=Deadline(10))
        version = told.stdout.decode().splitlines()[0]
        if version not in (CI / "baseline" / "records.jsonl").read_text():
            pytest.skip(f"the baseline was made with another one than {version}")

    status, said = run_script(github_commands("gate"), checkout)
    assert status == 0, said
    installed = (checkout.parent / "installed").read_text()
    assert "pip install -r ci/requirements.txt" in installed
    assert "gcc-arm-none-eabi" in installed
    comment = (checkout / "hil-out" / "comment.md").read_text()
    assert comment.startswith("## hil: all gates hold\n")
    assert re.search(r"^ {4,}held +insn<\+0\.1% +digits int8 on qemu", comment, FLAGS)
    assert "| variant | device |" in comment
    assert (checkout.parent / "summary.md").read_text() == comment
    cases = ET.parse(checkout / "hil-out" / "junit.xml").findall(".//testcase")
    assert [case.get("name") for case in cases] == [
        "int8 on emulated-mcu",
        "int8 on qemu-mps2-an386",
        "int8 on emulated-phone",
    ]


def test_200_bytes_of_arena_break_the_gate_of_the_gitlab_commands(checkout):
    small(checkout, "gate")
    (checkout / "ci" / "gates.txt").write_text("arena<=+0B\naccuracy>=-1pt\n")

    def took_less(record):
        record["memory"]["arena_bytes"] = record["memory"].get("arena_bytes", 0) - 200

    change_baseline(checkout, took_less)
    status, said = run_script(gitlab_commands("hil-gate"), checkout)
    assert status == 1, said
    comment = (checkout / "hil-out" / "comment.md").read_text()
    assert comment.startswith("## hil: not accepted (exit status 1)\n")
    assert re.search(r"BROKEN +arena<=\+0B  digits int8 on emulated-mcu", comment)
    assert (checkout / "hil-out" / "junit.xml").is_file()


def test_a_baseline_that_is_not_there_is_told_and_the_run_still_reported(checkout):
    small(checkout, "gate")
    shutil.rmtree(checkout / "ci" / "baseline")
    status, said = run_script(["ci/gate.sh"], checkout)
    assert status == 2
    comment = (checkout / "hil-out" / "comment.md").read_text()
    assert "there are no records to read" in said
    assert "there are no records to read" in comment
    assert "| variant | device |" in comment


def test_a_plan_that_is_wrong_ends_the_gate_with_the_status_of_bench(checkout):
    (checkout / "ci" / "gate.toml").write_text("[plan]\nnam = 'x'\n")
    status, said = run_script(["ci/gate.sh"], checkout)
    assert status == 2
    assert "did you mean 'name'?" in said


@pytest.mark.parametrize("store", ["", "sqlite:///{}/of a URL.db"])
def test_each_night_is_compared_with_the_one_before_it_from_the_store(checkout, store):
    small(checkout, "nightly")
    nights = checkout.parent / "nights"
    env = {"HIL_RUNS": str(nights), "HIL_STORE": store.format(nights)}
    # The commands that install are those of a runner with a network.
    first, said = run_script(["ci/nightly.sh"], checkout, **env)
    assert first == 0, said
    assert "there is no earlier night to compare with" in said
    (night,) = nights.glob("*-nightly")
    status, said = run_script(["ci/nightly.sh"], checkout, **env)
    # One window shows no change of 5 %: the gate on latency stays open.
    assert status == 1, said
    compared = (checkout / "hil-out" / "compare.txt").read_text()
    assert compared.startswith(f"base: {night}")
    assert re.search(r"held +arena<=\+0B", compared)
    assert (checkout / "hil-out" / "report.html").is_file()
    assert (checkout / "hil-out" / "junit.xml").is_file()


def test_a_night_without_figures_is_no_base_and_no_earlier_one_stands_for_it(checkout):
    small(checkout, "nightly")
    plan = checkout / "ci" / "nightly.toml"
    good = plan.read_text()
    nights = checkout.parent / "nights"
    env = {"HIL_RUNS": str(nights)}
    assert run_script(["ci/nightly.sh"], checkout, **env)[0] == 0
    (night,) = nights.glob("*-nightly")

    plan.write_text(good.replace("emulated-mcu", "nucleo-l4r5zi"))
    assert run_script(["ci/nightly.sh"], checkout, **env)[0] == 3
    plan.write_text(good.replace("digits_test", "nothing"))
    status, said = run_script(["ci/nightly.sh"], checkout, **env)
    assert status == 2, said
    assert "no example is called" in said
    assert list((checkout / "hil-out").iterdir()) == []

    plan.write_text(good)
    assert run_script(["ci/nightly.sh"], checkout, **env)[0] == 1
    compared = (checkout / "hil-out" / "compare.txt").read_text()
    assert compared.startswith(f"base: {night}")
