from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from adb_shell.auth.keygen import keygen
from adb_shell.auth.sign_pythonrsa import PythonRSASigner
from hypothesis import given
from hypothesis import strategies as st

from hil.emulators.phone.auth import PublicKey, parse_public_key

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = bytes(range(20))


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> PythonRSASigner:
    path = tmp_path_factory.mktemp("keys") / "adbkey"
    keygen(str(path))
    return PythonRSASigner.FromRSAKeyPath(str(path))


@pytest.fixture(scope="module")
def key(signer: PythonRSASigner) -> PublicKey:
    key = parse_public_key(signer.GetPublicKey().encode() + b"\0")
    assert key is not None
    return key


def test_a_signature_by_the_key_itself_is_right(
    signer: PythonRSASigner, key: PublicKey
) -> None:
    assert key.exponent == 65537
    assert key.verifies(signer.Sign(TOKEN), TOKEN)


def test_a_signature_over_another_token_is_wrong(
    signer: PythonRSASigner, key: PublicKey
) -> None:
    assert not key.verifies(signer.Sign(TOKEN), TOKEN[::-1])


def test_a_signature_by_another_key_is_wrong(tmp_path: Path, key: PublicKey) -> None:
    keygen(str(tmp_path / "other"))
    other = PythonRSASigner.FromRSAKeyPath(str(tmp_path / "other"))
    assert not key.verifies(other.Sign(TOKEN), TOKEN)


def test_a_changed_signature_is_wrong(signer: PythonRSASigner, key: PublicKey) -> None:
    signature = bytearray(signer.Sign(TOKEN))
    signature[100] ^= 1
    assert not key.verifies(bytes(signature), TOKEN)


@given(st.binary(max_size=300))
def test_random_bytes_are_no_signature(data: bytes) -> None:
    assert not PublicKey((1 << 2047) + 9, 65537).verifies(data, TOKEN)


@given(st.binary(max_size=800))
def test_random_bytes_are_no_key(data: bytes) -> None:
    assert parse_public_key(data) is None


def test_a_weak_exponent_is_no_key(signer: PythonRSASigner) -> None:
    raw = bytearray(base64.b64decode(signer.GetPublicKey().split()[0]))
    raw[-4:] = (1).to_bytes(4, "little")
    assert parse_public_key(base64.b64encode(raw)) is None
