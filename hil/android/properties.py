"""What a phone says of itself: the output of `getprop`, parsed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# A value may hold line ends and brackets, so an entry ends at the first bracket at a
# line's end that another entry, or the end of the text, follows.
_ENTRY = re.compile(
    r"^\[(?P<key>[^\]\n]+)\]: \[(?P<value>.*?)\]$(?=\n\[[^\]\n]+\]: \[|\s*\Z)",
    re.DOTALL | re.MULTILINE,
)
_IDENTITY = {
    "manufacturer": ("ro.product.manufacturer", "ro.product.brand"),
    "model": ("ro.product.model",),
    "device": ("ro.product.device",),
    "soc": ("ro.soc.model", "ro.board.platform"),
    "abi": ("ro.product.cpu.abi",),
    "release": ("ro.build.version.release",),
    "sdk": ("ro.build.version.sdk",),
    "security_patch": ("ro.build.version.security_patch",),
    "fingerprint": ("ro.build.fingerprint",),
}
_EMULATOR_FLAGS = ("ro.kernel.qemu", "ro.boot.qemu")
_EMULATOR_HARDWARE = {"goldfish", "ranchu"}


def parse_properties(text: str) -> dict[str, str]:
    """Return the properties that `getprop` printed, one `[key]: [value]` an entry."""
    text = text.replace("\r\n", "\n")
    return {match["key"]: match["value"] for match in _ENTRY.finditer(text)}


def identity(properties: Mapping[str, str]) -> dict[str, str | bool]:
    """Return what names a phone; a key is absent where the phone does not say it.

    `is_emulator` is always there: figures of an emulator are no phone's.
    """
    found: dict[str, str | bool] = {}
    for name, keys in _IDENTITY.items():
        value = next((properties[key] for key in keys if properties.get(key)), None)
        if value is not None:
            found[name] = value
    found["is_emulator"] = (
        any(properties.get(key) == "1" for key in _EMULATOR_FLAGS)
        or properties.get("ro.hardware") in _EMULATOR_HARDWARE
    )
    return found
