from __future__ import annotations

import pytest

from hil.android.failure import failure
from hil.errors import DeviceCrashed, FirmwareFault, UnsupportedOp


@pytest.mark.parametrize(
    "line",
    [
        (
            "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '7'. An older "
            "version of this builtin might be supported."
        ),
        (
            "ERROR: Op builtin_code out of range: 250. Are you using old TFLite binary "
            "with newer model?"
        ),
        "ERROR: Encountered unresolved custom op: MyOp.",
        (
            "ERROR: Select TensorFlow op(s), included in the given model, is(are) not "
            "supported by this interpreter."
        ),
    ],
)
def test_an_operator_that_the_runtime_lacks_is_named(line: str) -> None:
    stderr = f"{line}\nERROR: Benchmarking failed.\n"
    error = failure(1, "INFO: STARTING!\n", stderr=stderr, where="m.tflite")
    assert isinstance(error, UnsupportedOp)
    assert (error.where, error.found) == ("m.tflite", line)


@pytest.mark.parametrize(
    ("code", "name"), [(134, "SIGABRT"), (139, "SIGSEGV"), (137, "SIGKILL")]
)
def test_a_process_that_a_signal_ended_has_crashed(code: int, name: str) -> None:
    error = failure(code, "INFO: STARTING!\n", stderr="", where="m")
    assert isinstance(error, DeviceCrashed)
    assert error.what == f"benchmark_model died by {name}"
    assert error.found == "INFO: STARTING!"


def test_a_crash_that_only_a_text_tells_is_a_crash() -> None:
    error = failure(1, "", stderr="Segmentation fault \n", where="m")
    assert isinstance(error, DeviceCrashed)


def test_any_other_failure_shows_the_last_lines_made_printable() -> None:
    error = failure(1, "one\n", stderr="ERROR: no \x1b model\n", where="m")
    assert isinstance(error, FirmwareFault)
    assert error.what == "benchmark_model failed with status 1"
    assert error.found == "one\nERROR: no \\x1b model"


def test_a_failure_without_a_word_says_so() -> None:
    assert failure(1, "", stderr="", where="m").found == "it printed nothing"


@pytest.mark.parametrize("code", [126, 127])
def test_a_binary_that_cannot_run_says_what_to_push(code: int) -> None:
    error = failure(code, "", stderr="sh: not executable: 64-bit ELF", where="m")
    assert isinstance(error, FirmwareFault)
    assert error.remedy is not None
    assert "ABI" in error.remedy


def test_a_delegate_that_refused_is_the_reason_of_a_failure() -> None:
    stderr = (
        "INFO: Replacing 3 node(s) with delegate (TfLiteNnapiDelegate) node, yielding "
        "2 partitions.\nERROR: Disallowed CPU fallback detected.\n"
    )
    error = failure(1, "", stderr=stderr, where="m", asked="NNAPI")
    assert error.what == "the NNAPI delegate took only a part of the model"
    assert failure(1, "", stderr=stderr, where="m").what.endswith("with status 1")
    plain = failure(1, "", stderr="ERROR: no file\n", where="m", asked="NNAPI")
    assert plain.what.endswith("with status 1")
