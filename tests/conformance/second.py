"""A second reader of chapters 01, 03 and 04, written from their text alone: no import of ours, no CBOR library.

It raises `Refusal` with the rule's name. It is slow and plain on purpose.
"""

from __future__ import annotations

import re
from hashlib import sha512
from typing import Any


class Refusal(Exception):
    """A rule of the chapters says no."""


def decode(data: bytes, max_bytes: int) -> Any:
    if len(data) > max_bytes:
        raise Refusal("canonical.size")
    value, at = _value(data, 0, 16)
    if at < len(data):
        raise Refusal("canonical.form")
    return value


def _value(data: bytes, at: int, depth: int, *, is_key: bool = False) -> tuple[Any, int]:
    if at == len(data):
        raise Refusal("canonical.truncated")
    head, at = data[at], at + 1
    major, info = head // 32, head % 32
    if is_key and major != 3:
        raise Refusal("canonical.key")
    if info == 31:
        raise Refusal("canonical.indefinite")
    if major == 6:
        raise Refusal("canonical.type")
    if major == 7:
        if head in (0xF4, 0xF5, 0xF6):
            return {0xF4: False, 0xF5: True, 0xF6: None}[head], at
        raise Refusal("canonical.float" if head in (0xF9, 0xFA, 0xFB) else "canonical.type")
    if info > 27:
        raise Refusal("canonical.form")
    number = info
    if info > 23:
        width = {24: 1, 25: 2, 26: 4, 27: 8}[info]
        if at + width > len(data):
            raise Refusal("canonical.truncated")
        number, at = int.from_bytes(data[at : at + width], "big"), at + width
        if number < (24 if width == 1 else 256 ** (width // 2)):
            raise Refusal("canonical.form")
    if major < 2:
        if number >= 2**63:
            raise Refusal("canonical.integer")
        return (number, -1 - number)[major], at
    if major < 4:
        if at + number > len(data):
            raise Refusal("canonical.truncated")
        piece = data[at : at + number]
        if major == 2:
            return piece, at + number
        try:
            return piece.decode("utf-8", "strict"), at + number
        except UnicodeDecodeError:
            raise Refusal("canonical.text") from None
    if depth == 0:
        raise Refusal("canonical.depth")
    items: list[Any] = []
    pairs: dict[str, Any] = {}
    last = b""
    while number:
        number -= 1
        if major == 4:
            item, at = _value(data, at, depth - 1)
            items.append(item)
            continue
        start = at
        key, at = _value(data, at, depth - 1, is_key=True)
        if data[start:at] <= last:
            raise Refusal("canonical.form")
        last = data[start:at]
        pairs[key], at = _value(data, at, depth - 1)
    return (items if major == 4 else pairs), at


def read_header(data: bytes) -> list[Any]:
    """Return the thirteen fields of a header, deps as a list of ids."""
    if len(data) > 2048:
        raise Refusal("envelope.size")
    try:
        fields = decode(data, 2048)
    except Refusal:
        raise Refusal("envelope.form") from None
    if not isinstance(fields, list):
        raise Refusal("envelope.form")
    if not fields or not _is_int(fields[0], 1, 1):
        raise Refusal("envelope.version")
    if len(fields) != 13:
        raise Refusal("envelope.fields")
    _, chain, sequence, backlink, time, kind, version, incarnation, deps, expiry, body, length, terms = fields
    first = _is_int(sequence, 0, 0)
    fine = (
        _is_int(sequence, 0)
        and (chain is None and backlink is None if first else _is_bytes(chain, 32) and _is_bytes(backlink, 32))
        and _is_int(time, 1)
        and _is_int(version, 0)
        and _is_bytes(incarnation, 8)
        and (expiry is None or _is_int(expiry, 1))
        and (_is_int(length, 0, 0) if body is None else _is_bytes(body, 32) and _is_int(length, 1, 32768))
    )
    if not fine:
        raise Refusal("envelope.fields")
    is_kind = isinstance(kind, str) and re.match(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*\Z", kind) and len(kind) <= 64
    if not is_kind or (kind == "open") is not first:
        raise Refusal("envelope.kind")
    if not isinstance(deps, bytes) or len(deps) > 1024 or len(deps) % 32:
        raise Refusal("envelope.deps")
    ids = [deps[at : at + 32] for at in range(0, len(deps), 32)]
    if ids != sorted(set(ids)):
        raise Refusal("envelope.deps")
    if not isinstance(terms, list) or any(isinstance(term, list | dict) for term in terms):
        raise Refusal("envelope.terms")
    fields[8] = ids
    return fields


def _is_int(value: Any, least: int, most: int = 2**63 - 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_bytes(value: Any, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SMALL = {
    bytes.fromhex(encoding)
    for encoding in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
}

Point = tuple[int, int]


def is_good(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return the verdict of chapter 03, step by step."""
    if len(public) != 32 or len(signature) != 64:  # 1
        return False
    r, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    if scalar >= L:  # 2
        return False
    for point in (public, r):
        y = int.from_bytes(point, "little") % 2**255
        if y >= P or y.to_bytes(32, "little") in SMALL:  # 3, 4
            return False
    a = _point(public)
    if a is None:  # 5
        return False
    k = int.from_bytes(sha512(r + public + message).digest(), "little") % L
    x, y = _add(_times(scalar, BASE), _times(k, (P - a[0], a[1])))  # 6
    return (y | (x & 1) << 255).to_bytes(32, "little") == r


def _point(encoding: bytes) -> Point | None:
    number = int.from_bytes(encoding, "little")
    y, sign = number % 2**255, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else P - x), y


def _add(one: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one, other
    cross = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + cross, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - cross, -1, P) % P
    return x, y


def _times(factor: int, point: Point) -> Point:
    total = (0, 1)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point, factor = _add(point, point), factor >> 1
    return total


_BASE = _point(bytes.fromhex("58" + "66" * 31))
assert _BASE is not None
BASE = _BASE
