"""Two readers of one text, ours and the plain one of `second.py`, agree on vectors and on bytes that nobody wrote."""

from __future__ import annotations

from typing import Any

import cbor2
from hypothesis import given, settings
from hypothesis import strategies as some

from mycelia_protocol import canonical, envelope, keys
from mycelia_protocol.errors import Malformed

from . import second
from .vectors import vectors

MAX_BYTES = 4096


def ours(data: bytes) -> Any:
    try:
        return ("value", canonical.decode(data, max_bytes=MAX_BYTES))
    except Malformed as refused:
        return ("refused", refused.rule)


def theirs(data: bytes, most: int = MAX_BYTES) -> Any:
    try:
        return ("value", second.decode(data, most))
    except second.Refusal as refused:
        return ("refused", str(refused))


def our_header(data: bytes) -> Any:
    try:
        header = envelope.read_header(data)
    except Malformed as refused:
        return refused.rule
    fields: list[Any] = [1, *header]
    fields[8] = [*header.links]
    return fields


def their_header(data: bytes) -> Any:
    try:
        return second.read_header(data)
    except second.Refusal as refused:
        return str(refused)


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.binary(max_size=40) | some.text(max_size=40),
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(some.text(max_size=4) | some.integers(), inner, max_size=4)
        | some.builds(cbor2.CBORTag, some.sampled_from([0, 1, 2, 4, 24, 28, 29, 30, 35, 42, 256, 258, 55799]), inner)
    ),
    max_leaves=12,
)
HEADERS = [bytes.fromhex(vector["given"]["bytes"]) for vector in vectors("envelope") if vector["do"] == "header"]
FIELDS = some.sampled_from(HEADERS)


def exactly(value: Any) -> str:
    """Return a spelling in which 1, True and 1.0 differ, and so do maps in another order."""
    return repr(value)


class TestTwoDecoders:
    def test_agree_on_every_vector(self) -> None:
        for vector in vectors("canonical"):
            data, most = bytes.fromhex(vector["given"]["bytes"]), vector["given"]["max_bytes"]
            ending, found = theirs(data, most)
            assert (ending == "value") == ("expect" in vector), vector["name"]
            assert found == vector.get("refuse", found), vector["name"]

    @given(data=some.binary(max_size=64))
    def test_agree_on_any_bytes(self, data: bytes) -> None:
        assert exactly(ours(data)) == exactly(theirs(data))

    @given(value=VALUES)
    def test_agree_on_what_a_cbor_library_writes(self, value: Any) -> None:
        data = cbor2.dumps(value, canonical=True)

        assert exactly(ours(data)) == exactly(theirs(data))

    @given(value=VALUES, at=some.integers(0, 1000), byte=some.integers(0, 255), cut=some.booleans())
    def test_agree_when_a_byte_is_turned_or_the_end_is_cut(self, value: Any, at: int, byte: int, *, cut: bool) -> None:
        whole = cbor2.dumps(value)
        at %= len(whole)
        data = whole[:at] if cut else whole[:at] + bytes([byte]) + whole[at + 1 :]

        assert exactly(ours(data)) == exactly(theirs(data))


class TestTwoReadersOfHeaders:
    def test_agree_on_every_vector(self) -> None:
        for vector in vectors("envelope"):
            if vector["do"] == "header":
                data = bytes.fromhex(vector["given"]["bytes"])
                assert exactly(our_header(data)) == exactly(their_header(data)), vector["name"]
                assert vector.get("refuse", our_header(data)) == their_header(data)

    @given(raw=FIELDS, at=some.integers(0, 4000), byte=some.integers(0, 255))
    def test_agree_when_one_byte_is_turned(self, raw: bytes, at: int, byte: int) -> None:
        at %= len(raw) + 1
        data = raw[:at] + bytes([byte]) + raw[at + 1 :]

        assert exactly(our_header(data)) == exactly(their_header(data))

    @given(raw=FIELDS, at=some.integers(0, 12), value=VALUES)
    def test_agree_when_one_field_is_another_value(self, raw: bytes, at: int, value: Any) -> None:
        try:
            fields = cbor2.loads(raw)
        except cbor2.CBORDecodeError:
            return
        if not isinstance(fields, list) or len(fields) <= at:
            return
        data = cbor2.dumps([*fields[:at], value, *fields[at + 1 :]], canonical=True)

        assert exactly(our_header(data)) == exactly(their_header(data))


class TestTwoVerifiers:
    def test_agree_on_every_vector(self) -> None:
        for vector in vectors("keys"):
            if vector["do"] == "verify":
                parts = (bytes.fromhex(vector["given"][name]) for name in ("public", "signature", "message"))
                assert second.is_good(*parts) == ("expect" in vector), vector["name"]

    @settings(max_examples=20)  # curves in plain Python take their time
    @given(seed=some.binary(min_size=32, max_size=32), digest=some.binary(min_size=32, max_size=32))
    def test_agree_on_what_we_sign(self, seed: bytes, digest: bytes) -> None:
        pair = keys.keypair(seed)
        signature = keys.sign(pair, keys.ENTRY, network=bytes(32), digest=digest)

        assert second.is_good(pair.public, signature, keys.ENTRY + bytes(32) + digest)
        assert not second.is_good(pair.public, signature, keys.ENTRY + bytes(32) + digest + b"\0")
