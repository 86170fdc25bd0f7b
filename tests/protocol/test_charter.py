"""The charter, read aloud (spec 06). Its refusals are vectors, done in tests/conformance."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mycelia_protocol.charter import MAX_AMOUNT, Charter, ResourceClass, found, read
from mycelia_protocol.cid import digest
from mycelia_protocol.errors import Malformed

CLASSES = {"food": ResourceClass("kg", 1, 1000), "hours": ResourceClass("h", 1, 4)}


def oost(**changes: int) -> Charter:
    return found("Oost", seed=bytes(16), classes=CLASSES, rate=None, **changes)


class TestACharter:
    @given(name=some.text(min_size=1, max_size=30), seed=some.binary(min_size=16, max_size=16))
    def test_comes_back_as_it_was_founded(self, name: str, seed: bytes) -> None:
        one = found(name, seed=seed, classes=CLASSES)

        assert read(one.raw) == one
        assert (one.name, one.seed, one.classes) == (name, seed, CLASSES)

    def test_names_its_network_by_every_byte(self) -> None:
        assert oost().network == digest(b"mycelia/1/network\0" + oost().raw)
        assert oost().network != oost(grace_ms=60_001).network
        assert oost().network != digest(oost().raw)

    @given(raw=some.binary(max_size=200))
    def test_of_any_bytes_is_read_or_refused_by_name(self, raw: bytes) -> None:
        with pytest.raises(Malformed) as refused:
            read(raw)

        assert refused.value.rule.startswith(("canonical.", "charter."))

    def test_is_not_founded_against_a_rule(self) -> None:
        with pytest.raises(Malformed, match=r"charter\.limits"):
            oost(max_amount=MAX_AMOUNT + 1)
        with pytest.raises(Malformed, match=r"charter\.classes"):
            found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg", 2, 4)})
        with pytest.raises(Malformed, match=r"charter\.fields"):
            found("Oost", seed=bytes(15), classes=CLASSES)

    def test_does_not_grow_beyond_32_kib(self) -> None:
        many = {f"class{number}": ResourceClass("u" * 32) for number in range(900)}

        with pytest.raises(Malformed, match=r"canonical\.size"):
            found("Oost", seed=bytes(16), classes=many)

    def test_of_a_later_version_is_refused_for_its_version(self) -> None:
        later = oost().raw.replace(b"gversion\x01", b"gversion\x02")

        with pytest.raises(Malformed, match=r"charter\.version"):
            read(later)


class TestAResourceClass:
    def test_counts_in_quanta_of_its_unit(self) -> None:
        assert CLASSES["hours"].quantum == Fraction(1, 4)
        assert ResourceClass("kg").quantum == 1

    def test_has_amounts_that_every_language_can_hold(self) -> None:
        assert int(float(MAX_AMOUNT)) == MAX_AMOUNT == 2**53 - 1
