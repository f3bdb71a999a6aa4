from __future__ import annotations

import sys
from pathlib import Path

from hil.deadline import Deadline
from hil.tools import run


def test_the_vectors_are_what_the_script_writes() -> None:
    script = Path(__file__).with_name("renew_golden.py")
    output = run(
        [sys.executable, str(script), "--check"], deadline=Deadline(60), check=False
    )
    assert output.stdout == b""
    assert output.exit_code == 0
