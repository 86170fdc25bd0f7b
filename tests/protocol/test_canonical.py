"""Canonical encoding, read aloud (spec 01). The vectors of the chapter are done in tests/conformance."""

from __future__ import annotations

import tracemalloc
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as some

from mycelia_protocol.canonical import INT64_MAX, INT64_MIN, MAX_DEPTH, decode, encode
from mycelia_protocol.errors import Malformed
from mycelia_protocol.fault import first_fault

MAX_BYTES = 64 * 1024
PLAIN = some.none() | some.booleans() | some.integers(INT64_MIN, INT64_MAX) | some.binary(max_size=40) | some.text()
VALUES = some.recursive(
    PLAIN, lambda inner: some.lists(inner, max_size=5) | some.dictionaries(some.text(), inner, max_size=5)
)


def refusal(data: bytes, max_bytes: int = MAX_BYTES) -> Malformed:
    with pytest.raises(Malformed) as refused:
        decode(data, max_bytes=max_bytes)
    return refused.value


class TestEncoding:
    @given(value=VALUES)
    def test_comes_back_as_the_same_value(self, value: Any) -> None:
        assert decode(encode(value), max_bytes=2**20) == value

    @given(value=VALUES)
    def test_has_no_fault(self, value: Any) -> None:
        assert first_fault(encode(value), MAX_DEPTH) is None

    @given(pairs=some.lists(some.tuples(some.text(), PLAIN), unique_by=lambda pair: pair[0]))
    def test_does_not_depend_on_the_order_in_which_a_map_was_filled(self, pairs: list[tuple[str, Any]]) -> None:
        assert encode(dict(pairs)) == encode(dict(reversed(pairs)))

    @pytest.mark.parametrize(
        ("value", "rule"),
        [
            (1.0, "canonical.float"),
            (float("nan"), "canonical.float"),
            (2**63, "canonical.integer"),
            (-(2**63) - 1, "canonical.integer"),
            ({1: 2}, "canonical.key"),
            ((1, 2), "canonical.type"),
            ({1, 2}, "canonical.type"),
            (cbor2.undefined, "canonical.type"),
            ("\ud800", "canonical.text"),
            ({"\udfff": 1}, "canonical.text"),
        ],
        ids=repr,
    )
    def test_refuses_what_has_no_canonical_form(self, value: Any, rule: str) -> None:
        with pytest.raises(Malformed) as refused:
            encode(value)

        assert refused.value.rule == rule

    def test_refuses_a_value_that_holds_itself(self) -> None:
        endless: list[Any] = []
        endless.append(endless)

        with pytest.raises(Malformed, match=r"canonical\.depth"):
            encode(endless)


class TestDecoding:
    @given(data=some.binary(max_size=200))
    def test_ends_in_a_value_or_in_one_refusal_that_names_its_rule(self, data: bytes) -> None:
        fault = first_fault(data, MAX_DEPTH)

        if fault is None:
            assert encode(decode(data, max_bytes=MAX_BYTES)) == data
        else:
            assert str(refusal(data)) == str(fault)
            assert fault.explain()

    @given(value=VALUES, at=some.integers(min_value=0))
    def test_refuses_every_beginning_of_a_value(self, value: Any, at: int) -> None:
        data = encode(value)

        assert refusal(data[: at % len(data)]).rule == "canonical.truncated"

    def test_says_where_the_first_fault_lies(self) -> None:
        assert refusal(bytes.fromhex("83011817f4")).message == "at byte 2: 23 is not written in its shortest form"

    def test_refuses_by_size_before_it_reads_anything(self) -> None:
        assert refusal(b"\xff" * 100, max_bytes=99).rule == "canonical.size"

    @pytest.mark.parametrize("head", ["9b", "bb", "5b", "7b"])
    def test_makes_no_room_for_what_is_announced_and_not_there(self, head: str) -> None:
        data = bytes.fromhex(f"{head}00000001ffffffff")

        tracemalloc.start()
        rule = refusal(data).rule
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert rule == "canonical.truncated"
        assert most < 2**20

    @pytest.mark.parametrize("tag", [*range(40), 100, 256, 258, 260, 261, 1004, 43000, 55799, 2**32, 2**63])
    @pytest.mark.parametrize("content", ["80", "40", "60", "00", "820100", "81d81d00"])
    def test_never_interprets_a_tag(self, tag: int, content: str) -> None:
        data = cbor2.dumps(cbor2.CBORTag(tag, 0))[:-1] + bytes.fromhex(content)

        assert refusal(data).rule == "canonical.type"

    def test_follows_deep_nesting_no_deeper_than_it_must(self) -> None:
        assert refusal(b"\x81" * MAX_BYTES).rule == "canonical.depth"
        assert refusal(b"\xa1\x60" * (MAX_BYTES // 2)).rule == "canonical.depth"
