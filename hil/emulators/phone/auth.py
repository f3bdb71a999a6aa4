"""RSA authentication of an adb host: tokens, signatures and Android's public keys.

A signature is RSA-2048 with PKCS#1 v1.5 over the token, which takes the place of a
SHA-1 digest. Only the public operation is done here, so that plain integers do.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass

_KEY_BYTES = 256
_WORDS = _KEY_BYTES // 4
# Android's struct RSAPublicKey: words, n0inv, modulus, rr, exponent, little-endian.
_STRUCT = struct.Struct(f"<II{_KEY_BYTES}s{_KEY_BYTES}sI")
_SHA1_INFO = bytes.fromhex("3021300906052b0e03021a05000414")  # RFC 8017, 9.2
_MIN_MODULUS_BITS = 2048 - 8


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The modulus and exponent of a host's key."""

    modulus: int
    exponent: int

    def verifies(self, signature: bytes, token: bytes) -> bool:
        """Whether *signature* was made over *token* with the private key of this."""
        number = int.from_bytes(signature, "big")
        if len(signature) != _KEY_BYTES or number >= self.modulus:
            return False
        found = pow(number, self.exponent, self.modulus).to_bytes(_KEY_BYTES, "big")
        digest_info = _SHA1_INFO + token
        padding = b"\xff" * (_KEY_BYTES - 3 - len(digest_info))
        return hmac.compare_digest(found, b"\0\x01" + padding + b"\0" + digest_info)


def parse_public_key(offer: bytes) -> PublicKey | None:
    """Read "base64 user@host" as a host offers it; None where it is no key."""
    encoded = offer.rstrip(b"\0").split(b" ", 1)[0]
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None
    if len(raw) != _STRUCT.size:
        return None
    words, _, modulus, _, exponent = _STRUCT.unpack(raw)
    key = PublicKey(int.from_bytes(modulus, "little"), exponent)
    strong = key.modulus.bit_length() > _MIN_MODULUS_BITS
    if words != _WORDS or not strong or key.exponent not in {3, 65537}:
        return None
    return key
