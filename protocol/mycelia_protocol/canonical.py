"""Canonical encoding: the one byte form that a value of the ledger may have.

A strict subset of dag-cbor: integers of 64 bits, bytes, text, booleans, null,
arrays and maps with text keys; no floats, no tags, no indefinite lengths.
Size and depth are bounded before anything is decoded. This module says nothing
about what a value means: that is the business of the chapter that uses it.

    >>> encode([1, b"\\x02", "three"]).hex()
    '83014102657468726565'

Spec: 01-canonical.
"""

from __future__ import annotations

from typing import cast

import cbor2

from .errors import Malformed
from .fault import first_fault

MAX_DEPTH = 16
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

Value = int | bytes | str | bool | None | list["Value"] | dict[str, "Value"]

# The tags that the decoder would turn into dates, patterns, shared references and so on.
_KNOWN_TAGS = (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000, 55799)


def encode(value: Value) -> bytes:
    """Return the canonical bytes of `value`, which must lie inside the profile.

    Raises:
        Malformed: the value holds a float, an integer beyond 64 bits or another
            type that the profile bans (rules `canonical.*`).
    """
    _check_profile(value, MAX_DEPTH)
    try:
        return cbor2.dumps(value, canonical=True)
    except UnicodeEncodeError as error:
        raise Malformed("canonical.text", "the text holds half of a surrogate pair") from error


def decode(data: bytes, *, max_bytes: int) -> Value:
    """Return the value that `data` encodes, refusing every byte form but the canonical one.

    Raises:
        Malformed: with the first rule of the chapter that the bytes break.
    """
    if len(data) > max_bytes:
        raise Malformed("canonical.size", f"{len(data)} bytes, at most {max_bytes} are allowed")
    try:
        value = load(data)
        _check_profile(value, MAX_DEPTH)
        is_canonical = cbor2.dumps(value, canonical=True) == data
    except Malformed as error:
        raise first_fault(data, MAX_DEPTH) or error from error
    if not is_canonical:
        raise first_fault(data, MAX_DEPTH) or Malformed("canonical.form", "the value has another, canonical form")
    return cast(Value, value)


def load(data: bytes) -> object:
    """Return what the decoder makes of `data`, canonical or not; tags are refused before they are read.

    For callers that compare with the re-encoded bytes themselves.

    Raises:
        Malformed: `canonical.form`, whatever the decoder complained of.
    """
    try:
        return cbor2.loads(
            data, max_depth=MAX_DEPTH, allow_indefinite=False, semantic_decoders=_TAGS, tag_hook=_refuse_tag
        )
    except cbor2.CBORDecodeError as error:
        raise Malformed("canonical.form", f"no canonical value: {error}") from error


def _refuse_tag(*_: object) -> object:
    raise ValueError("tags are not allowed")


_TAGS = dict.fromkeys(_KNOWN_TAGS, _refuse_tag)


def _check_profile(value: object, depth: int) -> None:
    kind = type(value)
    if kind is int:
        if not INT64_MIN <= cast(int, value) <= INT64_MAX:
            raise Malformed("canonical.integer", "an integer does not fit 64 bits")
    elif kind is list or kind is dict:
        if depth == 0:
            raise Malformed("canonical.depth", f"nested deeper than {MAX_DEPTH}")
        if kind is dict:
            for key, item in cast(dict[object, object], value).items():
                if type(key) is not str:
                    raise Malformed("canonical.key", "a map key is not text")
                _check_profile(item, depth - 1)
        else:
            for item in cast(list[object], value):
                _check_profile(item, depth - 1)
    elif kind is float:
        raise Malformed("canonical.float", "floats are not allowed")
    elif kind not in (bytes, str, bool, type(None)):
        raise Malformed("canonical.type", f"{kind.__name__} is not a type of the profile")
