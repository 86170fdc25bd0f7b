"""The sync session: who says what, when, and that two peers always end with the same set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mycelia_protocol import frames, messages
from mycelia_protocol.chain import MAX_RUN_BYTES, MAX_RUN_ENTRIES
from mycelia_protocol.charter import Charter, ResourceClass, found
from mycelia_protocol.cid import digest
from mycelia_protocol.envelope import Entry, Header, seal
from mycelia_protocol.errors import Malformed
from mycelia_protocol.frontier import Tip, tip_of
from mycelia_protocol.keys import KeyPair, keypair
from mycelia_protocol.session import (
    Asked,
    Credited,
    Event,
    Greeted,
    Heads,
    Left,
    Limits,
    Pinged,
    Ponged,
    Pulled,
    Runs,
    Session,
)

OOST = found("Oost", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})
WEST = found("West", seed=bytes(16), classes={"food": ResourceClass("kg", 1, 1000)})


def member(node: bytes, *, is_dialer: bool, charter: Charter | None = OOST, limits: Limits | None = None) -> Session:
    return Session(charter=charter, node=node, is_dialer=is_dialer, clock_ms=1_000, limits=limits or Limits())


def exchange(one: Session, other: Session) -> tuple[list[Event], list[Event]]:
    """Carry bytes both ways until both are silent; return what each heard."""
    heard: tuple[list[Event], list[Event]] = ([], [])
    while True:
        there, back = one.to_send(), other.to_send()
        if not there and not back:
            return heard
        heard[1].extend(other.receive(there))
        heard[0].extend(one.receive(back))


def greeted() -> tuple[Session, Session]:
    one, other = member(b"one", is_dialer=True), member(b"other", is_dialer=False)
    exchange(one, other)
    return one, other


def wire(*said: messages.Message) -> bytes:
    return b"".join(frames.write(messages.write(message)) for message in said)


def hello(network: bytes | None = OOST.network, node: bytes = b"stranger") -> messages.Hello:
    return messages.Hello(network, node, 1_000)


def rule_of(session: Session, data: bytes) -> str:
    with pytest.raises(Malformed) as refusal:
        list(session.receive(data))
    return refusal.value.rule


def chain(length: int, *, number: int = 1, body: bytes | None = None) -> list[Entry]:
    """A chain of custom entries, all sealed, each but the first with the body."""
    pair = keypair(number.to_bytes(32, "big"))
    opening = Header(None, 0, None, 1, "open", 0, bytes(8), b"", None, None, 0, [pair.public, None])
    entries = [seal(opening, pair, network=OOST.network)]
    while len(entries) < length:
        entries.append(after(entries[-1], pair, body))
    return entries


def after(before: Entry, pair: KeyPair, body: bytes | None) -> Entry:
    place, named = before.header.sequence + 1, None if body is None else digest(body)
    header = Header(*(
        before.chain,
        place,
        before.id,
        place + 1,
        "x.test",
        0,
        bytes(8),
        b"",
        None,
        named,
        len(body or b""),
        [],
    ))
    return seal(header, pair, network=OOST.network, body=body)


class TestAGreeting:
    def test_is_told_to_both_sides_with_node_and_clock(self) -> None:
        one, other = member(b"one", is_dialer=True), member(b"other", is_dialer=False)

        heard_by_one, heard_by_other = exchange(one, other)

        assert heard_by_one == [Greeted(OOST.network, OOST, b"other", 1_000)]
        assert heard_by_other == [Greeted(OOST.network, OOST, b"one", 1_000)]
        assert one.is_open
        assert other.is_open

    def test_is_begun_by_the_dialer_alone(self) -> None:
        listener = member(b"other", is_dialer=False)

        assert listener.to_send() == b""

    def test_comes_before_everything_else(self) -> None:
        assert rule_of(member(b"one", is_dialer=False), wire(Heads((), True))) == "session.hello"

    def test_comes_once(self) -> None:
        assert rule_of(member(b"one", is_dialer=False), wire(hello(), hello())) == "session.hello"

    def test_is_refused_by_a_peer_of_another_network_which_names_both(self) -> None:
        stranger, listener = member(b"one", is_dialer=True, charter=WEST), member(b"other", is_dialer=False)

        with pytest.raises(Malformed) as refusal:
            list(listener.receive(stranger.to_send()))
        listener.send_refusal(refusal.value)
        (left,) = stranger.receive(listener.to_send())

        assert isinstance(left, Left)
        assert left.code == "network"
        assert left.text.count("bafyrei") == 2
        assert stranger.is_over
        assert listener.is_over

    def test_is_refused_in_another_version_whatever_else_it_holds(self) -> None:
        later = frames.write(b"\x83\x65hello\x02\xa0")

        assert rule_of(member(b"one", is_dialer=False), later) == "session.version"

    def test_is_refused_by_the_node_that_sent_it(self) -> None:
        assert rule_of(member(b"one", is_dialer=False), wire(hello(node=b"one"))) == "session.self"

    def test_is_not_preceded_by_anything_the_driver_says(self) -> None:
        with pytest.raises(ValueError, match="before the hellos"):
            member(b"one", is_dialer=True).send_heads([], complete=True)


class TestANewcomer:
    def test_is_given_the_charter(self) -> None:
        newcomer, listener = member(b"new", is_dialer=True, charter=None), member(b"other", is_dialer=False)

        heard_by_newcomer, heard_by_listener = exchange(newcomer, listener)

        assert heard_by_newcomer == [Greeted(OOST.network, OOST, b"other", 1_000)]
        assert heard_by_listener == [Greeted(None, None, b"new", 1_000)]
        assert not listener.is_open

    def test_may_ask_for_nothing_else(self) -> None:
        listener = member(b"other", is_dialer=False)

        assert rule_of(listener, wire(hello(None), Pulled({bytes(32): 0}))) == "session.newcomer"

    def test_takes_no_charter_but_that_of_the_network_in_the_hello(self) -> None:
        newcomer = member(b"new", is_dialer=True, charter=None)

        assert rule_of(newcomer, wire(hello(), messages.Chartered(WEST.raw))) == "session.network"

    def test_takes_no_charter_that_breaks_the_law_of_charters(self) -> None:
        newcomer = member(b"new", is_dialer=True, charter=None)

        assert rule_of(newcomer, wire(hello(), messages.Chartered(b"\x80"))).startswith("charter.")

    def test_learns_nothing_from_another_newcomer(self) -> None:
        newcomer = member(b"new", is_dialer=True, charter=None)

        assert rule_of(newcomer, wire(hello(None))) == "session.network"

    def test_is_the_only_one_who_is_given_a_charter(self) -> None:
        listener = member(b"other", is_dialer=False)

        assert rule_of(listener, wire(hello(), messages.Chartered(OOST.raw))) == "session.hello"


class TestMembers:
    def test_say_which_tips_they_hold(self) -> None:
        one, other = greeted()
        tip = tip_of(chain(3)[-1])

        one.send_heads([tip], complete=True)

        assert exchange(one, other)[1] == [Heads((tip,), True)]

    def test_say_that_they_hold_nothing(self) -> None:
        one, other = greeted()

        one.send_heads([], complete=True)

        assert exchange(one, other)[1] == [Heads((), True)]

    def test_say_only_the_latest_about_a_chain_while_the_other_does_not_read(self) -> None:
        one, other = greeted()
        entries = chain(20)

        for entry in entries:
            one.send_heads([tip_of(entry)])

        assert exchange(one, other)[1] == [Heads((tip_of(entries[-1]),), False)]

    def test_complete_a_large_frontier_with_its_last_frame_alone(self) -> None:
        one, other = greeted()
        tips = [Tip(number.to_bytes(32, "big"), 2**62, bytes(32)) for number in range(3_000)]

        one.send_heads(tips, complete=True)
        heard = [event for event in exchange(one, other)[1] if isinstance(event, Heads)]

        assert [event.complete for event in heard] == [False] * (len(heard) - 1) + [True]
        assert [tip for event in heard for tip in event.tips] == tips

    def test_pull_from_the_earliest_place_they_named(self) -> None:
        one, other = greeted()

        one.send_pull({bytes(32): 9})
        one.send_pull({bytes(32): 4})
        one.send_pull({bytes(32): 6})

        assert exchange(one, other)[1] == [Pulled({bytes(32): 4})]

    def test_ask_for_ids_once_and_sorted_in_frames_of_256(self) -> None:
        one, other = greeted()
        ids = [number.to_bytes(32, "big") for number in range(300)]

        one.send_ask(reversed(ids))
        one.send_ask(ids)
        heard = [event for event in exchange(one, other)[1] if isinstance(event, Asked)]

        assert [len(event.ids) for event in heard] == [256, 44]
        assert sorted(id for event in heard for id in event.ids) == ids

    def test_send_runs_that_arrive_as_they_were(self) -> None:
        one, other = greeted()
        entries = chain(5)
        runs = (tuple(entries[:3]), tuple(entries[3:]))

        one.send_runs(runs)
        (event,) = exchange(one, other)[1]

        assert isinstance(event, Runs)
        assert event.runs == runs

    def test_answer_a_ping_with_its_token(self) -> None:
        one, other = greeted()

        one.send_ping(b"1" * 32)
        (ping,) = exchange(one, other)[1]
        assert isinstance(ping, Pinged)
        other.send_pong(ping.token, b"2" * 32)

        assert exchange(one, other)[0] == [Ponged(ping.token, b"2" * 32)]
        assert not one.is_waiting

    def test_do_not_ping_again_before_the_pong(self) -> None:
        other = greeted()[1]

        assert rule_of(other, wire(Pinged(1, bytes(32)), Pinged(2, bytes(32)))) == "session.ping"

    def test_do_not_pong_unasked(self) -> None:
        other = greeted()[1]

        assert rule_of(other, wire(Ponged(1, bytes(32)))) == "session.ping"

    def test_part_with_a_code_and_a_sentence_and_nothing_after_it(self) -> None:
        one, other = greeted()

        one.send_heads([], complete=True)
        one.send_bye("closing", "the node is shutting down")
        one.send_heads([], complete=True)

        assert exchange(one, other)[1] == [Left("closing", "the node is shutting down")]
        assert list(other.receive(b"garbage after the bye")) == []
        assert one.to_send() == b""

    def test_part_with_a_sentence_that_is_cut_to_what_may_be_said(self) -> None:
        one, other = greeted()

        one.send_bye("closing", "€" * 600)

        assert exchange(one, other)[1] == [Left("closing", "€" * 170)]


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
