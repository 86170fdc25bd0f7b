"""Content ids: what a thing is called, derived from its bytes alone.

On the ledger a link is the raw 32-byte sha2-256 digest. Between programs it is
text: a CIDv1 of codec dag-cbor, which any IPLD tool reads.

    >>> text(digest(b""))
    'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

Spec: 02-cid.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from hashlib import sha256
from typing import TypeGuard

from .errors import Malformed

DIGEST_BYTES = 32
CID_LENGTH = 59  # `b` and 36 bytes in base32
_KNOWN = 16_384  # texts that are remembered: books name each id in several rows
_PREFIX = b"\x01\x71\x12\x20"  # CIDv1, dag-cbor, sha2-256, 32 bytes


def is_digest(term: object) -> TypeGuard[bytes]:
    """Return whether a term is 32 bytes, as every id is."""
    return type(term) is bytes and len(term) == DIGEST_BYTES


def digest(data: bytes) -> bytes:
    """Return the sha2-256 digest of `data`, 32 bytes."""
    return sha256(data).digest()


@lru_cache(_KNOWN)
def text(link: bytes) -> str:
    """Return a 32-byte link as CIDv1 text: multibase `b`, lower-case base32, no padding."""
    return "b" + base64.b32encode(_PREFIX + link).decode("ascii").lower().rstrip("=")


def link(cid: str) -> bytes:
    """Return the 32-byte link that CIDv1 text names.

    Raises:
        Malformed: another base, version, codec, hash or length (rule `cid.form`).
    """
    if len(cid) != CID_LENGTH:  # before any work: the text may come from anywhere and be of any length
        raise Malformed("cid.form", f"{len(cid)} characters, a content id has {CID_LENGTH}")
    try:
        data = base64.b32decode(cid[1:].upper() + "=" * (-len(cid[1:]) % 8))
    except (binascii.Error, ValueError) as error:
        raise Malformed("cid.form", f"{cid[:24]!r} is not base32") from error
    if data[:4] != _PREFIX or text(data[4:]) != cid:  # the text again: case, base and spare bits
        raise Malformed("cid.form", f"{cid[:24]!r} is not a dag-cbor, sha2-256 CIDv1 in lower-case base32")
    return data[4:]
