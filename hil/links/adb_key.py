"""The keys by which phones know this computer."""

from __future__ import annotations

import base64
import contextlib
import os
import struct
import tempfile
from pathlib import Path

from adb_shell.auth import keygen
from adb_shell.auth.sign_pythonrsa import PythonRSASigner

from hil.errors import BrokenSetup
from hil.printable import printable

_KEY_BITS = 2048
# What cryptography and adb_shell raise on a file that is no PEM, has a password, is a
# key of another kind or of another length.
_BAD_KEY = (
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    struct.error,
)


def host_keys() -> list[HostKey]:
    """Return the keys to offer to a phone, in the order in which adb offers them.

    The key of the system's adb where there is one, else a key of hil's own, which is
    made when a phone first asks for it. Then those of `ADB_VENDOR_KEYS`: files, and
    the files `*.adb_key` of folders. The first is the one that a person accepts. A
    user without a home, as containers have, has the variable's only.
    """
    paths = []
    with contextlib.suppress(RuntimeError):
        system = Path.home() / ".android" / "adbkey"
        own = Path.home() / ".config" / "hil" / "adbkey"
        paths.append(system if system.is_file() else own)
    for part in os.environ.get("ADB_VENDOR_KEYS", "").split(os.pathsep):
        path = Path(part)
        if part and path.is_dir():
            paths += sorted(path.glob("*.adb_key"))
        elif part and path.is_file():
            paths.append(path)
    return [HostKey(path) for path in dict.fromkeys(paths)]


class HostKey:
    """One key by which a phone knows this computer; made when it is first needed.

    The public key is computed, so no second file can disagree with it.
    """

    def __init__(self, path: Path) -> None:
        """Take the *path* of the private key (PKCS #8, PEM)."""
        self.path = path
        self._loaded: PythonRSASigner | None = None

    def Sign(self, data: bytes) -> bytes:  # noqa: N802 - the name that adb_shell calls
        """Return the signature of a phone's token."""
        return bytes(self._signer().Sign(bytes(data)))

    def GetPublicKey(self) -> str:  # noqa: N802 - the name that adb_shell calls
        """Return the public key and this user's name, as phones show it."""
        return str(self._signer().GetPublicKey())

    def _signer(self) -> PythonRSASigner:
        if self._loaded is None:
            try:
                if not self.path.exists():
                    _create_key(self.path)
                private = self.path.read_text(encoding="ascii")
                public = base64.b64encode(keygen.encode_pubkey(str(self.path)))
                owner = keygen.get_user_info()
                signer = PythonRSASigner(f"{public.decode()}{owner}", private)
                bits = signer.priv_key.n.bit_length()
            except _BAD_KEY as exc:
                raise self._unusable(printable(str(exc))) from exc
            if bits != _KEY_BITS:
                raise self._unusable(f"a key of {bits} bits")
            self._loaded = signer
        return self._loaded

    def _unusable(self, found: str) -> BrokenSetup:
        return BrokenSetup(
            "the adb key of this computer cannot be used",
            where=str(self.path),
            found=found,
            allowed="an RSA key of 2048 bits, PKCS #8 in PEM, no password",
            remedy="`adb keygen FILE` makes one",
        )


def _create_key(path: Path) -> None:
    """Make a key that only its owner may read, and that is whole when it appears."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # mode 0700
        made = Path(folder) / "key"
        keygen.keygen(str(made))
        made.chmod(0o600)
        with contextlib.suppress(FileExistsError):  # someone else was faster
            path.hardlink_to(made)
