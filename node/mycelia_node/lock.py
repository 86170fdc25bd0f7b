"""The lock on the key files: one random key seals them all, and a passphrase seals that key.

A sealed file is `{"sealed": hex}`: a nonce of 24 bytes and XChaCha20-Poly1305 over
what the file held, bound to the file's name, so that files cannot change places.
The lock file holds the random key, sealed in the same way under Argon2id of the
passphrase; its other fields are bound to it. A new passphrase is thus one small
file replaced. What it does not do: undo. A copy of older files opens with the
passphrase of its day.

    >>> key = bytes(32)
    >>> sealed = seal(key, b"secret", name="anna.json", entropy=bytes)
    >>> unseal(key, sealed, name="anna.json")
    b'secret'
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from nacl import pwhash
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError

from .faults import BadInput, StoreFault

KEY_BYTES = 32
SALT_BYTES = pwhash.argon2id.SALTBYTES
MIN_LETTERS = 8
MAX_LETTERS = 1024
_NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_FILE = "mycelia/1/key file\0"
_LOCK = "mycelia/1/lock\0"

Entropy = Callable[[int], bytes]


class Limits(NamedTuple):
    """What trying one passphrase costs; Argon2id."""

    operations: int
    memory_bytes: int


MODERATE = Limits(pwhash.argon2id.OPSLIMIT_MODERATE, pwhash.argon2id.MEMLIMIT_MODERATE)
LEAST = Limits(pwhash.argon2id.OPSLIMIT_MIN, pwhash.argon2id.MEMLIMIT_MIN)
_MOST = Limits(pwhash.argon2id.OPSLIMIT_SENSITIVE, pwhash.argon2id.MEMLIMIT_SENSITIVE)  # a changed file asks for more


@dataclass(frozen=True, slots=True)
class Unlocked:
    """An open lock: the key of the files; `mixed` while some of them may be plain."""

    key: bytes = field(repr=False)
    mixed: bool


def check_passphrase(passphrase: str) -> None:
    """Refuse a passphrase that is too short to help.

    Raises:
        BadInput: it has too few letters, or far too many.
    """
    if not MIN_LETTERS <= len(passphrase) <= MAX_LETTERS:
        why = f"it has {len(passphrase)} letters"
        raise BadInput("passphrase", why, f"take {MIN_LETTERS} or more, best several words")


def write_lock(passphrase: str, unlocked: Unlocked, *, limits: Limits, entropy: Entropy) -> bytes:
    """Return the lock file that gives `unlocked` to who has the passphrase."""
    salt = entropy(SALT_BYTES)
    key = _wrapping(passphrase, salt, limits)
    head = _head(salt, limits, mixed=unlocked.mixed)
    return json.dumps({**head, "sealed": _sealed(key, unlocked.key, _bound(head), entropy)}).encode()


def open_lock(document: bytes, passphrase: str) -> Unlocked:
    """Return what a lock file gives to who has the passphrase.

    Raises:
        StoreFault: the passphrase is another one, or the file is damaged.
    """
    try:
        fields = json.loads(document)
        salt, limits, mixed = bytes.fromhex(fields["salt"]), Limits(*fields["limits"]), fields["mixed"]
        sealed = bytes.fromhex(fields["sealed"])
        is_sound = type(mixed) is bool and len(salt) == SALT_BYTES and _is_possible(limits)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged() from error
    if not is_sound:
        raise _damaged()
    try:
        key = _unsealed(_wrapping(passphrase, salt, limits), sealed, _bound(_head(salt, limits, mixed=mixed)))
    except CryptoError as error:
        raise StoreFault("the passphrase does not open the keys", "type it again, or bring back keys/lock") from error
    return Unlocked(key, mixed)


def seal(key: bytes, data: bytes, *, name: str, entropy: Entropy) -> bytes:
    """Return what the file of that name holds when it is sealed."""
    return json.dumps({"sealed": _sealed(key, data, (_FILE + name).encode(), entropy)}).encode()


def unseal(key: bytes, document: bytes, *, name: str) -> bytes:
    """Return what a sealed file holds.

    Raises:
        StoreFault: it is another file's, of another lock, cut short or changed.
    """
    try:
        return _unsealed(key, bytes.fromhex(json.loads(document)["sealed"]), (_FILE + name).encode())
    except (ValueError, KeyError, TypeError, CryptoError) as error:
        why = f"the key file {name} was changed, or belongs elsewhere"
        raise StoreFault(why, "bring back the right one, or the identity from its phrase") from error


def is_sealed(document: bytes) -> bool:
    """Return whether a key file claims to be sealed."""
    return document.startswith(b'{"sealed"')


def _is_possible(limits: Limits) -> bool:
    return all(type(value) is int for value in limits) and all(
        least <= value <= most for least, value, most in zip(LEAST, limits, _MOST, strict=True)
    )


def _head(salt: bytes, limits: Limits, *, mixed: bool) -> dict[str, object]:
    return {"salt": salt.hex(), "limits": list(limits), "mixed": mixed}


def _bound(head: dict[str, object]) -> bytes:
    return (_LOCK + json.dumps(head)).encode()


def _wrapping(passphrase: str, salt: bytes, limits: Limits) -> bytes:
    # Keyboards write one letter in several ways; NFKC makes them one.
    letters = unicodedata.normalize("NFKC", passphrase).encode()
    return pwhash.argon2id.kdf(KEY_BYTES, letters, salt, opslimit=limits.operations, memlimit=limits.memory_bytes)


def _sealed(key: bytes, data: bytes, bound: bytes, entropy: Entropy) -> str:
    nonce = entropy(_NONCE_BYTES)
    return (nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(data, bound, nonce, key)).hex()


def _unsealed(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    if len(sealed) <= _NONCE_BYTES + 16:
        raise CryptoError("too short")
    nonce, box = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    return crypto_aead_xchacha20poly1305_ietf_decrypt(box, bound, nonce, key)


def _damaged() -> StoreFault:
    return StoreFault("the lock of the key files is damaged", "bring back the file keys/lock")
