"""The wire format: read rightly, and never believed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import ModelError
from hil.models.protobuf import fields


def read(data: bytes):
    return list(fields(memoryview(data), "m"))


def test_the_example_of_the_specification_is_read() -> None:
    (item,) = read(bytes.fromhex("08 96 01"))
    assert (item.number, item.number_value) == (1, 150)
    (item,) = read(bytes.fromhex("12 07 74 65 73 74 69 6e 67"))
    assert (item.number, item.text) == (2, "testing")


def test_negative_numbers_and_reals_are_read() -> None:
    (item,) = read(bytes.fromhex("08 fe ff ff ff ff ff ff ff ff 01"))
    assert item.signed == -2
    (item,) = read(bytes.fromhex("0d 00 00 40 c0"))
    assert item.real == -3.0
    (item,) = read(bytes.fromhex("09 00 00 00 00 00 00 f8 3f"))
    assert item.real == 1.5


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("08", "a number does not end"),
        ("08 ff ff ff ff ff ff ff ff ff ff ff", "a number does not end"),
        ("12 05 61", "a field is longer than its message"),
        ("0b", "a field has an unknown wire type"),
        ("00 00", "a field has the number 0"),
        ("0d 00", "a field is longer than its message"),
    ],
)
def test_damage_is_named(data: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        read(bytes.fromhex(data))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ModelError):
        read(data)
