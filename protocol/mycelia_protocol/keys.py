"""Keys and the signature verdict.

Ed25519 over a short, prefixed message: `context || network id || digest`, so a
signature speaks for one kind of object in one network and no other. The verdict
on odd signatures is part of the law and pinned by vectors; libsodium gives
exactly it, and no other verifier is used.

    >>> pair = keypair(bytes(32))
    >>> signature = sign(pair, ENTRY, network=bytes(32), digest=bytes(32))
    >>> verify(pair.public, signature, ENTRY, network=bytes(32), digest=bytes(32))
    True

Spec: 03-keys.
"""

from __future__ import annotations

from typing import NamedTuple

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

ENTRY = b"mycelia/1/entry\0"
PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class KeyPair(NamedTuple):
    """A public key (32 bytes) and the secret that signs for it (64 bytes, never shown)."""

    public: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"KeyPair({self.public.hex()})"


def keypair(seed: bytes) -> KeyPair:
    """Return the key pair of a 32-byte seed (RFC 8032)."""
    return KeyPair(*crypto_sign_seed_keypair(seed))


def sign(pair: KeyPair, context: bytes, *, network: bytes, digest: bytes) -> bytes:
    """Return the 64-byte signature of `digest` in `context` on `network`."""
    return crypto_sign(context + network + digest, pair.secret)[:SIGNATURE_BYTES]


def verify(public: bytes, signature: bytes, context: bytes, *, network: bytes, digest: bytes) -> bool:
    """Return whether `signature` is good (rule `keys.signature`: cofactorless, S < L, canonical, no small order)."""
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES:  # libsodium reads past a short key
        return False
    try:
        crypto_sign_open(signature + context + network + digest, public)
    except CryptoError:
        return False
    return True


def did(public: bytes) -> str:
    """Return a public key as did:key text, for people and other programs.

    >>> key_of_did(did(bytes(32))) == bytes(32)
    True
    """
    return "did:key:z" + _base58(b"\xed\x01" + public)


def key_of_did(text: str) -> bytes:
    """Return the public key that a did:key names.

    Raises:
        ValueError: it is no did:key of an Ed25519 key.
    """
    if len(text) > 80:
        raise ValueError("too long for a did:key")
    number = 0
    for letter in text.removeprefix("did:key:z"):
        number = number * 58 + _BASE58.index(letter)
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    if not text.startswith("did:key:z") or len(data) != 2 + PUBLIC_BYTES or data[:2] != b"\xed\x01":
        raise ValueError("no did:key of an Ed25519 key")
    return data[2:]


def _base58(data: bytes) -> str:
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, remainder = divmod(number, 58)
        digits = _BASE58[remainder] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits
