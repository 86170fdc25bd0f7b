"""Privacy: a body that only its recipients read.

The content is encrypted once, under a key of its own; that key is put into a
sealed box for each recipient. Who they are is not said: whoever holds a secret
tries the boxes. The sealed content is the content of an ordinary body, so
nothing else of an entry changes. Who signs, and whether the entry is valid, is
not asked here. All randomness is an argument.

    >>> from itertools import count
    >>> numbers = count(1)
    >>> secret, entropy = bytes([9]) * 32, lambda size: bytes([next(numbers)]) * size
    >>> place = {"network": bytes(32), "chain": bytes(32)}
    >>> sealed = seal({"note": "ring twice"}, [box_key(secret)], entropy=entropy, **place)
    >>> open_sealed(sealed, secret, **place)
    {'note': 'ring twice'}

Spec: 17-privacy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_box,
    crypto_box_seal_open,
    crypto_scalarmult_base,
)
from nacl.exceptions import CryptoError

from .canonical import Value, decode, encode
from .cid import DIGEST_BYTES, digest
from .errors import Malformed, Refused

KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
BOX_BYTES = KEY_BYTES + TAG_BYTES + KEY_BYTES  # ephemeral key, tag, content key
MAX_RECIPIENTS = 32
SIZES = (256, 512, 1024, 2048, 4096, 8192, 16384, 28672)  # the last leaves room for 32 boxes in a body
SEALED = "sealed"

_CONTENT_KEY = b"mycelia/1/content-key\0"
_PRIVATE = b"mycelia/1/private\0"
_END = b"\x80"


class _Sealed(NamedTuple):
    nonce: bytes
    commitment: bytes
    boxes: list[bytes]
    ciphertext: bytes


def box_key(secret: bytes) -> bytes:
    """Return the box key of a 32-byte secret (X25519, RFC 7748)."""
    return crypto_scalarmult_base(secret)


def seal(
    content: Mapping[str, Value],
    recipients: Collection[bytes],
    *,
    network: bytes,
    chain: bytes,
    entropy: Callable[[int], bytes],
) -> dict[str, Value]:
    """Return the sealed content that the holders of these box keys can open, for a body on `chain`.

    `entropy` is asked for the content key, the nonce, and 32 bytes for each recipient, in rising order of the keys.

    Raises:
        Malformed: the content lies outside the canonical profile.
        Refused: `private.content`, it is too large; `private.recipients`, there are none or too many of them;
            `private.recipient`, a key is none.
    """
    padded = _padded(encode(dict(content)))
    names = sorted(set(recipients))
    if not 0 < len(names) <= MAX_RECIPIENTS:
        raise Refused("private.recipients", f"{len(names)} recipients, 1 to {MAX_RECIPIENTS} are expected")
    key, nonce = entropy(KEY_BYTES), entropy(NONCE_BYTES)
    boxes = sorted(_box(key, name, entropy(KEY_BYTES)) for name in names)
    bound = _PRIVATE + network + chain
    ciphertext = crypto_aead_xchacha20poly1305_ietf_encrypt(padded, bound, nonce, key)
    return {SEALED: [nonce, digest(_CONTENT_KEY + key), b"".join(boxes), ciphertext]}


def is_sealed(content: Mapping[str, Value]) -> bool:
    """Return whether a body's content says that it is sealed; whether it has the form is another question."""
    return content.keys() == {SEALED}


def open_sealed(content: Mapping[str, Value], secret: bytes, *, network: bytes, chain: bytes) -> dict[str, Value]:
    """Return what was sealed for the holder of `secret` in a body on `chain`.

    Raises:
        Malformed: `private.form`, it is no sealed content; `private.content`, what was sealed is none.
        Refused: `private.recipient`, `private.commitment` or `private.seal`, asked in this order.
    """
    # 1. It has the form of sealed content.
    sealed = _read(content)
    # 2. A box opens: the first one that does.
    key = _opened(sealed.boxes, secret)
    # 3. The key is the one that the author committed to. XChaCha20-Poly1305 alone would let an author make one
    #    ciphertext that says two things under two keys.
    if digest(_CONTENT_KEY + key) != sealed.commitment:
        raise Refused("private.commitment", "the key in the box is not the one that the body commits to")
    # 4. The ciphertext was made with that key, for this chain of this network.
    try:
        padded = crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed.ciphertext, _PRIVATE + network + chain, sealed.nonce, key
        )
    except CryptoError as error:
        raise Refused("private.seal", "the ciphertext is damaged, or was made for another chain") from error
    # 5. It holds canonical content, padded as it should be.
    return _content(padded)


def _read(content: Mapping[str, Value]) -> _Sealed:
    fields = content.get(SEALED)
    if len(content) == 1 and isinstance(fields, list) and len(fields) == 4:
        nonce, commitment, joined, ciphertext = fields
        if (
            (isinstance(nonce, bytes) and len(nonce) == NONCE_BYTES)
            and (isinstance(commitment, bytes) and len(commitment) == DIGEST_BYTES)
            and (isinstance(joined, bytes) and len(joined) % BOX_BYTES == 0)
            and 0 < len(joined) <= MAX_RECIPIENTS * BOX_BYTES
            and (isinstance(ciphertext, bytes) and len(ciphertext) - TAG_BYTES in SIZES)
        ):
            boxes = [joined[at : at + BOX_BYTES] for at in range(0, len(joined), BOX_BYTES)]
            if all(one < other for one, other in pairwise(boxes)):
                return _Sealed(nonce, commitment, boxes, ciphertext)
    raise Malformed("private.form", "sealed content is a nonce, a commitment, sorted boxes and a ciphertext")


def _box(key: bytes, recipient: bytes, secret: bytes) -> bytes:
    """The sealed box of libsodium, with the ephemeral secret as an argument."""
    if len(recipient) != KEY_BYTES:
        raise Refused("private.recipient", f"a box key has {KEY_BYTES} bytes, this one {len(recipient)}")
    ephemeral = box_key(secret)
    nonce = blake2b(ephemeral + recipient, digest_size=NONCE_BYTES).digest()
    try:
        return ephemeral + crypto_box(key, nonce, recipient, secret)
    except CryptoError as error:
        raise Refused("private.recipient", f"{recipient.hex()} is of small order: no box key") from error


def _opened(boxes: list[bytes], secret: bytes) -> bytes:
    public = box_key(secret)
    for box in boxes:
        try:
            return crypto_box_seal_open(box, public, secret)
        except CryptoError:
            continue  # another recipient's
    raise Refused("private.recipient", f"none of the {len(boxes)} boxes opens with this key")


def _padded(content: bytes) -> bytes:
    size = next((size for size in SIZES if len(content) < size), None)
    if size is None:
        raise Refused("private.content", f"{len(content)} bytes of content, fewer than {SIZES[-1]} are allowed")
    return (content + _END).ljust(size, b"\0")


def _content(padded: bytes) -> dict[str, Value]:
    raw = padded.rstrip(b"\0")
    if not raw.endswith(_END) or _padded(raw[:-1]) != padded:
        raise Malformed("private.content", "the content is not padded to the smallest size that it fits")
    try:
        content = decode(raw[:-1], max_bytes=len(raw))
    except Malformed as error:
        raise Malformed("private.content", f"no canonical content: {error.message}") from error
    if not isinstance(content, dict):
        raise Malformed("private.content", "the content is not a map")
    return content
