"""The child process: missing packages, crashes, deadlines. No TensorFlow is needed."""

from __future__ import annotations

import sys

import pytest

from hil.deadline import Deadline
from hil.errors import ToolError, ToolMissing
from hil.quantization.qat.qat import fine_tune
from hil.quantization.qat.request import QatRequest


@pytest.fixture
def start(tmp_path):
    """Start a fine-tuning whose Python is a shell script."""

    def started(script, seconds=60.0):
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        source = tmp_path / "m.h5"
        source.touch()
        request = QatRequest(
            source=source, train=tmp_path / "t.npz", folder=tmp_path / "out"
        )
        log = tmp_path / "out" / "qat.log"
        return fine_tune(
            request, Deadline(seconds), log_path=log, python=str(python)
        ), log

    return started


def test_without_the_extra_the_command_that_installs_it_is_told(start, tmp_path):
    stub = tmp_path / "stubs" / "tensorflow"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text(
        "raise ModuleNotFoundError('No module named tensorflow', name='tensorflow')"
    )
    script = f'PYTHONPATH="{stub.parent}:$PYTHONPATH" exec {sys.executable} "$@"'
    with pytest.raises(ToolMissing) as caught:
        start(script)
    assert "pip install 'hil[qat]'" in str(caught.value)
    assert caught.value.exit_status == 3


def test_a_child_that_dies_is_told_with_its_last_words_and_its_log(start, tmp_path):
    with pytest.raises(ToolError) as caught:
        start("echo something broke >&2; kill -SEGV $$")
    told = str(caught.value)
    assert "the fine-tuning ended with status -11" in told
    assert "SIGSEGV: something broke" in told
    log = tmp_path / "out" / "qat.log"
    assert f"the log is {log}" in told
    assert log.read_text() == "something broke\n"


def test_a_child_that_is_killed_points_to_memory(start):
    with pytest.raises(ToolError, match="as the kernel does when memory runs out"):
        start("kill -KILL $$")


def test_a_child_that_is_too_slow_is_ended(start):
    with pytest.raises(ToolError) as caught:
        start("exec sleep 60", seconds=0.5)
    told = str(caught.value)
    assert "the fine-tuning did not end in time" in told
    assert "--timeout, fewer epochs or trials" in told
