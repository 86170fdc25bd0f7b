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

MAX_DEPTH = 16
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

Value = int | bytes | str | bool | None | list["Value"] | dict[str, "Value"]


def encode(value: Value) -> bytes:
    """Return the canonical bytes of `value`, which must lie inside the profile.

    Raises:
        Malformed: the value holds a float, an integer beyond 64 bits or another
            type that the profile bans (rules `canonical.*`).
    """
    _check_profile(value, MAX_DEPTH)
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes, *, max_bytes: int) -> Value:
    """Return the value that `data` encodes, refusing every byte form but the canonical one.

    Raises:
        Malformed: with the first rule of the chapter that the bytes break.
    """
    if len(data) > max_bytes:
        raise Malformed("canonical.size", f"{len(data)} bytes, at most {max_bytes} are allowed")
    try:
        value = cbor2.loads(data, max_depth=MAX_DEPTH, allow_indefinite=False)
    except cbor2.CBORDecodeEOF as error:
        raise Malformed("canonical.truncated", "the bytes end inside a value") from error
    except (cbor2.CBORDecodeError, ValueError, OverflowError) as error:
        raise Malformed(_rule_of(str(error)), f"no canonical value: {error}") from error
    _check_profile(value, MAX_DEPTH)
    if cbor2.dumps(value, canonical=True) != data:
        raise Malformed("canonical.form", "the value has a shorter, sorted or complete form")
    return cast(Value, value)


def _rule_of(decoder_says: str) -> str:
    if "depth" in decoder_says:
        return "canonical.depth"
    if "indefinite" in decoder_says:
        return "canonical.indefinite"
    if "text string" in decoder_says or "utf" in decoder_says.lower():
        return "canonical.text"
    return "canonical.form"


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
