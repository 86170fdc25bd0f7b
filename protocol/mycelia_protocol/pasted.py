"""Pasted texts: a value as one word that people copy, with a check sum, so that half of it is never taken for all.

    >>> word = write("mycelia1", [b"seed", 7])
    >>> word
    'mycelia1gkRzZWVkB8JiSn0'
    >>> read(" mycelia1gkRz\\n ZWVkB8JiSn0", "mycelia1", rule="invitation.text", most=4096)
    [b'seed', 7]

Spec: 14-membership, "Invitations"; 13-identity, "Several holders".
"""

from __future__ import annotations

import base64
import binascii

from .canonical import Value, decode, encode
from .cid import digest
from .errors import Malformed

_CHECK_BYTES = 4


def write(prefix: str, value: Value) -> str:
    """Return the prefix, then base64url, without padding, of the canonical bytes and four bytes of their digest."""
    data = encode(value)
    return prefix + base64.urlsafe_b64encode(data + digest(data)[:_CHECK_BYTES]).decode().rstrip("=")


def read(pasted: str, prefix: str, *, rule: str, most: int) -> Value:
    """Return the value of a text of at most so many characters; white space in it is left out.

    Raises:
        Malformed: the rule that was given: it is no such text, or not all of one.
    """
    joined = "".join(pasted.split())
    if not joined.startswith(prefix) or len(joined) > most:
        raise Malformed(rule, f"the text does not begin with {prefix}, or is too long")
    body = joined[len(prefix) :]
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(rule, "there are letters in it that no such text has") from error
    data, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if digest(data)[:_CHECK_BYTES] != check:
        raise Malformed(rule, "a part of it is missing or changed")
    try:
        return decode(data, max_bytes=most)
    except Malformed as error:
        raise Malformed(rule, f"it says nothing canonical: {error.message}") from error
