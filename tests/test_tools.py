"""Host tools: real child processes, ended by their deadlines."""

from __future__ import annotations

import secrets
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hil import tools
from hil.deadline import Deadline
from hil.errors import ToolError, ToolMissing

PYTHON = sys.executable


def test_output_and_exit_code_of_a_tool_are_kept_apart():
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    output = tools.run([PYTHON, "-c", code], deadline=Deadline(30), check=False)
    assert (output.exit_code, output.stdout, output.stderr) == (3, b"out\n", b"err\n")


def test_standard_input_reaches_the_tool():
    code = "import sys; sys.stdout.write(sys.stdin.read().upper())"
    output = tools.run([PYTHON, "-c", code], deadline=Deadline(30), stdin=b"hello")
    assert output.stdout == b"HELLO"


def test_a_failed_tool_is_an_error_with_its_last_words():
    code = "import sys; print('no such board', file=sys.stderr); sys.exit(2)"
    with pytest.raises(ToolError, match=r"ended with status 2[\s\S]*no such board"):
        tools.run([PYTHON, "-c", code], deadline=Deadline(30))


def test_a_tool_that_hangs_is_killed_at_the_deadline():
    code = "print('started', flush=True); import time; time.sleep(600)"
    with pytest.raises(ToolError, match="did not end in time") as caught:
        tools.run([PYTHON, "-c", code], deadline=Deadline(1))
    assert caught.value.exit_code is None


def test_what_a_tool_started_is_killed_with_it():
    # The shell's child holds the pipes; only killing it too ends the wait.
    seconds = secrets.randbelow(10**6) + 10**6  # known again among all others
    argv = ["sh", "-c", f"sleep {seconds}; true"]
    with pytest.raises(ToolError, match="did not end in time"):
        tools.run(argv, deadline=Deadline(0.5))
    left = tools.run(
        ["pgrep", "-x", "-f", f"sleep {seconds}"], deadline=Deadline(30), check=False
    )
    assert left.stdout == b""


def test_a_file_that_is_no_program_is_an_error(tmp_path):
    path = tmp_path / "flash"
    path.write_text("")
    with pytest.raises(ToolError, match=r"Permission denied[\s\S]*may be executed"):
        tools.run([str(path)], deadline=Deadline(5))


def test_a_missing_tool_names_the_command_that_installs_it():
    with pytest.raises(ToolMissing, match=r"not installed[\s\S]*put it on PATH"):
        tools.run(["hil-no-such-tool"], deadline=Deadline(1))
    assert tools.install_hint("adb") == "apt-get install adb"


def test_a_child_is_read_line_by_line_and_ends_when_told():
    code = "print('one'); print('two', flush=True); import time; time.sleep(600)"
    child = tools.Child([PYTHON, "-c", code])
    try:
        deadline = Deadline(30)
        assert [child.read_line(deadline), child.read_line(deadline)] == ["one", "two"]
        assert child.exit_code is None
    finally:
        code = child.stop()
    assert code != 0
    assert child.exit_code == code


def test_a_child_that_ignores_the_kind_end_is_killed():
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(600)"
    )
    child = tools.Child([PYTHON, "-c", code])
    assert child.read_line(Deadline(30)) == "deaf"
    assert child.stop(grace_seconds=0.1) == -9


def test_a_child_that_ends_early_is_an_error_with_its_status():
    child = tools.Child([PYTHON, "-c", "import sys; sys.exit('cannot open port')"])
    assert child.read_line(Deadline(30)) == "cannot open port"
    assert child.wait(Deadline(30)) == 1
    with pytest.raises(ToolError, match="ended with status 1"):
        child.read_line(Deadline(30))
    child.stop()


def test_a_child_hears_what_is_written_to_it():
    child = tools.Child([PYTHON, "-uc", "print(input()[::-1])"])
    try:
        child.write(b"abc\n", Deadline(30))
        assert child.read_line(Deadline(30)) == "cba"
    finally:
        child.stop()


def test_a_child_that_does_not_listen_cannot_hold_the_writer():
    child = tools.Child([PYTHON, "-c", "import time; time.sleep(600)"])
    try:
        with pytest.raises(ToolError, match="bytes were not taken in time"):
            child.write(bytes(1 << 20), Deadline(0.5))
    finally:
        child.stop()


def test_a_child_that_is_gone_cannot_be_written_to():
    child = tools.Child([PYTHON, "-c", ""])
    child.wait(Deadline(30))
    with pytest.raises(ToolError, match="Broken pipe"):
        child.write(b"x", Deadline(5))
    child.stop()


def test_the_standard_error_of_a_child_can_go_to_a_file(tmp_path):
    log = tmp_path / "log"
    code = "import sys; print('why', file=sys.stderr); print('x')"
    child = tools.Child([PYTHON, "-c", code], stderr=log)
    assert child.read_line(Deadline(30)) == "x"
    assert child.wait(Deadline(30)) == 0
    child.stop()
    assert log.read_text() == "why\n"


def test_no_other_module_may_start_a_process(tmp_path):
    probe = tmp_path / "probe.py"
    probe.write_text(
        textwrap.dedent('''\
        """A module that breaks the rule."""

        import subprocess

        subprocess.run(["true"], check=True)
        ''')
    )
    root = Path(__file__).resolve().parent.parent
    config = ["--config", str(root / "pyproject.toml")]
    argv = [PYTHON, "-m", "ruff", "check", "--select", "TID251", *config, str(probe)]
    found = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "Use hil.tools" in found.stdout
