"""Who a phone is: its maker, chip, Android and whether it is an emulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.dump import whole

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAGS = ("ro.kernel.qemu", "ro.boot.qemu")
_EMULATED_HARDWARE = {"goldfish", "ranchu", "cutf_cvm", "cutf", "vbox86"}
_FINGERPRINTS = ("generic/", "generic_", "google/sdk_gphone", "Android/sdk_")
_MAX_SDK = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What names a phone; None for what it does not say."""

    manufacturer: str | None = None
    brand: str | None = None
    model: str | None = None
    device: str | None = None
    soc_manufacturer: str | None = None
    soc: str | None = None  # ro.soc.model, Android 12 and later
    platform: str | None = None  # ro.board.platform, older and coarser
    hardware: str | None = None
    chip: str | None = None  # ro.hardware.chipname, some vendors
    abi: str | None = None
    abis: tuple[str, ...] = ()  # the best first
    release: str | None = None
    sdk: int | None = None
    security_patch: str | None = None
    fingerprint: str | None = None
    is_debuggable: bool | None = None
    emulator_signs: tuple[str, ...] = ()  # "ro.kernel.qemu=1": why it is an emulator

    @property
    def is_emulator(self) -> bool:
        """Whether it says that it is one: its figures are no phone's."""
        return bool(self.emulator_signs)


def identity(properties: Mapping[str, str]) -> Identity:
    """Return what names the phone with these *properties*."""

    def told(key: str) -> str | None:
        return properties.get(key, "").strip() or None

    abis = properties.get("ro.product.cpu.abilist", "").split(",")
    abi = told("ro.product.cpu.abi")
    debuggable = told("ro.debuggable")
    return Identity(
        manufacturer=told("ro.product.manufacturer") or told("ro.product.brand"),
        brand=told("ro.product.brand"),
        model=told("ro.product.model"),
        device=told("ro.product.device"),
        soc_manufacturer=told("ro.soc.manufacturer"),
        soc=told("ro.soc.model"),
        platform=told("ro.board.platform"),
        hardware=told("ro.hardware"),
        chip=told("ro.hardware.chipname"),
        abi=abi,
        abis=tuple(a.strip() for a in abis if a.strip()) or ((abi,) if abi else ()),
        release=told("ro.build.version.release"),
        sdk=whole(told("ro.build.version.sdk") or "", low=1, high=_MAX_SDK),
        security_patch=told("ro.build.version.security_patch"),
        fingerprint=told("ro.build.fingerprint"),
        is_debuggable={"0": False, "1": True}.get(debuggable or ""),
        emulator_signs=_emulator_signs(properties),
    )


def _emulator_signs(properties: Mapping[str, str]) -> tuple[str, ...]:
    signs = [f"{key}=1" for key in _FLAGS if properties.get(key) == "1"]
    hardware = properties.get("ro.hardware", "")
    if hardware in _EMULATED_HARDWARE:
        signs.append(f"ro.hardware={hardware}")
    fingerprint = properties.get("ro.build.fingerprint", "")
    signs += [
        f"ro.build.fingerprint={start}.."
        for start in _FINGERPRINTS
        if fingerprint.startswith(start)
    ]
    return tuple(signs)
