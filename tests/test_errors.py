"""Error texts and what the runner and the CLI read from an error."""

from __future__ import annotations

import inspect

import pytest

from hil import errors
from hil.vocab import RunStatus

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, errors.HilError)
]


def test_an_error_shows_only_the_parts_that_it_has():
    error = errors.ConfigError("no such thing", found="x", remedy="try y")
    assert str(error) == "no such thing\n  found:   x\n  remedy:  try y"


def test_every_class_stands_in_the_drawing_with_its_exit_status():
    drawing = errors.__doc__
    for cls in CLASSES:
        assert cls.__name__ in drawing


def test_only_what_a_second_try_can_mend_is_transient():
    transient = {cls.__name__ for cls in CLASSES if cls.transient}
    assert transient == {"LinkTimeout", "LinkClosed", "MalformedFrame"}


@pytest.mark.parametrize(
    ("cls", "exit_status", "status"),
    [
        (errors.ConfigError, 2, RunStatus.BROKEN_SETUP),
        (errors.ModelError, 2, RunStatus.BROKEN_SETUP),
        (errors.UnsupportedOp, 1, RunStatus.UNSUPPORTED_OP),
        (errors.DoesNotFit, 1, RunStatus.DOES_NOT_FIT),
        (errors.ToolError, 3, RunStatus.BROKEN_SETUP),
        (errors.RecordingError, 3, RunStatus.BROKEN_SETUP),
        (errors.LinkTimeout, 3, RunStatus.TIMED_OUT),
        (errors.LinkClosed, 3, RunStatus.LINK_BROKEN),
        (errors.MalformedFrame, 3, RunStatus.LINK_BROKEN),
        (errors.DeviceCrashed, 3, RunStatus.CRASHED),
        (errors.FirmwareFault, 3, RunStatus.CRASHED),
        (errors.BrokenSetup, 3, RunStatus.BROKEN_SETUP),
    ],
)
def test_each_error_has_its_exit_status_and_its_word_in_a_record(
    cls, exit_status, status
):
    assert (cls.exit_status, cls.status) == (exit_status, status)


def test_what_does_not_fit_names_the_missing_bytes():
    error = errors.DoesNotFit(
        region="arena", needed_bytes=24272, available_bytes=20000, where="emulated-mcu"
    )
    assert str(error).splitlines() == [
        "arena: 4,272 bytes missing",
        "  where:   emulated-mcu",
        "  found:   24,272 bytes needed",
        "  allowed: 20,000 bytes available",
        "  remedy:  a smaller variant (hil shrink), or a device with more memory",
    ]


@pytest.mark.parametrize(
    ("name", "hint"), [("int7", "did you mean 'int8'?"), ("zebra", None)]
)
def test_the_nearest_name_is_offered_where_one_is_near(name, hint):
    assert errors.nearest(name, ["int8", "float16"]) == hint
