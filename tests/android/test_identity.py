from __future__ import annotations

import pytest

from hil.android.identity import Identity, identity


def test_a_phone_is_named_by_what_it_says() -> None:
    told = identity(
        {
            "ro.product.brand": "google",
            "ro.product.model": "Pixel 6",
            "ro.product.cpu.abi": "arm64-v8a",
            "ro.product.cpu.abilist": "arm64-v8a, armeabi-v7a",
            "ro.build.version.sdk": "34",
            "ro.debuggable": "0",
        }
    )
    assert told.manufacturer == "google"  # the brand stands in for an absent maker
    assert told.model == "Pixel 6"
    assert told.abis == ("arm64-v8a", "armeabi-v7a")
    assert told.sdk == 34
    assert told.is_debuggable is False
    assert not told.is_emulator


def test_what_is_not_said_is_absent() -> None:
    assert identity({"ro.product.model": " "}) == Identity()


def test_without_a_list_the_abi_stands_alone() -> None:
    assert identity({"ro.product.cpu.abi": "armeabi"}).abis == ("armeabi",)


@pytest.mark.parametrize("sdk", ["", "-1", "34x", "1000", "3.5"])
def test_an_sdk_that_is_no_number_is_not_believed(sdk: str) -> None:
    assert identity({"ro.build.version.sdk": sdk}).sdk is None


@pytest.mark.parametrize(
    ("key", "value", "sign"),
    [
        ("ro.kernel.qemu", "1", "ro.kernel.qemu=1"),
        ("ro.boot.qemu", "1", "ro.boot.qemu=1"),
        ("ro.hardware", "ranchu", "ro.hardware=ranchu"),
        ("ro.hardware", "cutf_cvm", "ro.hardware=cutf_cvm"),
        (
            "ro.build.fingerprint",
            "google/sdk_gphone64_x86_64/emu64xa:14/UE1A/1:userdebug/dev-keys",
            "ro.build.fingerprint=google/sdk_gphone..",
        ),
    ],
)
def test_an_emulator_is_told_from_a_phone(key: str, value: str, sign: str) -> None:
    told = identity({key: value})
    assert told.is_emulator
    assert told.emulator_signs == (sign,)


def test_a_flag_that_is_off_is_no_sign() -> None:
    assert not identity({"ro.kernel.qemu": "0", "ro.hardware": "qcom"}).is_emulator
