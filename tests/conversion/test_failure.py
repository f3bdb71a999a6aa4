"""The line of a log that says why, and errors that cross from the child."""

from __future__ import annotations

import pytest

from hil.conversion.failure import (
    INSTALL,
    MISSING,
    child_failed,
    decisive,
    decisive_line,
    error_from_json,
    error_to_json,
)
from hil.errors import (
    ConfigError,
    HilError,
    ModelError,
    ToolMissing,
    UnsupportedOp,
    WrongQuantization,
)


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("", ""),
        ("one\ntwo\n\n", "two"),
        (
            (
                "<unknown>:0: error: 'tf.Betainc' op is neither a custom op nor a "
                "flex op\n"
                "<unknown>:0: note: Error code: ERROR_NEEDS_CUSTOM_OPS\n"
                "<unknown>:0: error: failed while converting: 'main':"
            ),
            "error: 'tf.Betainc' op is neither a custom op nor a flex op",
        ),
        (
            (
                "Traceback (most recent call last):\n  File x\n"
                "RuntimeError: Quantization to 16x8-bit not yet supported for op: "
                "'X'.\n"
                "note"
            ),
            "RuntimeError: Quantization to 16x8-bit not yet supported for op: 'X'.",
        ),
        (
            "terminate called after throwing\n  what():  std::bad_alloc\nAborted",
            "what():  std::bad_alloc",
        ),
        (
            "F0000 00:00:17 1 a.cc:3] Check failed: x > 0\n*** Check failure stack ***",
            "F0000 00:00:17 1 a.cc:3] Check failed: x > 0",
        ),
        ("Fatal Python error: Segmentation fault\n  File y", None),
        ("a\x1b[31mred", "a\\x1b[31mred"),
    ],
)
def test_the_decisive_line_is_found(log, line):
    wanted = "Fatal Python error: Segmentation fault" if line is None else line
    assert decisive(log) == wanted


def test_a_log_is_read_from_its_end(tmp_path):
    log = tmp_path / "log"
    log.write_text("ValueError: of long ago\n" + "x\n" * 200_000 + "last\n")
    assert decisive_line(log) == "last"
    log.write_text("")
    assert decisive_line(log) == "the log is empty"


@pytest.mark.parametrize("kind", [HilError, ConfigError, ModelError, WrongQuantization])
def test_an_error_keeps_its_class_and_parts(kind):
    error = kind("what", where="w", found="f", allowed="a", remedy="r")
    again = error_from_json(error_to_json(error))
    assert type(again) is kind
    assert str(again) == str(error)


def test_an_error_of_another_class_is_still_an_error():
    again = error_from_json(error_to_json(UnsupportedOp("what", where="w")))
    assert type(again) is HilError
    assert str(again) == "what\n  where:   w"


def test_a_missing_tensorflow_names_the_extra():
    error = error_from_json(MISSING)
    assert isinstance(error, ToolMissing)
    assert error.remedy == INSTALL == "pip install 'hil[convert]'"


def test_a_signal_without_a_name_is_told_by_its_number(tmp_path):
    (tmp_path / "log").write_text("bye")
    error = child_failed("m.keras", -63, log_path=tmp_path / "log")
    assert "ended with status -63" in str(error)
    assert "bye" in str(error)
