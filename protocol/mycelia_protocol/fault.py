"""The first fault: which rule bytes that are not canonical break, and where.

The decoder of `canonical` is a fast library that says no in its own words. When
it does, this walk over the same bytes, left to right, finds the rule, so that
every implementation can name the same one. It builds no value, allocates
nothing that the bytes announce and goes no deeper than the bound.

    >>> str(first_fault(bytes.fromhex("8200f5"), 16)), str(first_fault(bytes.fromhex("82001801"), 16))
    ('None', 'canonical.form: at byte 2: 1 is not written in its shortest form')

Spec: 01-canonical, "Order of checks".
"""

from __future__ import annotations

from .errors import Malformed

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_LEAST = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}  # the smallest argument that needs the long form


def first_fault(data: bytes, max_depth: int) -> Malformed | None:
    """Return the fault at the lowest offset of `data`, or None if the bytes are canonical."""
    try:
        end = _walk(data, 0, max_depth)
        if end != len(data):
            raise _fault("form", end, f"{len(data) - end} bytes follow the value")
    except Malformed as fault:
        return fault
    return None


def _walk(data: bytes, at: int, depth: int) -> int:
    """Return where the value that begins at `at` ends."""
    start = at
    major, argument, at = _head(data, at)
    if major in (_UNSIGNED, _NEGATIVE):
        if argument >> 63:
            raise _fault("integer", start, "an integer does not fit 64 bits, signed")
    elif major in (_BYTES, _TEXT):
        if argument > len(data) - at:
            raise _fault("truncated", start, f"{argument} bytes are announced, {len(data) - at} are there")
        at += argument
        if major == _TEXT:
            _check_text(data[at - argument : at], start)
    elif major in (_ARRAY, _MAP):
        if depth == 0:
            raise _fault("depth", start, "nested too deep")
        at = _items(data, at, argument, depth - 1) if major == _ARRAY else _pairs(data, at, argument, depth - 1)
    return at


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Return major type, argument and the offset after them: the steps of the chapter, in order."""
    if at >= len(data):
        raise _fault("truncated", at, "the bytes end where a value is expected")
    major, short = data[at] >> 5, data[at] & 31
    # 1. a length that is left open, a break, a tag, a float, another simple value
    if short == 31:
        raise _fault("indefinite", at, "a length is not stated")
    if major == _TAG:
        raise _fault("type", at, "tags are not allowed")
    if major == _SIMPLE and 25 <= short <= 27:
        raise _fault("float", at, "floats are not allowed")
    if major == _SIMPLE and short not in (20, 21, 22):
        raise _fault("type", at, "true, false and null are the only simple values")
    # 2. the argument
    if short < 24:
        return major, short, at + 1
    if short not in _LEAST:
        raise _fault("form", at, f"additional information {short} is reserved")
    width = 1 << (short - 24)
    if at + 1 + width > len(data):
        raise _fault("truncated", at, "the bytes end inside a number")
    argument = int.from_bytes(data[at + 1 : at + 1 + width], "big")
    if argument < _LEAST[short]:
        raise _fault("form", at, f"{argument} is not written in its shortest form")
    return major, argument, at + 1 + width


def _items(data: bytes, at: int, count: int, depth: int) -> int:
    for _ in range(count):
        at = _walk(data, at, depth)
    return at


def _pairs(data: bytes, at: int, count: int, depth: int) -> int:
    before = b""
    for _ in range(count):
        start = at
        if at < len(data) and data[at] >> 5 != _TEXT:
            raise _fault("key", at, "a map key is not text")
        at = _walk(data, at, depth)
        key = data[start:at]
        # Heads grow with lengths, so bytewise order of whole keys is shorter first, then bytewise.
        if key <= before:
            raise _fault("form", start, "a map key is not above the key before it")
        before = key
        at = _walk(data, at, depth)
    return at


def _check_text(text: bytes, at: int) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise _fault("text", at, "text is not valid UTF-8") from error


def _fault(rule: str, at: int, message: str) -> Malformed:
    return Malformed(f"canonical.{rule}", f"at byte {at}: {message}")
