"""Which benchmark_model runs on a phone: the user's, checked and pushed, or its own."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import BrokenSetup, ConfigError
from hil.links.adb_files import PhoneFiles
from hil.links.phone import local_file
from hil.models.facts import sha256_of
from hil.printable import printable, tail
from hil.targets.phone_folder import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from hil import vocab
    from hil.android.identity import Identity
    from hil.links.phone import Phone

BINARY = "/data/local/tmp/benchmark_model"
NIGHTLY = (
    "https://storage.googleapis.com/tensorflow-nightly-public/prod/tensorflow/release/"
    "lite/tools/nightly/latest"
)
_BUILDS = {
    "arm64-v8a": "android_aarch64_benchmark_model",
    "armeabi-v7a": "android_arm_benchmark_model",
}
_MAGIC = b"\x7fELF"
_MACHINE = struct.Struct("<16xHH")  # after e_ident: e_type and e_machine
# e_machine of the ELF specification, and Android's names for what runs such code.
_ABIS = {
    0x03: ("x86",),
    0x28: ("armeabi-v7a", "armeabi"),
    0x3E: ("x86_64",),
    0xB7: ("arm64-v8a",),
    0xF3: ("riscv64",),
}
_MODE = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolBinary:
    """The program on the phone: its path, its digest, and whether it is the user's."""

    path: str
    digest: str | None  # "sha256:...", or by what the phone has; None where it has none
    source: str

    def record(self) -> dict[str, object]:
        """Return it as JSON values for the evidence of a record."""
        algorithm, _, found = (self.digest or "").partition(":")
        return {
            "binary": self.path,
            "binary_source": self.source,
            f"binary_{algorithm or 'sha256'}": found or None,
        }


def find_binary(
    link: Phone,
    own: Path | None,
    *,
    identity: Identity,
    device: str,
    deadline: vocab.Deadline,
) -> ToolBinary:
    """Return the program that is to run; *own* is the user's file, None the phone's.

    ConfigError where *own* cannot be read or is for another ABI, which is found before
    it is pushed; BrokenSetup where the phone has none that may be executed.
    """
    if own is None:
        return _on_phone(link, identity, device=device, deadline=deadline)
    with local_file(own) as file:
        data = file.read()
    check_abi(data, identity.abis, where=str(own), device=device)
    digest = sha256_of(data)
    path = f"{FOLDER}/bin/{digest[:16]}/benchmark_model"
    folder = path.rpartition("/")[0]
    made = link.shell(["mkdir", "-p", folder], deadline)
    if made.exit_code != 0:
        raise BrokenSetup(
            "the phone lets us make no folder",
            where=folder,
            found=tail(made.stderr or made.stdout, lines=1),
        )
    PhoneFiles(link).push(data, path, deadline=deadline, mode=_MODE)
    return ToolBinary(path=path, digest=f"sha256:{digest}", source=own.name)


def check_abi(data: bytes, abis: tuple[str, ...], *, where: str, device: str) -> None:
    """Refuse a program that no ABI of the phone can run; an unknown list refuses none.

    ConfigError names the program's ABI and the phone's.
    """
    if not data.startswith(_MAGIC) or len(data) < _MACHINE.size:
        raise ConfigError(
            "the binary is no program for Android",
            where=where,
            found=printable(data[:4]) or "an empty file",
            allowed="an ELF file",
            remedy=f"get one of {', '.join(_BUILDS.values())} from {NIGHTLY}/",
        )
    machine = _MACHINE.unpack_from(data)[1]
    own = _ABIS.get(machine, ())
    if abis and not set(own) & set(abis):
        build = next((_BUILDS[abi] for abi in abis if abi in _BUILDS), None)
        raise ConfigError(
            "the binary is not for this phone's processor",
            where=f"{where} on {device}",
            found=own[0] if own else f"machine {machine:#x}",
            allowed=", ".join(printable(abi) for abi in abis),
            remedy=None if build is None else f"get {build} from {NIGHTLY}/",
        )


def _on_phone(
    link: Phone, identity: Identity, *, device: str, deadline: vocab.Deadline
) -> ToolBinary:
    found = link.shell(f"[ -x {BINARY} ]", deadline)
    if found.exit_code == 0:
        there = PhoneFiles(link).digest(BINARY, deadline)
        digest = None if there is None else f"{there.algorithm}:{there.hex}"
        return ToolBinary(path=BINARY, digest=digest, source="on the phone")
    abi = identity.abi or "an unknown ABI"
    build = _BUILDS.get(abi, f"a build for {printable(abi)}")
    raise BrokenSetup(
        "the phone has no benchmark_model that may be executed",
        where=f"{BINARY} on {device}",
        found=tail(found.stderr, lines=1) or "no such file, or not executable",
        remedy=f"get {build} from {NIGHTLY}/ and name it with --binary, or `adb push` "
        f"it to {BINARY} and `adb shell chmod 755 {BINARY}`",
    )
