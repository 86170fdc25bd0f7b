"""Runs in a session: how they are cut into frames, credited, and read whatever the borders of chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mycelia_protocol.chain import MAX_RUN_BYTES, MAX_RUN_ENTRIES
from mycelia_protocol.envelope import Entry
from mycelia_protocol.errors import Malformed
from mycelia_protocol.frontier import tip_of
from mycelia_protocol.keys import keypair
from mycelia_protocol.session import (
    Asked,
    Credited,
    Event,
    Heads,
    Left,
    Limits,
    Pinged,
    Ponged,
    Pulled,
    Runs,
    Session,
)
from tests.protocol.sessions import after, chain, exchange, greeted, hello, member, rule_of, wire


class TestARunOnItsWay:
    def test_is_refused_without_a_signature_at_its_end(self) -> None:
        first, second = chain(2)
        unsealed = (first, second._replace(signature=None))

        assert rule_of(greeted()[1], wire(Runs((unsealed,)))) == "chain.seal"

    def test_needs_no_signature_before_its_end(self) -> None:
        first, second = chain(2)
        run = (first._replace(signature=None), second)

        (event,) = greeted()[1].receive(wire(Runs((run,))))

        assert isinstance(event, Runs)
        assert event.runs == (run,)

    def test_is_refused_if_it_does_not_link(self) -> None:
        first, _, third = chain(3)

        assert rule_of(greeted()[1], wire(Runs(((first, third),)))) == "chain.sequence"

    def test_is_refused_with_a_body_that_its_header_does_not_name(self) -> None:
        (first,) = chain(1)

        assert rule_of(greeted()[1], wire(Runs(((first._replace(body=b"x"),),)))) == "envelope.body"

    def test_is_not_sent_in_a_form_that_the_other_side_would_refuse(self) -> None:
        one, _ = greeted()
        first, second = chain(2)

        with pytest.raises(Malformed, match="signature"):
            one.send_runs([[first, second._replace(signature=None)]])

    def test_of_the_largest_size_fits_a_frame_with_its_only_seal(self) -> None:
        one, other = greeted()
        run = largest()
        unsealed = [*(entry._replace(signature=None) for entry in run[:-1]), run[-1]]

        one.send_runs([unsealed])
        (event,) = exchange(one, other)[1]

        assert isinstance(event, Runs)
        assert event.runs == (tuple(unsealed),)

    def test_of_the_largest_size_is_cut_after_a_sealed_entry_when_its_seals_are_too_many_for_a_frame(self) -> None:
        one, other = greeted()
        run = largest()
        most = [*run[:50], run[50]._replace(signature=None), *run[51:]]

        one.send_runs([most])
        pieces = [piece for event in exchange(one, other)[1] if isinstance(event, Runs) for piece in event.runs]

        assert len(pieces) == 2
        assert [entry for piece in pieces for entry in piece] == most


def largest() -> list[Entry]:
    """A run of as many entries and bytes as a run may have, every entry sealed."""
    run = chain(MAX_RUN_ENTRIES - 1, body=bytes(820))
    left = MAX_RUN_BYTES - sum(len(entry.raw) + len(entry.body or b"") for entry in run)
    run.append(after(run[-1], keypair((1).to_bytes(32, "big")), bytes(left - 131)))
    assert MAX_RUN_BYTES - 60 < sum(len(entry.raw) + len(entry.body or b"") for entry in run) <= MAX_RUN_BYTES
    return run


class TestCredit:
    def test_holds_back_what_is_more_than_may_be_in_flight(self) -> None:
        limits = Limits(in_flight_bytes=900)
        one, other = member(b"one", is_dialer=True, limits=limits), member(b"other", is_dialer=False, limits=limits)
        exchange(one, other)
        (event,) = _sent(one, other, [chain(3)])

        one.send_runs([chain(3, number=2)])

        assert one.credit <= 0
        assert exchange(one, other)[1] == []
        other.send_credit(event.size)
        assert [type(heard) for heard in exchange(one, other)[0]] == [Credited]
        assert exchange(one, other) == ([], [])

    def test_is_a_bound_that_the_driver_minds(self) -> None:
        limits = Limits(in_flight_bytes=600)
        one, other = member(b"one", is_dialer=True, limits=limits), member(b"other", is_dialer=False)
        exchange(one, other)
        one.send_runs([chain(4)])

        with pytest.raises(ValueError, match="credit"):
            one.send_runs([chain(4)])

    def test_is_not_overdrawn_by_the_other_side(self) -> None:
        other = member(b"other", is_dialer=False, limits=Limits(in_flight_bytes=1_000))
        flood = wire(hello(), *[Runs((tuple(chain(2)),))] * 5)

        assert rule_of(other, flood) == "session.credit"

    def test_is_given_only_for_what_was_in_flight(self) -> None:
        assert rule_of(greeted()[0], wire(Credited(1))) == "session.credit"

    def test_is_given_by_the_driver_only_for_what_came(self) -> None:
        with pytest.raises(ValueError, match="received"):
            greeted()[0].send_credit(1)


def _sent(one: Session, other: Session, runs: Sequence[Sequence[Entry]]) -> list[Runs]:
    one.send_runs(runs)
    return [event for event in exchange(one, other)[1] if isinstance(event, Runs)]


class TestChunkBorders:
    @settings(deadline=None)
    @given(st.lists(st.integers(1, 400), min_size=1), st.booleans())
    def test_never_change_what_is_heard(self, sizes: list[int], ends_badly: bool) -> None:
        entries = chain(4)
        data = wire(
            hello(),
            Heads((tip_of(entries[-1]),), True),
            Pulled({entries[0].id: 2}),
            Runs((tuple(entries),)),
            Asked((entries[1].id,)),
            Pinged(7, bytes(32)),
        ) + (wire(Ponged(3, bytes(32))) if ends_badly else wire(Left("closing", "")))

        whole = heard_and_fault([data])

        assert heard_and_fault(cut(data, sizes)) == whole
        assert len(whole[0]) == 6 + (not ends_badly)
        assert whole[1] == ("session.ping" if ends_badly else None)


def heard_and_fault(chunks: Iterable[bytes]) -> tuple[list[Event], str | None]:
    session, heard = member(b"other", is_dialer=False), list[Event]()
    try:
        for chunk in chunks:
            for event in session.receive(chunk):
                heard.append(event)  # one by one: what stands before a fault counts
    except Malformed as refusal:
        return heard, refusal.rule
    return heard, None


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at, turn = 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at, turn = at + size, turn + 1
