"""The envelope, read aloud (spec 04). The field by field refusals are vectors, done in tests/conformance."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mycelia_protocol import envelope, keys
from mycelia_protocol.canonical import INT64_MAX, INT64_MIN, Value
from mycelia_protocol.cid import digest
from mycelia_protocol.envelope import Header, read_body, read_entry, read_header, seal, write_body, write_header
from mycelia_protocol.errors import Malformed

NETWORK = bytes([7]) * 32
PAIR = keys.keypair(bytes(32))
LINKS = some.binary(min_size=32, max_size=32)
PLAIN = some.none() | some.booleans() | some.integers(INT64_MIN, INT64_MAX)
TERMS = PLAIN | some.binary(max_size=9) | some.text(max_size=9)
NONCES = some.binary(min_size=16, max_size=16)
HEADERS = some.builds(
    Header,
    chain=LINKS,
    sequence=some.integers(1, INT64_MAX),
    backlink=LINKS,
    time=some.integers(1, INT64_MAX),
    kind=some.from_regex(envelope._KIND, fullmatch=True).filter(lambda kind: len(kind) <= 64 and kind != "open"),
    charter_version=some.integers(0, INT64_MAX),
    incarnation=some.binary(min_size=8, max_size=8),
    deps=some.sets(LINKS, max_size=4).map(lambda links: b"".join(sorted(links))),
    expiry=some.none() | some.integers(1, INT64_MAX),
    body_digest=some.none(),
    body_length=some.just(0),
    terms=some.lists(TERMS, max_size=6),
)


def header(**changes: Any) -> Header:
    plain = Header(NETWORK, 1, NETWORK, 1 << 16, "x.note", 0, bytes(8), b"", None, None, 0, [])
    return plain._replace(**changes)


class TestAHeader:
    @given(one=HEADERS)
    def test_comes_back_as_it_was_written(self, one: Header) -> None:
        raw = write_header(one)

        assert read_header(raw) == one
        assert read_entry(raw).id == digest(raw)

    @given(raw=some.binary(max_size=300))
    def test_of_bytes_that_nobody_wrote_is_refused_by_name(self, raw: bytes) -> None:
        with pytest.raises(Malformed) as refused:
            read_header(raw)

        assert refused.value.rule.startswith("envelope.")

    @pytest.mark.parametrize(
        ("changes", "rule"),
        [
            ({"sequence": 0}, "envelope.fields"),
            ({"time": 2**63}, "envelope.fields"),
            ({"kind": "No"}, "envelope.kind"),
            ({"deps": bytes(31)}, "envelope.deps"),
            ({"terms": [1.5]}, "envelope.terms"),
            ({"terms": [2**63]}, "envelope.terms"),
            ({"terms": ["\ud800"]}, "envelope.terms"),
            ({"terms": [bytes(2048)]}, "envelope.size"),
        ],
        ids=repr,
    )
    def test_is_not_written_against_a_rule(self, changes: dict[str, Any], rule: str) -> None:
        with pytest.raises(Malformed) as refused:
            write_header(header(**changes))

        assert refused.value.rule == rule

    def test_counts_milliseconds_in_its_upper_bits(self) -> None:
        assert header(time=(1_700_000_000_000 << 16) + 65_535).time_ms == 1_700_000_000_000

    def test_lists_its_dependencies_by_index(self) -> None:
        one = header(deps=bytes([1]) * 32 + bytes([2]) * 32)

        assert one.links == (one.dep(0), one.dep(1)) == (bytes([1]) * 32, bytes([2]) * 32)


class TestAnEntry:
    def test_is_the_same_entry_whoever_signed_it(self) -> None:
        other = keys.keypair(bytes([1]) * 32)

        assert seal(header(), PAIR, network=NETWORK).id == seal(header(), other, network=NETWORK).id

    def test_is_signed_for_one_network(self) -> None:
        entry = seal(header(), PAIR, network=NETWORK)

        assert envelope.is_signed_by(entry, PAIR.public, network=NETWORK)
        assert not envelope.is_signed_by(entry, PAIR.public, network=bytes(32))
        assert not envelope.is_signed_by(entry._replace(signature=None), PAIR.public, network=NETWORK)

    def test_of_an_open_belongs_to_the_chain_of_its_own_id(self) -> None:
        opening = header(chain=None, sequence=0, backlink=None, kind="open", terms=[PAIR.public, None])

        entry = seal(opening, PAIR, network=NETWORK)

        assert entry.chain == entry.id


class TestABody:
    @given(content=some.dictionaries(some.text(max_size=9), TERMS, max_size=4), nonce=NONCES)
    def test_comes_back_as_it_was_written(self, content: dict[str, Value], nonce: bytes) -> None:
        assert read_body(write_body(content, nonce)) == content

    def test_is_told_from_another_by_its_nonce_alone(self) -> None:
        assert digest(write_body({}, bytes(16))) != digest(write_body({}, bytes([1]) * 16))

    def test_has_room_for_32_kib(self) -> None:
        room = envelope.MAX_BODY_BYTES - len(write_body({"": bytes(300)}, bytes(16))) + 300

        assert len(write_body({"": bytes(room)}, bytes(16))) == envelope.MAX_BODY_BYTES
        with pytest.raises(Malformed, match=r"envelope\.body"):
            write_body({"": bytes(room + 1)}, bytes(16))

    @given(block=some.binary(max_size=60))
    def test_of_bytes_that_nobody_wrote_is_refused_by_name(self, block: bytes) -> None:
        with pytest.raises(Malformed) as refused:
            read_body(block)

        assert refused.value.rule == "envelope.body"
